"""What every request goes through, whatever its route: header checks, its id, who sends it, the answer, the count."""

import logging
import re
import secrets
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Literal
from urllib.parse import unquote

from aiohttp import web

from exporter.log import request_id
from exporter.metric import counter
from exporter.values import Secret
from exporter.web import auth, negotiate
from exporter.web.answer import refusal, respond
from exporter.web.body import body
from exporter.web.call import Answer, Call, Handler, Refused, Room, Services
from exporter.web.notice import notice
from exporter.web.passwords import Passwords
from exporter.web.required import check
from exporter.web.shortcut import Brief
from exporter.web.toolkit import Toolkit
from exporter.web.wire import Written, taken, written

log = logging.getLogger(__name__)

HTTP_REQUESTS = counter(
    "stack_exporter_http_requests_total", "Requests that were answered, by route and status code.", "handler", "code"
)

Access = Literal["open", "scrape", "look", "admin", "hook", "alertmanager", "ingest"]
"""Who may: `open` anybody always; `scrape` whom the web configuration lets in; `look` the same, who see more with a
token, also as a browser sends it; `admin` with a token and from no other site; `hook` with the token of the component
that the path names, whatever the web configuration says, and no web page; `alertmanager` the same with its own token,
for a handler that reads the body itself; `ingest` whom the handler lets in, which
reads the body itself."""

BASIC, BEARER = 'Basic realm="stack-exporter", charset="UTF-8"', 'Bearer realm="stack-exporter"'
LARGEST_BODY = 64 * 1024
_ID = re.compile(r"[A-Za-z0-9._-]{1,64}")
_UNREAD: Sequence[Access] = ("alertmanager", "ingest")


@dataclass(frozen=True, slots=True)
class Route:
    """`path` may hold `{name}`, one part of a path. `handler` is its name in the metric."""

    method: str
    path: str
    handler: str
    answer: Handler
    access: Access


