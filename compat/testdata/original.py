"""Run the original daemon once for each command line on standard input.

A command line is a JSON array. The answer is a JSON array too: exit status,
standard output, standard error. The interpreter and the package are loaded
once; each run is a fork of that, so that a hundred runs take seconds.
"""

import json
import os
import sys
import tempfile

from supervisor import supervisord


def text(file):
    file.seek(0)
    return file.read().decode()


def runs():
    """Answer each command line; in the child, return instead."""
    for line in sys.stdin:
        argv = json.loads(line)
        with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
            pid = os.fork()
            if pid == 0:
                os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
                os.dup2(out.fileno(), 1)
                os.dup2(err.fileno(), 2)
                sys.argv = argv
                return True
            status = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
            print(json.dumps([status, text(out), text(err)]), flush=True)
    return False


if __name__ == "__main__":
    if runs():
        sys.exit(supervisord.main())
