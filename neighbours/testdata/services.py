"""Prints what testinfra says of programs: services.py CTL CONF [NAME...]"""

import json
import sys

import testinfra

ctl, conf, names = sys.argv[1], sys.argv[2], sys.argv[3:]
host = testinfra.get_host("local://")


def tell(service):
    try:
        return {
            "name": service.name,
            "is_running": service.is_running,
            "status": service.status,
            "pid": service.pid,
        }
    except (RuntimeError, AssertionError) as e:
        return {"name": service.name, "error": str(e).splitlines()[0]}


if names:
    told = [tell(host.supervisor(name, ctl, conf)) for name in names]
else:
    try:
        told = [tell(s) for s in host.supervisor.get_services(ctl, conf)]
    except AssertionError as e:
        told = [{"name": "", "error": str(e).splitlines()[0]}]
print(json.dumps(told))
