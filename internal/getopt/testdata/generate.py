"""Writes getopt-cases.json: random command lines with Python's own answers."""
import getopt
import json
import random

rnd = random.Random(5)
short = 'h?c:vnu:m:d:l:y:z:e:k'
long = ['help', 'configuration=', 'version', 'nodaemon', 'user=', 'umask=', 'directory=', 'logfile=',
        'logfile_maxbytes=', 'logfile_backups=', 'loglevel=', 'nocleanup', 'minprocs=']


def argument():
    kind = rnd.random()
    if kind < .3:
        name = rnd.choice(long).rstrip('=')
        name = name[:rnd.choice([len(name), rnd.randint(0, len(name))])]
        return '--' + name + rnd.choice(['', '', '=', '=v', '=a=b'])
    if kind < .7:
        return '-' + ''.join(rnd.choice('h?cvnumdlyzek' + 'nkvh' * 3 + 'x:é') for _ in range(rnd.randint(1, 3)))
    return rnd.choice(['--', '-', 'status', 'v', '', '-', 'a b'])


cases = {}
while len(cases) < 400:
    args = [argument() for _ in range(rnd.randint(1, 4))]
    settings, operands, error = [], [], ''
    try:
        settings, operands = getopt.getopt(args, short, long)
    except getopt.error as err:
        error = str(err)
    cases[tuple(args)] = dict(args=args, settings=settings, operands=operands, error=error)
with open('getopt-cases.json', 'w') as out:
    out.write('[\n' + ',\n'.join(json.dumps(c, ensure_ascii=False) for c in cases.values()) + '\n]\n')
