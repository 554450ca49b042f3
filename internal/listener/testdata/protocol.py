"""Feed listener output to the original; answer each case with what it does.

A case is a list of steps: bytes as a list of numbers, or null for an event
that is sent to the listener if it is ready. The answer has the log lines, and
"requeue" for each event put back.
"""

import json
import sys
from types import SimpleNamespace

from supervisor import dispatchers, events
from supervisor.states import EventListenerStates as States


def play(steps):
    said = []

    def log(level):
        def write(text):
            if " output:\n" not in text:
                said.append(level + " " + text)
        return write

    chunks = []
    options = SimpleNamespace(
        logger=SimpleNamespace(debug=log("DEBG"), warn=log("WARN")),
        readfd=lambda fd: chunks.pop())
    process = SimpleNamespace(
        config=SimpleNamespace(name="el", options=options, stdout_logfile=None),
        group=SimpleNamespace(config=SimpleNamespace(
            result_handler=dispatchers.default_handler)))
    events.clear()
    events.subscribe(events.EventRejectedEvent, lambda event: said.append("requeue"))
    dispatcher = dispatchers.PEventListenerDispatcher(process, "stdout", 0)
    for step in steps:
        if step is None:
            if process.listener_state == States.READY:
                process.listener_state = States.BUSY
                process.event = object()
        elif step:
            chunks.append(bytes(step))
            dispatcher.handle_read_event()
    return said


for line in sys.stdin:
    print(json.dumps(play(json.loads(line))))
