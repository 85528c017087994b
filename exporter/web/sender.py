"""Who sends OTLP and JSON events: somebody with a token, or, where none is configured, this machine."""

import hashlib

from exporter.web import auth
from exporter.web.call import Call, Refused

BEARER = 'Bearer realm="stack-exporter"'


def sender(call: Call) -> str:
    """The key by which its rate is limited. Raises Refused."""
    request, guard = call.request, call.guard
    if "Origin" in request.headers:
        # A web page of any site may make a browser on this machine send: what it can't do is leave the header out.
        raise Refused(403, "requests that a web page makes are not accepted here")
    tokens = call.services.config.ingest.tokens
    remote = request.remote or ""
    source = auth.source(remote)
    if not tokens:
        if remote and not auth.loopback(remote):
            raise Refused(403, "only this machine may send, as no token is configured (ingest.tokens)")
        return "local"
    guard.admit(source)
    header = request.headers.get("Authorization")
    token = auth.bearer(header) if header is not None else None
    if token is None or not auth.is_token(token, tokens):
        raise guard.refuse(source, given=header is not None, challenge=BEARER)
    return "token:" + hashlib.sha256(token).hexdigest()[:16]
