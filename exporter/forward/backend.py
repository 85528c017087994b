"""One back end: its target, the spool in which things wait for it, and what delivers them."""

import asyncio
import logging
import time
from pathlib import Path

from exporter.forward.clients import client
from exporter.forward.delivery import Delivery
from exporter.forward.figures import Figures
from exporter.forward.memory import Memory
from exporter.forward.ports import Lost, Queue, Reply
from exporter.forward.spool import Spool
from exporter.forward.spool_folder import InUse
from exporter.forward.target import Target
from exporter.tally import Tallies

log = logging.getLogger(__name__)

CLOSING = 1.0
"""Seconds for which what has been put is written down at the end."""


class Backend:
    """Of the loop's thread. Implements `delivery.Observer`."""

    def __init__(self, target: Target, folder: Path | None, tallies: Tallies) -> None:
        """`folder`: of its spool; None for one in memory."""
        self.target = target
        self.signal, self.name, self.address = target.signal, target.name, target.address
        self.figures = Figures(tallies, target.signal, target.name)
        self.last: Reply | None = None
        """What it answered last."""
        self._folder = folder
        self.queue: Queue = Memory(target.waiting, self.figures.lost)
        self._client = client(target)
        self.delivery = self._delivery()

    @property
    def state(self) -> str:
        """taken, later or rejected, as its last answer was; empty before the first."""
        return self.last.result if self.last is not None else ""

    @property
    def detail(self) -> str:
        return (self.last.detail or self.last.code) if self.last is not None else ""

    @property
    def last_success(self) -> float:
        """In Unix seconds; 0.0 when there was none."""
        return self.figures.last_success

    async def open(self, *, starting: bool) -> None:
        """Open the spool, or keep what waits in memory and say so. Raises spool.InUse where the daemon is starting."""
        if self._folder is not None:
            spool = Spool(self._folder, self.target.waiting, self.figures.lost, self.figures.corrupt)
            try:
                await asyncio.to_thread(spool.open)
            except (OSError, InUse) as error:
                if starting and isinstance(error, InUse):
                    raise
                why = getattr(error, "strerror", None) or str(error)
                said = {**self._told, "folder": str(self._folder), "error": why}
                log.warning("what waits for a back end is kept in memory", extra=said)
            else:
                self.queue = spool
                self.delivery = self._delivery()
        self.figures.show(self.queue, time.time())
        if self.queue.items:
            log.info("what waited for a back end is sent", extra={**self._told, "items": self.queue.items})

    async def close(self) -> None:
        """Let go of everything, once `delivery.work` has ended."""
        await self.delivery.close()
        await self._client.close()
        await self.queue.close(CLOSING)

    def answered(self, code: str, seconds: float) -> None:
        self.figures.answered(code, seconds)

    def sent(self, items: int) -> None:
        self.figures.sent(items, time.time())

    def dropped(self, reason: Lost, items: int) -> None:
        self.figures.lost(reason, items)

    def state_is(self, reply: Reply) -> None:
        self.last = reply

    @property
    def _told(self) -> dict[str, object]:
        return {"signal": self.signal, "backend": self.name, "address": self.address}

    def _delivery(self) -> Delivery:
        return Delivery(
            self.queue,
            self._client,
            self,
            name=self.name,
            address=self.address,
            signal=self.signal,
            most=self.target.batch,
        )
