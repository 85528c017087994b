"""Which of the replicas that share a store exposes what is read from it: the one that holds the lease."""

import asyncio
import secrets
import time
from contextlib import suppress

from exporter.ingest.ports import Refusing
from exporter.store.engine import Engine

LEASE, RENEW = 20.0, 5.0
"""Seconds for which it is granted, and between renewals."""
RELEASE = 1.0
"""Seconds in which to give it back at the end."""


class Lease:
    """One replica's; where nobody shares the store it is always held."""

    def __init__(self) -> None:
        self._owner = secrets.token_hex(8)
        self._until = self._renewed = -LEASE

    def held(self, engine: Engine) -> bool:
        """By our own clock, and a renewal before the server grants it to another."""
        return not engine.shared or time.monotonic() < self._until

    async def renew(self, engine: Engine) -> None:
        """Ask for it when it is time to. It stays held while the server is away, until it has run out."""
        now = time.monotonic()
        if not engine.shared or now - self._renewed < RENEW:
            return
        with suppress(Refusing):
            granted = await engine.leased(self._owner, LEASE)
            self._renewed = now
            self._until = now + LEASE - RENEW if granted else now

    async def release(self, engine: Engine) -> None:
        """Let another have it now, and not when it has run out."""
        if engine.shared and self.held(engine):
            with suppress(Refusing, TimeoutError):
                async with asyncio.timeout(RELEASE):
                    await engine.leased(self._owner, 0.0)
