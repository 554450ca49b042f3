"""An event listener on the package's own childutils.

Its arguments are a file, to which it appends each event as it came with a
line of dashes after it, and what it does about the events, in turn; the last
is repeated:

ok, fail     answer that
raw:TEXT     write TEXT, in which Python's escapes stand for bytes
until:PATH   wait for a file, then go on with the next for the same event
stop:NAME    stop a process by XML-RPC, then go on
state:NAME   append a process's state to the file, then go on
die:PATH     make a file and exit with status 1, or go on if it exists
"""

import os
import sys
import time

from supervisor import childutils


class Recorder:
    """Standard input that remembers what was read."""

    def __init__(self):
        self.text = ""

    def readline(self):
        return self.keep(sys.stdin.readline())

    def read(self, length):
        return self.keep(sys.stdin.read(length))

    def keep(self, text):
        self.text += text
        return text


def append(path, text):
    with open(path, "a", encoding="utf-8") as file:
        file.write(text)


def await_file(path):
    while not os.path.exists(path):
        time.sleep(0.01)


def raw(text):
    data = text.encode("latin-1").decode("unicode_escape").encode("latin-1")
    sys.stdout.flush()
    os.write(1, data)


def react(path, word):
    """Do one thing; report whether the event is done with."""
    verb, _, text = word.partition(":")
    if verb == "until":
        await_file(text)
        return False
    if verb == "stop":
        childutils.getRPCInterface(os.environ).supervisor.stopProcess(text)
        return False
    if verb == "state":
        rpc = childutils.getRPCInterface(os.environ)
        append(path, rpc.supervisor.getProcessInfo(text)["statename"] + "\n")
        return False
    if verb == "die":
        if not os.path.exists(text):
            append(text, "")
            os._exit(1)
        return False
    if verb == "ok":
        childutils.listener.ok()
    elif verb == "fail":
        childutils.listener.fail()
    elif verb == "raw":
        raw(text)
    else:
        sys.exit("no such verb: " + verb)
    return True


def main(path, words):
    while True:
        recorder = Recorder()
        childutils.listener.wait(stdin=recorder)
        append(path, recorder.text + "\n---\n")
        while not react(path, words[0]):
            words = words[1:]
        words = words[1:] or words


main(sys.argv[1], sys.argv[2:])
