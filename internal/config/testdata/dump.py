"""Loads configurations with the original and prints what it makes of them.

Standard input is one JSON object a line: {"args": [...], "dir": "..."}.
For each, one line of JSON is printed: {"error": text} or {"config": {...}}.

With "add": {...} in it, a [program:NAME] with these options is read by means
of the loaded configuration; then the answer is {"error": text}, {"bare": true}
for a TypeError, {"crash": text} for any other, or {"processes": [...]}.
"""
import json
import os
import sys
import warnings

from supervisor import options
from supervisor.datatypes import Automatic

warnings.simplefilter('ignore')


class Usage(Exception):
    pass


class Recorder(options.ServerOptions):
    def usage(self, msg):
        raise Usage(str(msg))


RESTART = {
    options.auto_restart('true'): 'always',
    options.auto_restart('unexpected'): 'unexpected',
    False: 'never',
}


def process(config):
    d = {}
    for name in config.req_param_names + config.optional_param_names:
        value = getattr(config, name)
        if value is Automatic:
            value = 'AUTO'
        if name == 'autorestart':
            value = RESTART[value]
        if name == 'stopsignal':
            value = int(value)
        d[name] = value
    return d


def group(config):
    d = {
        'kind': type(config).__name__,
        'name': config.name,
        'priority': config.priority,
        'processes': [process(p) for p in config.process_configs],
    }
    if hasattr(config, 'pool_events'):
        names = [k for k, v in vars(options_events()).items() if v in config.pool_events]
        d['events'] = sorted(names)
        d['buffer_size'] = config.buffer_size
    if hasattr(config, 'socket_config'):
        s = config.socket_config
        d['socket'] = {
            'url': s.url,
            'backlog': s.backlog,
            'owner': getattr(s, 'owner', None),
            'mode': getattr(s, 'mode', None),
        }
    return d


def options_events():
    from supervisor.events import EventTypes
    return EventTypes


SUPERVISORD = '''logfile logfile_maxbytes logfile_backups loglevel pidfile umask
nodaemon silent minfds minprocs nocleanup childlogdir user directory strip_ansi
identifier serverurl'''.split()


def flag(key, value):
    """Command line flags are 1, values from the file True."""
    return bool(value) if key in ('nodaemon', 'silent', 'strip_ansi', 'nocleanup') else value


def load(job):
    os.chdir(job['dir'])
    o = Recorder()
    try:
        o.realize(job['args'], doc='', progname='supervisord')
    except Usage as e:
        return {'error': str(e)}
    if 'add' in job:
        return add(o, job)
    servers = []
    for s in o.server_configs:
        servers.append({k: s.get(k) for k in (
            'section', 'host', 'port', 'file', 'chmod', 'chown', 'username', 'password')})
    return {'config': {
        'supervisord': {k: flag(k, getattr(o, k)) for k in SUPERVISORD},
        'environment': o.configroot.supervisord.environment,
        'groups': [group(g) for g in o.process_group_configs],
        'servers': servers,
        'plugins': [[name, extras] for name, _, extras in o.rpcinterface_factories],
        'warnings': o.parse_warnings,
        'infos': o.parse_infos,
    }}


def add(o, job):
    section = 'program:' + job['name']
    parser = options.UnhosedConfigParser()
    parser.add_section(section)
    for key, value in job['add'].items():
        parser.set(section, key, value)
    try:
        configs = o.processes_from_section(parser, section, job['group'])
    except ValueError as e:
        return {'error': str(e)}
    except TypeError:
        return {'bare': True}
    except Exception as e:
        return {'crash': repr(e)}
    return {'processes': [process(c) for c in configs]}


for line in sys.stdin:
    json.dump(load(json.loads(line)), sys.stdout)
    sys.stdout.write('\n')
