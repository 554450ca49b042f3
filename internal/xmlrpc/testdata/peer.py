"""The other side of python_test.go, on Python's xmlrpc.client.

peer.py read    reads documents (JSON list of base64) from standard input and
                prints what Python makes of each, in tagged form
peer.py write   prints pairs of a document and its values in tagged form, made
                from a fixed seed
"""
import base64, datetime, json, random, sys, xmlrpc.client as x


def tag(v):
    if isinstance(v, bool) or v is None:
        return v
    if isinstance(v, int):
        return {"int": str(v)}
    if isinstance(v, float):
        return {"double": v.hex()}
    if isinstance(v, x.DateTime):
        return {"date": v.value}
    if isinstance(v, x.Binary):
        return {"base64": base64.b64encode(v.data).decode()}
    if isinstance(v, (list, tuple)):
        return [tag(i) for i in v]
    if isinstance(v, dict):
        return {"struct": [[k, tag(v[k])] for k in sorted(v)]}
    return v


def load(doc):
    try:
        params, method = x.loads(doc)
    except x.Fault as f:
        return {"fault": [f.faultCode, f.faultString]}
    except Exception as e:
        return {"error": repr(e)}
    return {"method": method, "params": tag(params)}


ALPHABET = "ab <>&\"'\t\n]é日\u07ff\u0800\ud7ff\ue000\ufffd😀\U0010ffff\x7f\x80\u2028"


def text(r):
    return "".join(r.choice(ALPHABET) for _ in range(r.randrange(12)))


def value(r, depth):
    kind = r.randrange(11 if depth else 8)
    if kind == 0:
        return r.choice([0, 1, -1, 2**31 - 1, -2**31, r.randrange(-10**6, 10**6)])
    if kind == 1:
        return r.random() < 0.5
    if kind == 2:
        return r.choice([0.0, 1.0, -0.1, 1e15, 1e16, 1e-4, 1e-5, 1.7e308, 5e-324, r.uniform(-9, 9), r.uniform(-9, 9) * 10.0 ** r.randrange(-30, 30)])
    if kind == 3:
        return None
    if kind == 4:
        return x.DateTime(datetime.datetime(r.randrange(1970, 2100), 1 + r.randrange(12), 1 + r.randrange(28), r.randrange(24), r.randrange(60), r.randrange(60)))
    if kind == 5:
        # The first byte keeps it from being UTF-8, which a call makes a string.
        return x.Binary(b"\xff" + r.randbytes(r.randrange(200)))
    if kind < 8:
        return text(r)
    if kind == 8:
        names = sorted({text(r) for _ in range(r.randrange(5))}, key=lambda s: s.encode())
        return {name: value(r, depth - 1) for name in names}
    return [value(r, depth - 1) for _ in range(r.randrange(5))]


def write():
    r = random.Random(4711)
    for _ in range(200):
        params = tuple(value(r, 4) for _ in range(r.randrange(4)))
        yield x.dumps(params, "m.\u65e5" + str(r.randrange(9)), allow_none=True), tag(params)
    for _ in range(200):
        params = (value(r, 4),)
        yield x.dumps(params, methodresponse=True, allow_none=True), tag(params)


if sys.argv[1] == "read":
    docs = [base64.b64decode(d) for d in json.load(sys.stdin)]
    json.dump([load(d) for d in docs], sys.stdout)
else:
    json.dump(list(write()), sys.stdout)
