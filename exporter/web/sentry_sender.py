"""Who sends by the Sentry protocol: a project of the configuration, by a key of its DSN; and from which web page."""

import hashlib
from functools import lru_cache
from urllib.parse import urlsplit

from msgspec import Struct
from multidict import istr

from exporter.config.application import Project
from exporter.ingest import refusals
from exporter.web import auth
from exporter.web.call import Call, Refused

RATE_LIMITS = "X-Sentry-Rate-Limits"
ALLOWED_HEADERS = (
    "Accept, Authorization, Baggage, Content-Encoding, Content-Type, Origin, Sentry-Trace, X-Requested-With, "
    "X-Sentry-Auth"
)
_X_SENTRY_AUTH, _AUTHORIZATION = istr("X-Sentry-Auth"), istr("Authorization")
FORBIDDEN = "the DSN's key or project is not known here"


class Sender(Struct, frozen=True):
    """A project that may send. `key`: by which its rate is limited."""

    key: str
    service: str
    environment: str


def keys(call: Call) -> set[str]:
    """The keys that the request's headers and its query name; none, or more than one when they differ."""
    request = call.request
    given = (*request.headers.getall(_X_SENTRY_AUTH, ()), *request.headers.getall(_AUTHORIZATION, ()))
    found = set(_named(given))
    if request.rel_url.raw_query_string:
        found.update(key for key in request.rel_url.query.getall("sentry_key", ()) if key)
    return found


@lru_cache(maxsize=1_024)
def _named(given: tuple[str, ...]) -> frozenset[str]:
    """The keys in these headers. Those of one SDK are the same with every request, and stand in web pages for all."""
    found = set()
    for header in given:
        scheme, _, fields = header.strip().partition(" ")
        if scheme.lower() == "sentry":
            for field in fields.split(","):
                name, _, value = field.strip().partition("=")
                if name.strip().lower() == "sentry_key":
                    found.add(value.strip())
    return frozenset(key for key in found if key)


def client(call: Call) -> str:
    """The SDK that sends; empty when it does not say."""
    request = call.request
    said = [header.partition("sentry_client=")[2] for header in request.headers.getall(_X_SENTRY_AUTH, ())]
    said += [*request.rel_url.query.getall("sentry_client", ()), request.headers.get("User-Agent", "")]
    return next(filter(None, map(refusals.client, said)), "")


def dsn_key(dsn: object) -> set[str]:
    """The key of a DSN, as an envelope's header may have it."""
    if not isinstance(dsn, str):
        return set()
    try:
        key = urlsplit(dsn[:1_000]).username
    except ValueError:
        return set()
    return {key} if key else set()


def sender(call: Call, given: set[str]) -> Sender:
    """Whom the keys that came let in. Raises Refused."""
    config = call.services.config
    if not config.ingest.projects:
        return _local(call)
    source = auth.source(call.request.remote or "")
    project = config.ingest.projects.get(call.name)
    here = refusals.project(call.name)
    if len(given) > 1:
        call.guard.refusals.tell(f"two different keys for {here}")
        raise Refused(403, "the request names two different keys")
    key = next(iter(given), "")
    # Keys stand in web pages for all to read: who has a right one is let in, whoever guesses at the same address.
    if project is None or not auth.is_token(key.encode("utf-8", "surrogateescape"), project.keys):
        if key:
            call.guard.admit(source)
        why = f"no key for {here}" if not key else f"a key that {here} does not know"
        call.guard.refusals.tell(why if project is not None else f"{here} is not configured (ingest.projects)")
        refused = call.guard.refuse(source, given=bool(key), challenge="")
        raise Refused(403, FORBIDDEN if key else "the request names no key") from refused
    digest = hashlib.sha256(key.encode()).hexdigest()[:16]
    service = project.service or config.service or f"project-{call.name}"
    return Sender(f"{call.name}:{digest}", service, project.environment or config.environment)


def _local(call: Call) -> Sender:
    """No project is configured: this machine may send, under any."""
    remote, config = call.request.remote or "", call.services.config
    if auth.forwarded(call.request.headers) or (remote and not auth.loopback(remote)):
        call.guard.refusals.tell("another machine, as no project is configured (ingest.projects)")
        raise Refused(403, "only this machine may send, as no project is configured (ingest.projects)")
    number = call.name[:20] if call.name.isdigit() else ""
    return Sender("local", config.service or f"project-{number}", config.environment)


def origin_headers(call: Call) -> dict[str, str]:
    """What lets a web page read the answer; nothing when none asks. Raises Refused for a page that may not send."""
    origin = call.request.headers.get("Origin")
    if origin is None:
        return {}
    projects = call.services.config.ingest.projects
    project = projects.get(call.name)
    if not _may(origin, project, configured=bool(projects)):
        here, known = refusals.project(call.name), project is not None or not projects
        why = f"an Origin that {here} does not list" if known else f"{here} is not configured (ingest.projects)"
        call.guard.refusals.tell(why, origin=origin)
        raise Refused(403, "pages of this origin may not send to this project (ingest.projects: origins)")
    return {
        "Access-Control-Allow-Origin": "*" if project is not None and "*" in project.origins else origin,
        "Access-Control-Expose-Headers": f"{RATE_LIMITS}, Retry-After, X-Sentry-Error",
        "Cross-Origin-Resource-Policy": "cross-origin",
        "Vary": "Origin",
    }


def _may(origin: str, project: Project | None, *, configured: bool) -> bool:
    if project is not None:
        return "*" in project.origins or origin.lower() in {one.lower() for one in project.origins}
    # Without projects any page could make a browser on this machine send: only pages of this machine may.
    try:
        return not configured and auth.loopback(urlsplit(origin).hostname or "")
    except ValueError:
        return False