class Site:
    """The routes of one listener. `services` and `toolkit` may be replaced while it answers."""

    def __init__(
        self,
        routes: Sequence[Route],
        services: Services,
        *,
        toolkit: Toolkit | None = None,
        hosts: Collection[str] = (),
        room: Room | None = None,
        listener: auth.Listener = "web",
    ) -> None:
        """`hosts`: names that the listener itself was given; `room`: what bodies in flight share with other sites.

        `listener`: under which wrong credentials are counted.
        """
        self.services = services
        self._routes = tuple(routes)
        known = [(route.method, route.path) for route in routes if "{" not in route.path]
        self._plain = {(method, path): self._named(method, path)[0] for method, path in known}
        self._hosts = tuple(host for host in hosts if host)
        self.guard = auth.Guard(services.state.tallies, listener=listener)
        self.room = room or Room()
        self._toolkit, self._passwords = toolkit, Passwords({})
        self.toolkit = toolkit

    @property
    def toolkit(self) -> Toolkit | None:
        return self._toolkit

    @toolkit.setter
    def toolkit(self, toolkit: Toolkit | None) -> None:
        self._passwords.close()
        self._toolkit = toolkit
        self._passwords = Passwords(toolkit.users if toolkit else {})
        self._extra = {name: value for name, value in toolkit.headers.items() if value} if toolkit else {}

    def close(self) -> None:
        """End what the site holds."""
        self._passwords.close()

    async def __call__(self, request: web.BaseRequest) -> web.Response:
        """The response to a request."""
        return self._response(*await self._settled(request))

    async def brief(self, request: web.BaseRequest) -> Written:
        """The same to one that came by the shortcut, ready to be sent."""
        call, answer, handler = await self._settled(request)
        if (
            answer.status == 200
            and answer.body is not None
            and not (answer.headers or answer.compressible or self._extra)
        ):
            self._count(handler, 200)
            return taken(answer, answer.body, call.id)
        return written(self._response(call, answer, handler))

    async def _settled(self, request: web.BaseRequest) -> tuple[Call, Answer, str]:
        """The answer, and the name of what gave it."""
        given = request.headers.get("X-Request-ID", "")
        id_ = given if _ID.fullmatch(given) else secrets.token_hex(8)
        call = Call(request, self.services, id_, self.guard, self.room)
        request_id.set(call.id)
        route: Route | None = None
        try:
            if not isinstance(request, Brief):
                check(request.headers, request.version)
            route = self._route(call)
            if route.access != "ingest":
                await self._admit(call, route)
            if route.access not in _UNREAD:
                _check_length(request)
            if request.method not in ("GET", "HEAD") and route.access not in _UNREAD:
                call.body = await self._body(request)
            answer = await route.answer(call)
        except Refused as refused:
            answer = notice(refused) if negotiate.html(_joined(request, "Accept")) else refusal(refused)
        except Exception:
            log.exception("a request failed", extra={"request_id": call.id})
            answer = refusal(Refused(500, "internal error; its cause is in the log under this request's id"))
        finally:
            self.room.free(call.held)
        return call, answer, route.handler if route else "unknown"

    def refuse(self, refused: Refused, why: str) -> web.Response:
        """The response to what does not reach a route, or comes back too large; `why` is counted."""
        self._count(why, refused.status)
        return respond(refusal(refused), request_id=secrets.token_hex(8))

    def _response(self, call: Call, answer: Answer, handler: str) -> web.Response:
        self._count(handler, answer.status)
        gzip = answer.compressible and negotiate.gzip(_joined(call.request, "Accept-Encoding"))
        return respond(answer, request_id=call.id, gzip=gzip, extra=self._extra)

    def _count(self, handler: str, code: int) -> None:
        self.services.state.tallies.child(HTTP_REQUESTS, handler, str(code)).add()

    def _route(self, call: Call) -> Route:
        method = "GET" if call.request.method == "HEAD" else call.request.method
        path = call.request.rel_url.raw_path
        route = self._plain.get((method, path))
        if route is None:
            route, call.name = self._named(method, path)
        return route

    def _named(self, method: str, path: str) -> tuple[Route, str]:
        """The first route that is meant, and the {…} of its path. Raises Refused."""
        allowed: set[str] = set()
        for route in self._routes:
            prefix, brace, after = route.path.partition("{")
            end = after.partition("}")[2]
            rest = path[len(prefix) : len(path) - len(end)]
            named = brace and path.startswith(prefix) and path.endswith(end) and rest and "/" not in rest
            if path != route.path and not named:
                continue
            if route.method == method:
                return route, unquote(rest, errors="replace") if brace else ""
            allowed |= {route.method, "HEAD"} if route.method == "GET" else {route.method}
        if allowed:
            methods = ", ".join(sorted(allowed))
            raise Refused(405, f"method not allowed: use {methods}", headers={"Allow": methods})
        raise Refused(404, "there is nothing at this path")

    async def _admit(self, call: Call, route: Route) -> None:
        """Whether the sender may, and how much it may see."""
        if route.access == "open":
            return
        if self._toolkit and not self._toolkit.bucket.take():
            raise Refused(429, "too many requests", headers={"Retry-After": "1"})
        request, tokens = call.request, self.services.web.admin_tokens
        if not auth.CREDENTIALS_IN_A_QUERY.isdisjoint(key.lower() for key in request.rel_url.query):
            raise Refused(400, "credentials do not belong into the URL: send them in the Authorization header")
        header = request.headers.get("Authorization")
        users = bool(self._toolkit and self._toolkit.users)
        source = auth.source(request.remote or "")
        hook = route.access in ("hook", "alertmanager")
        if header is not None and (users or hook or (tokens and route.access != "scrape")):
            self.guard.admit(source)
        if route.access == "admin":
            self._check_site(request)
        if hook:
            self._check_hook(call, route, header, source)
            return
        call.admin = _is_token(header, tokens, browser=route.access == "look")
        if users and not call.admin:
            await self._check_user(header, source)
        elif header is not None and tokens and not call.admin and route.access == "look":
            raise self.guard.refuse(source, given=True, challenge=BASIC)
        if route.access == "admin" and not call.admin:
            if not tokens:
                raise Refused(403, "the admin API is closed: no admin token is configured (web.admin_tokens)")
            raise self.guard.refuse(source, given=header is not None, challenge=BEARER)
        call.local = not tokens and _is_local(request)

    async def _check_user(self, header: str | None, source: str) -> None:
        given = auth.basic(header or "")
        if given is None or not await self._passwords.right(*given):
            raise self.guard.refuse(source, given=header is not None, challenge=BASIC)

    def _check_hook(self, call: Call, route: Route, header: str | None, source: str) -> None:
        """The hook's own token, as Bearer or as a password. A component that is none is answered alike."""
        if "Origin" in call.request.headers:
            raise Refused(403, "requests that a web page makes are not accepted")
        if route.access == "alertmanager":
            token = self.services.config.alertmanager.token
            if token is None:
                raise Refused(403, "the hook is closed: no token is configured for it (alertmanager.token)")
        else:
            record = self.services.state.records.get(call.name)
            ours = record is not None and record.component.kind == route.handler
            token = getattr(record.component.probe, "token", None) if record is not None and ours else None
        if not isinstance(token, Secret) or not _is_token(header, (token,), browser=True):
            raise self.guard.refuse(source, given=header is not None, challenge=BEARER)

    def _check_site(self, request: web.BaseRequest) -> None:
        """No browser is made to do it: not from another site, nor under a name that an attacker points here (F56)."""
        if request.method not in ("GET", "HEAD") and "Origin" in request.headers:
            raise Refused(403, "requests that a web page makes are not accepted")
        ours = (*self._hosts, *self.services.web.allowed_hosts)
        if not auth.host_allowed(request.headers.get("Host", ""), ours):
            raise Refused(403, "this Host is not known: add it to web.allowed_hosts")

    @staticmethod
    async def _body(request: web.BaseRequest) -> bytes:
        """Read to its end also where no route wants it: what comes is bounded all the same."""
        if request.body_exists and "Content-Encoding" in request.headers:
            raise Refused(415, "a compressed body is not accepted here")
        return await body(request, LARGEST_BODY)


def _check_length(request: web.BaseRequest) -> None:
    if (request.content_length or 0) > LARGEST_BODY:
        raise Refused(413, f"the body is larger than {LARGEST_BODY} bytes")


def _is_token(header: str | None, tokens: Sequence[Secret], *, browser: bool) -> bool:
    if header is None or not tokens:
        return False
    token = auth.bearer(header)
    if token is None and browser and (given := auth.basic(header)):
        token = given[1]
    return token is not None and auth.is_token(token, tokens)


def _is_local(request: web.BaseRequest) -> bool:
    """Whether somebody on this machine asks, not a proxy on it and not a page that rebinds its name to it."""
    host = auth.hostname(request.headers.get("Host", ""))
    return not auth.forwarded(request.headers) and auth.loopback(request.remote or "") and auth.loopback(host)


def _joined(request: web.BaseRequest, name: str) -> str:
    return ",".join(request.headers.getall(name, ()))
