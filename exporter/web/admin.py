"""What an administrator may have done: runs now, a reload."""

import asyncio
from collections.abc import Awaitable
from typing import Any, TypeVar

from exporter.probe import Result
from exporter.web import report
from exporter.web.call import Answer, Call, Refused

T = TypeVar("T")


class Admin:
    """The requests that do something. Each is done to its end, also when the client goes."""

    def __init__(self) -> None:
        self._reloading = asyncio.Lock()
        self._tasks: set[asyncio.Future[object]] = set()

    async def cycle(self, call: Call) -> Answer:
        """Run components now, `?component=` or all, and answer with the results."""
        services = call.services
        names = sorted(call.components() or services.state.records)
        if unknown := [name for name in names if name not in services.state.records]:
            raise Refused(404, "no component has this name", errors=[name[:200] for name in unknown[:100]])
        # A run belongs to all who wait for it, the schedule among them: a client that leaves must not cancel it.
        runs = [self._finish(services.scheduler.run_now(name)) for name in names]
        ended = await asyncio.gather(*runs, return_exceptions=True)
        results = [result for result in ended if isinstance(result, Result)]
        records = services.state.records
        data = [
            report.ran(result, records[result.component].status) for result in results if result.component in records
        ]
        bad = [f"{result.component}: {result.reason}" for result in results if not result.up]
        message = f"{len(results)} run, {len(bad)} unhealthy"
        return Answer(message=message, data={"results": data}, errors=bad, compressible=True)

    async def reload(self, call: Call) -> Answer:
        """Read the configuration anew; 422 with every problem when it is refused, and the one before stays."""
        problems = await self._finish(self._reload(call))
        if problems:
            message = "the configuration was refused; the one before stays in force"
            return Answer(422, message, errors=problems)
        return Answer(message="the configuration was reloaded")

    async def _reload(self, call: Call) -> list[str]:
        async with self._reloading:
            return list(await call.services.reload())

    def _finish(self, work: Awaitable[T]) -> asyncio.Future[T]:
        task: asyncio.Future[T] = asyncio.ensure_future(work)
        self._tasks.add(task)  # type: ignore[arg-type] # a future of T is one of object for keeping
        task.add_done_callback(self._end)
        return asyncio.shield(task)

    def _end(self, task: asyncio.Future[Any]) -> None:
        self._tasks.discard(task)
        if not task.cancelled():
            task.exception()  # seen, also when the client that asked has gone
