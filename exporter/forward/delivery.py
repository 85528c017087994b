"""Takes what waits for a back end and sends it: in order, one request at a time, patiently."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from typing import Any, Protocol, TypeVar

from exporter.forward.patience import Patience
from exporter.forward.ports import Client, Lost, Queue, Record, Reply, Signal

log = logging.getLogger(__name__)

T = TypeVar("T")

GATHER = 0.2
"""Seconds that less than half a request waits for more."""
BEAT = 2.0
DIVISIBLE = ("400", "413", "INVALID_ARGUMENT", "RESOURCE_EXHAUSTED")
"""What a back end says of one wrong record among many, or of too many: each may be right alone."""


class Observer(Protocol):
    """Counts, and shows. Of one back end."""

    def answered(self, code: str, seconds: float) -> None: ...
    def sent(self, items: int) -> None: ...
    def dropped(self, reason: Lost, items: int) -> None: ...
    def state_is(self, reply: Reply) -> None:
        """The newest answer."""
        ...


class Delivery:
    """Of one back end's queue. What is under way when a call is cancelled goes on, and the next call waits for it."""

    def __init__(
        self,
        queue: Queue,
        client: Client,
        observer: Observer,
        *,
        name: str,
        address: str,
        signal: Signal,
        most: int,
        patience: Patience | None = None,
        gather: float = GATHER,
    ) -> None:
        self._queue = queue
        self._client = client
        self._observer = observer
        self._about = {"backend": name, "address": address, "signal": signal}
        self._most = most
        self._patience = patience or Patience()
        self._gather = gather
        self._turn = asyncio.Lock()
        self._flushes = 0
        self._waiting: asyncio.Future[Any] | None = None
        self._sending: asyncio.Task[Reply] | None = None
        self._answered = False
        self._alone = 0
        self._due = 0.0
        self._wished = False
        self._state = "taken"

    async def work(self, beat: Callable[[], object]) -> None:
        """Send for ever."""
        while True:
            beat()
            async with self._turn:
                if self._flushes:
                    await asyncio.sleep(0)  # one of them is next to have its turn
                    continue
                if self._sending is None:
                    if (rest := self._due - _now()) > 0:
                        await self._wait(asyncio.sleep(rest), beat)
                        continue
                    records = await self._wait(self._gathered(), beat)
                    if not records:
                        continue
                    self._begin(records)
                if self._sending is not None:
                    await self._wait(asyncio.shield(self._sending), beat)

    async def flush(self) -> None:
        """Send until nothing is left, or the back end does not take it now. Before all that `work` would wait for."""
        self._flushes += 1
        if self._waiting is not None:
            self._waiting.cancel()
        try:
            async with self._turn:
                await self._flush()
        finally:
            self._flushes -= 1

    async def close(self) -> None:
        """Give up a request that is under way; what it holds stays in the queue. One that is answered is counted."""
        if self._sending is not None:
            if not self._answered:
                self._sending.cancel()
            with suppress(asyncio.CancelledError):
                await self._sending

    async def _flush(self) -> None:
        while True:
            if self._sending is None:
                if not self._queue.items or (self._wished and self._due > _now()):
                    return
                self._begin(await self._queue.some(self._most))
            if self._sending is not None and (await asyncio.shield(self._sending)).result == "later":
                return

    async def _wait(self, awaited: Awaitable[T], beat: Callable[[], object]) -> T | None:
        """Beats meanwhile. None when a flush wants its turn."""
        waiting = self._waiting = asyncio.ensure_future(awaited)
        try:
            while not (await asyncio.wait({waiting}, timeout=BEAT))[0]:
                beat()
        finally:
            self._waiting = None
            if not waiting.done():
                waiting.cancel()
                await asyncio.wait({waiting})
        return None if waiting.cancelled() else waiting.result()

    async def _gathered(self) -> Sequence[Record]:
        """Wait for records, and a little for more when they are few."""
        records = await self._queue.some(self._most)
        if self._alone or sum(len(record.body) for record in records) * 2 >= self._most:
            return records
        await asyncio.sleep(self._gather)
        return await self._queue.some(self._most)

    def _begin(self, records: Sequence[Record]) -> None:
        if not records:
            return
        if self._alone:
            records = records[:1]
        self._answered = False
        self._sending = asyncio.create_task(self._deliver(records))

    async def _deliver(self, records: Sequence[Record]) -> Reply:
        try:
            began = _now()
            reply = await self._client.send(b"".join([record.body for record in records]))
            self._answered = True
            self._observer.answered(reply.code, _now() - began)
            await self._settle(records, reply)
            self._observer.state_is(reply)
            self._tell(reply)
            return reply
        finally:
            self._sending = None

    async def _settle(self, records: Sequence[Record], reply: Reply) -> None:
        if reply.result == "later":
            self._due = _now() + self._patience.pause(reply.retry_after)
            self._wished = reply.retry_after is not None
            return
        self._patience.reset()
        self._due = 0.0
        if reply.result == "rejected" and len(records) > 1 and reply.code in DIVISIBLE:
            self._alone = len(records)
            return
        self._alone = max(0, self._alone - len(records))
        items = await self._queue.done(len(records))  # those that it dropped meanwhile it has counted itself
        lost = min(reply.partial, items) if reply.result == "taken" else items
        if items > lost:
            self._observer.sent(items - lost)
        if lost:
            self._observer.dropped("partial" if reply.result == "taken" else "rejected", lost)

    def _tell(self, reply: Reply) -> None:
        state = "partial" if reply.result == "taken" and reply.partial else reply.result
        before, self._state = self._state, state
        if state == before:
            return
        extra = {**self._about, "reason": reply.code, "detail": reply.detail}
        if state == "taken":
            log.info("a back end takes all that is sent again", extra=self._about)
        elif state == "partial":
            log.warning("a back end takes only a part of what is sent, the rest is dropped", extra=extra)
        elif state == "rejected":
            log.warning("a back end rejects what is sent, which is dropped", extra=extra)
        else:
            log.warning("a back end can't be sent to, and what is for it waits", extra=extra)


def _now() -> float:
    return asyncio.get_running_loop().time()
