"""Writes random cases with Python's own answers: parse-, expand-,
environment-, match-cases.json. ini-cases.json and shlex-cases.json are older
and hold hand-made cases as well."""
import configparser
import fnmatch
import io
import json
import random
import shlex

rnd = random.Random(11)


def some(alphabet, low, high):
    return ''.join(rnd.choice(alphabet) for _ in range(rnd.randint(low, high)))


def write(name, count, make):
    cases = {}
    while len(cases) < count:
        case = make()
        cases[json.dumps(case['in'])] = case
    with open(name + '-cases.json', 'w') as out:
        out.write('[\n' + ',\n'.join(json.dumps(c, ensure_ascii=False) for c in cases.values()) + '\n]\n')


def parse():
    pieces = ['a', 'b', 'K', '=', ':', ';', '#', ' ', '  ', '\t', '[', ']', '[s]', '[t]', '[DEFAULT]', '%', '"', "'",
              '\n', '\n', '\n', '\r', '\r\n', '\x1c', '\xa0', '\u3000', '\x85', '\u2028', 'x=1', 'y = 2', ' ;', ' #',
              'É', '\n  ', '\n\t']
    text = rnd.choice(['', '[s]\n', '[s]\n', '[s]\n', '[s]\n']) + some(pieces, 1, 25)
    parser = configparser.RawConfigParser(inline_comment_prefixes=(';', '#'), strict=False)
    try:
        parser.read_file(io.StringIO(text, newline=None), "it's.conf")
        return {'in': text, 'sections': [[s, parser.items(s)] for s in parser.sections()], 'error': ''}
    except configparser.Error as err:
        return {'in': text, 'error': type(err).__name__ + ': ' + str(err)}


# The same stand in expand_test.go.
names = {'x': 'abc', 'n': 5, 'm': -1234567, 'o': 'q', 'e': '', 'u': 'é\u3000日\x00\'"', 'big': 2 ** 62,
         'a(b)': 'paren', ' s': 'sp'}


class Names(dict):
    def __str__(self):
        raise TypeError('not enough arguments for format string')  # ours: see Expand
    __repr__ = __str__


def expand():
    if rnd.random() < .5:
        text = '%(' + rnd.choice(list(names)) + ')' + some('-+ #0', 0, 2) + rnd.choice(['', '', '5', '12', '30']) + \
            rnd.choice(['', '.', '.3', '.0', '.10', '.25']) + rnd.choice('srdiuoxXeEfFgGcab') + rnd.choice(['', '|'])
    else:
        text = some(['%', '%', '%(x)', '%(n)', '%(m)', '%(o)', '%(u)', '%(big)', '%(a(b))', '%( s)', '%(zz)'] +
                    list('()sradiuoxXeEfFgGc-+ #013.*hlLé\nb') + ['%%', 'text'], 1, 9)
    what = 'Format string %r for %r ' % (text, 'sec.opt')
    try:
        return {'in': text, 'out': text % Names(names), 'error': ''}
    except KeyError as err:
        return {'in': text, 'out': '', 'error': what + 'contains names (%s) which cannot be expanded. '
                'Available names: %s' % (err, ', '.join(sorted(names)))}
    except Exception as err:
        reason = str(err).replace('not Names', 'not dict')
        return {'in': text, 'out': '', 'error': what + 'is badly formatted: ' + reason}


def environment():
    text = rnd.choice(['', 'A=', '1=x,', 'B="']) + some(['A', 'B', 'A=', 'B=', '=', ',', ',', '"', "'", '\\', ' ', '\n', '\t', '#', 'x', '1', '/a', 'é', '×',
                 '日', '~', '$', '@', '{', '""', "''", 'A=1,', 'B="x",', "C='y'", '\r', '\x0b'] + ['A="1",', 'B=x,', 'A', '1'] * 8, 1, 9)
    try:
        lexer = shlex.shlex(text, posix=True)
        lexer.wordchars += '/.+-():'
        tokens, pairs = list(lexer), {}
        while tokens:
            if len(tokens) < 3 or tokens[1] != '=':
                raise ValueError("Unexpected end of key/value pairs in value '%s'" % text)
            pairs[tokens[0]] = tokens[2]
            tokens = tokens[4:]
        return {'in': text, 'out': pairs, 'error': ''}
    except ValueError as err:
        return {'in': text, 'out': {}, 'error': str(err)}


def match():
    name = some('abcd-]![^.\\é', 0, 4)
    pattern = ''.join(rnd.choice([c, c, '*', '?', '[' + some('abc-]!^é' + c, 1, 4) + ']', some('abc-]![^*?.\\dé', 0, 2)])
                      for c in name) + rnd.choice(['', '', '*', '[', 'a'])
    return {'in': [pattern, name], 'out': fnmatch.fnmatchcase(name, pattern)}


write('parse', 300, parse)
write('expand', 500, expand)
write('environment', 300, environment)
write('match', 500, match)
