"""Says in the log whom the daemon refuses and why, and who is heard of first: few lines, however much is sent."""

import logging
import re
import time
from collections.abc import Callable

log = logging.getLogger(__name__)

APART = 60.0
"""Seconds between two lines of one cause."""
CAUSES = 50
"""Of one minute that have a line of their own: the project in them is what a sender says."""
MANY = "more causes than are told apart"
SERVICES = 1_000
"""Whose first event has a line."""
_PROJECT = re.compile(r"[A-Za-z0-9_-]{1,20}")
_ORIGIN = re.compile(r"[a-z][a-z0-9+.-]{0,30}://[A-Za-z0-9_.:\[\]-]{1,200}")
_CLIENT = re.compile(r"[A-Za-z][A-Za-z0-9._-]{0,50}/[0-9][A-Za-z0-9.+-]{0,20}")


class Refusals:
    """Each cause at once, then once a minute with how much was refused since."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._told: dict[str, tuple[float, int]] = {}
        """Until when a cause is only counted, and how much of it there was."""

    def tell(self, why: str, count: int = 1, *, of: str = "requests", origin: str | None = None) -> None:
        """`why` holds nothing that was sent but what `project` gave, as each has a line of its own."""
        now = self._clock()
        if why not in self._told and len(self._told) >= CAUSES:
            self._told = {one: told for one, told in self._told.items() if now < told[0]}
            if len(self._told) >= CAUSES:
                why = MANY
        until, held_back = self._told.get(why, (now, 0))
        if now < until:
            self._told[why] = (until, held_back + count)
            return
        said: dict[str, object] = {"why": why, of: held_back + count}
        if origin is not None:
            said["origin"] = origin if _ORIGIN.fullmatch(origin) else "unreadable"
        log.warning("what a sender sends is refused", extra=said)
        self._told[why] = (now + APART, 0)


class Heard:
    """The services that something has come from since the start."""

    def __init__(self) -> None:
        self._services: set[str] = set()

    def of(self, service: str, what: str, client: Callable[[], str]) -> None:
        """Say that the first error or other event of a service has come."""
        if service not in self._services and len(self._services) < SERVICES:
            self._services.add(service)
            log.info("the first of a service has come", extra={"service": service, "first": what, "client": client()})


def project(said: str) -> str:
    """A project as a request names it, fit for a line."""
    return f"project {said}" if _PROJECT.fullmatch(said) else "a project that is none"


def client(said: str) -> str:
    """The name and version of an SDK, such as sentry.python/2.75.0; empty when it is none."""
    found = _CLIENT.match(said[:100])
    return found[0] if found else ""


def limited(source: str, key: str) -> str:
    """Who sends more than it may, by the key of its bucket."""
    kind = key.partition(":")[0]
    who = "this machine" if kind == "local" else project(kind) if source == "sentry" else "a token"
    return f"{who} is over its rate"
