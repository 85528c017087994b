"""One back end: its target, the spool in which things wait for it, and what delivers them."""

import asyncio
import logging
import time
from collections.abc import Sequence
from pathlib import Path

from exporter.forward.clients import client
from exporter.forward.delivery import Delivery
from exporter.forward.figures import Figures
from exporter.forward.memory import Memory
from exporter.forward.ports import Lost, Queue, Record, Reply
from exporter.forward.spool import Spool
from exporter.forward.spool_folder import InUse
from exporter.forward.target import Target
from exporter.ingest.ports import Refusing
from exporter.tally import Tallies

log = logging.getLogger(__name__)

OPENING = 5.0
"""Seconds that a reload waits for a spool."""
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
        self.delivery = self._delivery(self.queue)

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

    async def open(self, *, starting: bool, before: "Backend | None" = None) -> None:
        """Open the spool, or keep what waits in memory and say so. Raises spool.InUse where the daemon is starting.

        `before`: what had this folder, and has stopped sending. What waits there waits here.
        """
        if before is not None and self._is_spool_of(before):
            self.queue, self.delivery = before.queue, self._delivery(before.queue)
            return
        held: Sequence[Record] = ()
        if before is not None:
            held = before.queue.hand_over() if isinstance(before.queue, Memory) else ()
            await before.queue.close(CLOSING)
        if self._folder is not None:
            try:
                self.queue = await self._spool(self._folder, within=None if starting else OPENING)
            except (OSError, InUse) as error:
                if starting and isinstance(error, InUse):
                    raise
                why = getattr(error, "strerror", None) or str(error)
                said = {**self._told, "folder": str(self._folder), "error": why}
                log.warning("what waits for a back end is kept in memory", extra=said)
            else:
                self.delivery = self._delivery(self.queue)
        await self._inherit(held)
        self.figures.show(self.queue, time.time())
        if self.queue.items:
            log.info(
                "what waited for a back end at the last stop is tried again",
                extra={**self._told, "items": self.queue.items},
            )

    async def stop(self) -> None:
        """Send nothing more, once `delivery.work` has ended."""
        await self.delivery.close()
        await self._client.close()

    async def close(self) -> None:
        """Let go of everything, once `delivery.work` has ended."""
        await self.stop()
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

    def _is_spool_of(self, before: "Backend") -> bool:
        """Whether its spool can be taken as it is: a large one takes time to open, one on a slow disk more."""
        same = self.target.waiting == before.target.waiting and self.name == before.name
        return same and isinstance(before.queue, Spool)

    async def _spool(self, folder: Path, within: float | None) -> Spool:
        """Opened. Raises OSError, of which TimeoutError is one, and InUse."""
        spool = Spool(folder, self.target.waiting, self.figures.lost, self.figures.corrupt)
        opening = asyncio.ensure_future(asyncio.to_thread(spool.open))
        if not (await asyncio.wait({opening}, timeout=within))[0]:
            opening.add_done_callback(lambda done: None if done.cancelled() or done.exception() else spool.abandon())
            raise TimeoutError(f"it can't be opened within {within:g} s")
        opening.result()
        return spool

    async def _inherit(self, held: Sequence[Record]) -> None:
        """Keep what waited in memory."""
        if isinstance(self.queue, Memory):
            self.queue.inherit(held)
            return
        for record in held:
            try:
                await self.queue.put(record.body, record.items)
            except Refusing as refusing:
                self.figures.lost("full" if refusing.reason == "full" else "stopped", record.items)

    def _delivery(self, queue: Queue) -> Delivery:
        return Delivery(
            queue,
            self._client,
            self,
            name=self.name,
            address=self.address,
            signal=self.signal,
            most=self.target.batch,
        )
