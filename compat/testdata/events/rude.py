"""An event listener that does not read what it is sent.

Its arguments are what it writes, in turn: TEXT, in which Python's escapes
stand for bytes; until:PATH waits for a file; close closes its standard input.
It then lives on.
"""

import os
import sys
import time

for word in sys.argv[1:]:
    if word.startswith("until:"):
        while not os.path.exists(word[len("until:"):]):
            time.sleep(0.01)
    elif word == "close":
        os.close(0)
    else:
        os.write(1, word.encode("latin-1").decode("unicode_escape").encode("latin-1"))

while True:
    time.sleep(60)
