"""How many new groups there may be: so many an hour of a service, and of all; those that are known are no news."""

import time
from collections import OrderedDict
from collections.abc import Callable, Iterable

from exporter.ingest.limit import Buckets
from exporter.tally import OVERFLOW

HOUR = 3600.0
A_SERVICE, EVERYONE = 1_000, 10_000
"""New groups an hour. An application that has more errors of different kinds names them by what varies (F35)."""
KNOWN = 50_000
"""Fingerprints that are remembered, about 10 MB; the one that did not come for longest goes first."""


class Known:
    """The fingerprints that have their group. Outlives a reload."""

    def __init__(
        self,
        a_service: int = A_SERVICE,
        everyone: int = EVERYONE,
        known: int = KNOWN,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._services = Buckets(a_service / HOUR, a_service)
        self._everyone = Buckets(everyone / HOUR, everyone)
        self._known: OrderedDict[bytes, None] = OrderedDict()
        self._most = known
        self._clock = clock

    def admit(self, service: str, fingerprint: bytes) -> bool:
        """Whether it may be a group of its own: it is one, or there is room for a new one now."""
        if fingerprint in self._known:
            self._known.move_to_end(fingerprint)
            return True
        now = self._clock()
        if self._services.wait(service, 1, now) or self._everyone.wait("", 1, now):
            return False
        self._remember(fingerprint)
        return True

    def admit_overflow(self, fingerprint: bytes) -> bool:
        """The same of a service's overflow group: there may be as many new services an hour."""
        return self.admit(OVERFLOW, fingerprint)

    def remember(self, fingerprints: Iterable[str]) -> None:
        """Those that a store has, so that they are not taken for new after a restart."""
        for fingerprint in fingerprints:
            self._remember(bytes.fromhex(fingerprint))

    def __len__(self) -> int:
        return len(self._known)

    def _remember(self, fingerprint: bytes) -> None:
        self._known[fingerprint] = None
        if len(self._known) > self._most:
            self._known.popitem(last=False)
