"""Make XML-RPC calls as programs in Python do, and print what came back.

The first argument is the server: http://HOST:PORT is called with the standard
library alone, unix://PATH with the transport of the package supervisor. Each
line of standard input is a JSON array: the method, then its parameters.
"""

import json
import sys
import xmlrpc.client

server = sys.argv[1]
if server.startswith("unix://"):
    from supervisor.xmlrpc import SupervisorTransport

    user = sys.argv[2] if len(sys.argv) > 2 else None
    password = sys.argv[3] if len(sys.argv) > 3 else None
    proxy = xmlrpc.client.ServerProxy(
        "http://127.0.0.1", transport=SupervisorTransport(user, password, server), allow_none=True
    )
else:
    proxy = xmlrpc.client.ServerProxy(server, allow_none=True)

for line in sys.stdin:
    method, *params = json.loads(line)
    call = proxy
    for part in method.split("."):
        call = getattr(call, part)
    try:
        result = repr(call(*params))
    except xmlrpc.client.Fault as fault:
        result = repr(fault)
    except xmlrpc.client.ProtocolError as error:
        result = "HTTP %d %s" % (error.errcode, error.errmsg)
    except Exception as error:
        result = "broken: %s" % type(error).__name__
    print("%s -> %s" % (line.strip(), result), flush=True)
