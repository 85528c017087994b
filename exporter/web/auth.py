"""Who may see and do what: bearer tokens, how often one may guess, and which Host a request may name.

The admin API takes `Authorization: Bearer TOKEN` alone. A browser can't send that by itself: `/login` asks it for a
user (any) and a password, which is an admin token, and from then on it sends `Authorization: Basic` by itself, until it
is closed. Because it also does so for requests that another site makes it send, Basic opens what is only looked at (the
page and /health…), never what changes something. A valid admin token also passes the basic authentication of
--web.config.file, as both want the one Authorization header.
"""

import base64
import hashlib
import hmac
import ipaddress
import time
from collections import OrderedDict
from collections.abc import Callable, Collection, Container, Sequence
from functools import lru_cache
from typing import Literal

from exporter.ingest.refusals import Refusals
from exporter.metric import counter
from exporter.tally import Tallies
from exporter.values import Secret
from exporter.web.refused import Refused

AUTH_FAILURES = counter(
    "stack_exporter_auth_failures_total",
    "Requests refused for their credentials, by listener (web or ingest) and reason: missing, wrong, or limited after "
    "too many wrong ones.",
    "listener",
    "reason",
)
Listener = Literal["web", "ingest"]
WINDOW = 60.0
A_SOURCE, EVERYONE = 10, 1_000
"""Wrong credentials within the window: after them one source must wait; after those of all, each source has but one."""
SOURCES = 10_000
CREDENTIALS_IN_A_QUERY = frozenset(
    {"token", "access_token", "auth_token", "auth", "authorization", "bearer", "api_key", "apikey", "key", "password"}
    | {"admin_token"}
)
_FORWARDED = ("forwarded", "x-forwarded-for", "x-forwarded-host", "x-real-ip", "via")
_LOOPBACK_NAMES = frozenset({"localhost", "localhost.localdomain", "ip6-localhost", "ip6-loopback"})


class Failures:
    """Wrong credentials of the last minute by source, in bounded memory."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._sources: OrderedDict[str, tuple[float, int]] = OrderedDict()
        self._everyone = (0.0, 0)

    def wait(self, source: str) -> float:
        """Seconds until this source may try again; 0 when it may now."""
        now = self._clock()
        began, failures = self._sources.get(source, (now, 0))
        if now - began >= WINDOW:
            return 0.0
        allowed = A_SOURCE if now - self._everyone[0] >= WINDOW or self._everyone[1] < EVERYONE else 1
        return WINDOW - (now - began) if failures >= allowed else 0.0

    def add(self, source: str) -> None:
        now = self._clock()
        self._sources[source] = _counted(self._sources.pop(source, (now, 0)), now)
        self._everyone = _counted(self._everyone, now)
        if len(self._sources) > SOURCES:
            self._sources.popitem(last=False)

    def __len__(self) -> int:
        return len(self._sources)


class Guard:
    """Compares credentials and counts the wrong ones."""

    def __init__(
        self, tallies: Tallies, clock: Callable[[], float] = time.monotonic, *, listener: Listener = "web"
    ) -> None:
        self.failures = Failures(clock)
        self.refusals = Refusals(clock)
        reasons = ("missing", "wrong", "limited")
        self._counts = {reason: tallies.child(AUTH_FAILURES, listener, reason) for reason in reasons}

    def admit(self, source: str) -> None:
        """Whether credentials of this source are looked at now. Raises Refused."""
        if wait := self.failures.wait(source):
            self._counts["limited"].add()
            retry = {"Retry-After": str(int(wait) + 1)}
            raise Refused(429, "too many wrong credentials; wait before the next try", headers=retry)

    def refuse(self, source: str, *, given: bool, challenge: str) -> Refused:
        """401 in the same words whatever is wrong. Counts a guess, when credentials were given."""
        self._counts["wrong" if given else "missing"].add()
        if given:
            self.failures.add(source)
        return Refused(401, "missing or wrong credentials", headers={"WWW-Authenticate": challenge})


def is_token(candidate: bytes, tokens: Sequence[Secret]) -> bool:
    """Whether it is one of the tokens. By digests: compare_digest tells lengths apart and refuses non-ASCII text."""
    digest = hashlib.sha256(candidate).digest()
    found = False
    for token in tokens:  # all of them, so that the time does not tell which
        found |= hmac.compare_digest(digest, hashlib.sha256(token.reveal().encode("utf-8", "surrogateescape")).digest())
    return found and bool(candidate)


def bearer(header: str) -> bytes | None:
    """The token of `Bearer TOKEN`, '' when there is none behind it; None for another scheme."""
    scheme, _, rest = header.partition(" ")
    return rest.strip().encode("utf-8", "surrogateescape") if scheme.lower() == "bearer" else None


def basic(header: str) -> tuple[str, bytes] | None:
    """User and password of `Basic …`, empty when malformed; None for another scheme."""
    scheme, _, rest = header.partition(" ")
    if scheme.lower() != "basic":
        return None
    try:
        user, _, password = base64.b64decode(rest.strip(), validate=True).partition(b":")
    except ValueError:
        return "", b""
    return user.decode("utf-8", "replace"), password


@lru_cache(maxsize=4096)
def source(address: str) -> str:
    """What counts as one source: an IPv4 address, or an IPv6 network of /64, which one host has to itself."""
    try:
        parsed = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return address
    if isinstance(parsed, ipaddress.IPv6Address):
        mapped = parsed.ipv4_mapped
        return str(mapped or ipaddress.ip_network((parsed, 64), strict=False))
    return str(parsed)


@lru_cache(maxsize=4096)
def loopback(address: str) -> bool:
    """Whether an address, or the name in a Host header, means this machine."""
    if address in _LOOPBACK_NAMES:
        return True
    try:
        return ipaddress.ip_address(address.partition("%")[0]).is_loopback
    except ValueError:
        return False


def forwarded(names: Container[str]) -> bool:
    """Whether headers of these names came by a proxy, so that the address is the proxy's and says nothing."""
    return any(name in names for name in _FORWARDED)


def hostname(host: str) -> str:
    """The name or address in a Host header, without port and brackets."""
    host = host.strip().lower()
    if host.startswith("["):
        return host[1:].partition("]")[0]
    return host.partition(":")[0].removesuffix(".")


def host_allowed(host: str, allowed: Collection[str]) -> bool:
    """Whether a Host header is an address or a name of ours, not one that an attacker points at us (DNS rebinding)."""
    name = hostname(host)
    if loopback(name) or name in {hostname(one) for one in allowed}:
        return True
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True


def _counted(entry: tuple[float, int], now: float) -> tuple[float, int]:
    began, failures = entry
    return (now, 1) if now - began >= WINDOW or not failures else (began, failures + 1)
