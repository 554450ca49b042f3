"""Print events of the original as JSON lines, for the cases on standard input.

The first line is the hierarchy: for each name the names it covers.
"""

import json
import sys
from types import SimpleNamespace

from supervisor import events, process
from supervisor.states import ProcessStates

NAMES = [name for name in vars(events.EventTypes) if name[0] != "_"]


def covers(name):
    mine = getattr(events.EventTypes, name)
    return sorted(n for n in NAMES if issubclass(getattr(events.EventTypes, n), mine))


def make(case):
    kind = getattr(events.EventTypes, case["type"])
    group = SimpleNamespace(config=SimpleNamespace(name=case["group"]))
    about = SimpleNamespace(
        config=SimpleNamespace(name=case["process"]), group=group,
        pid=case["pid"], backoff=case["tries"])
    data = bytes(case["data"] or [])
    if issubclass(kind, events.ProcessStateEvent):
        return kind(about, getattr(ProcessStates, case["from"]), case["expected"])
    if issubclass(kind, (events.ProcessLogEvent, events.ProcessCommunicationEvent)):
        return kind(about, about.pid, data)
    if issubclass(kind, events.RemoteCommunicationEvent):
        return kind(case["group"], data.decode())
    if issubclass(kind, events.ProcessGroupEvent):
        return kind(case["group"])
    return kind()


def envelope(case):
    event = make(case)
    pool = SimpleNamespace(config=SimpleNamespace(
        name="pool", options=SimpleNamespace(identifier="me")))
    return process.EventListenerPool._eventEnvelope(
        pool, type(event), case["serial"], case["poolSerial"], event.payload())


print(json.dumps({name: covers(name) for name in NAMES}))
for line in sys.stdin:
    print(json.dumps(envelope(json.loads(line))))
