"""Who sends OTLP and JSON events: somebody with a token, or, where none is configured, this machine."""

import hashlib
from collections.abc import Sequence

from exporter.values import Secret
from exporter.web import auth
from exporter.web.auth import Guard
from exporter.web.call import Call, Refused

BEARER = 'Bearer realm="stack-exporter"'


def sender(call: Call) -> str:
    """The key by which its rate is limited. Raises Refused."""
    request, guard = call.request, call.guard
    if "Origin" in request.headers:
        # A web page of any site may make a browser on this machine send: what it can't do is leave the header out.
        guard.refusals.tell("a web page, which may send by Sentry's protocol alone", origin=request.headers["Origin"])
        raise Refused(403, "requests that a web page makes are not accepted here")
    tokens, credential = call.services.config.ingest.tokens, request.headers.get("Authorization")
    return sending(tokens, guard, request.remote or "", credential, forwarded=auth.forwarded(request.headers))


def sending(tokens: Sequence[Secret], guard: Guard, remote: str, authorization: str | None, *, forwarded: bool) -> str:
    """The same of whoever has this address and sends this credential, by a proxy or not. Raises Refused."""
    if not tokens:
        if forwarded or (remote and not auth.loopback(remote)):
            guard.refusals.tell("another machine, as no token is configured (ingest.tokens)")
            raise Refused(403, "only this machine may send, as no token is configured (ingest.tokens)")
        return "local"
    source = auth.source(remote)
    guard.admit(source)
    token = auth.bearer(authorization) if authorization is not None else None
    if token is None or not auth.is_token(token, tokens):
        guard.refusals.tell("no token" if authorization is None else "a token that is not configured (ingest.tokens)")
        raise guard.refuse(source, given=authorization is not None, challenge=BEARER)
    return "token:" + hashlib.sha256(token).hexdigest()[:16]
