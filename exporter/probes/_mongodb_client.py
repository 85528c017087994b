"""A client of PyMongo's for one run: it fails at the first refusal, and nothing of it outlives `close`.

Left to itself it would look for a server again and again until the deadline, every half second.
"""

import asyncio
import contextlib
import time
import warnings
from collections.abc import Callable, Mapping
from typing import Any

from exporter.probe import Down
from exporter.probes._mongodb_errors import failure
from exporter.probes._mongodb_url import Target

CLOSING = 0.3
"""Seconds for an orderly end: the server is told that the session is over, and a mute one never answers that."""
_LONG = 3_600_000
"""Milliseconds: the run's deadline is the only one."""


class Client:
    """`close` it whatever happens."""

    def __init__(
        self, url: str, target: Target, login: Mapping[str, Any], deadline: float, clean: Callable[[str], str]
    ) -> None:
        """Raises Down."""
        from pymongo import AsyncMongoClient  # noqa: PLC0415 - the driver is an extra, and 23 MB

        self._target = target
        self._named = target.named or bool(login)
        self._clean = clean
        self._deadline = deadline
        self._failed: asyncio.Future[BaseException] = asyncio.get_running_loop().create_future()
        self._errors: dict[Any, BaseException] = {}
        # That a set has no primary is to be said before the deadline, which says nothing; PyMongo looks at its clock
        # every half second.
        patience = _LONG if target.direct else max(int((deadline - time.monotonic()) * 900) - 500, 50)
        try:
            with warnings.catch_warnings(action="ignore", category=UserWarning):  # of compressors that are missing here
                warnings.filterwarnings("error", "Unknown option")
                self._client: Any = AsyncMongoClient(
                    url,
                    **login,
                    appname="stack-exporter",
                    directConnection=target.direct,
                    maxPoolSize=1,
                    minPoolSize=0,
                    retryReads=False,
                    retryWrites=False,
                    serverMonitoringMode="poll",  # a streaming monitor would open one more connection
                    serverSelectionTimeoutMS=patience,
                    connectTimeoutMS=_LONG,
                    socketTimeoutMS=_LONG,
                    timeoutMS=None,
                    compressors=[],
                    event_listeners=[_listener(self._hear)],
                )
        except Exception as error:  # noqa: BLE001 - ValueError, TypeError, ConfigurationError, a UserWarning: all about the URL
            raise Down("configuration", f"{target.where}: {clean(str(error))}") from None

    @property
    def kind(self) -> str:
        """What the server is, in PyMongo's words: Standalone, Mongos, RSPrimary, RSSecondary, RSOther, …"""
        found = self._client.topology_description.server_descriptions().values()
        known = [str(each.server_type_name) for each in found if each.server_type_name != "Unknown"]
        return next((name for name in known if name == "RSPrimary"), known[0] if known else "")

    async def command(self, database: str, name: str, **more: Any) -> dict[str, Any]:
        """What the server answers. Raises Down."""
        left = max(int((self._deadline - time.monotonic()) * 900), 1)  # so that the server gives up before we do
        where = self._client.get_database(database)
        answer: asyncio.Task[Any] = asyncio.ensure_future(
            where.command(name, 1, read_preference=self._client.read_preference, maxTimeMS=left, **more)
        )
        try:
            await asyncio.wait({answer, self._failed}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            # Again and again: until Python 3.12 asyncio.wait_for, in which the driver waits for news of its servers,
            # forgets a cancellation that comes together with them.
            while not answer.done():
                answer.cancel()
                await asyncio.wait({answer}, timeout=0.01)
        if answer.cancelled():
            raise self._down(self._failed.result())
        if (error := answer.exception()) is not None:  # anything at all, when a server answers nonsense
            raise self._down(error)
        found = answer.result()
        if not isinstance(found, dict):
            raise Down("protocol", f"{self._target.where}: {name} was answered with no document")
        return found

    async def close(self) -> None:
        self._failed.cancel()
        # Twice: the first may be broken off while it tells the server that its sessions are over. They are given up
        # by then, so that the second ends the driver's tasks without a word to the server.
        for _ in range(2):
            with contextlib.suppress(Exception):  # what can't be said in parting is no matter
                async with asyncio.timeout(CLOSING):
                    await self._client.close()
                    return

    def _hear(self, address: Any, error: BaseException | None) -> None:
        """A look at a server has failed, or not: when it has for all that are known, there is nothing to wait for."""
        if error is None:
            self._errors.pop(address, None)
            return
        self._errors[address] = error
        known = set(self._client.topology_description.server_descriptions())
        if known <= set(self._errors) and not self._failed.done():
            self._failed.set_result(error)

    def _down(self, error: BaseException) -> Down:
        from pymongo import errors  # noqa: PLC0415

        where = self._target.where
        if isinstance(error, errors.ServerSelectionTimeoutError):
            description = self._client.topology_description
            if description.topology_type_name.startswith("ReplicaSet"):
                return Down("no_primary", f"{where}: {self._clean(_states(description))}")
            error = next(iter(self._errors.values()), error)
        return failure(error, where, self._clean, named=self._named)


def _states(description: Any) -> str:
    """What is known of a set's members, for people."""
    found = description.server_descriptions().items()
    known = ", ".join(f"{host}:{port} is {each.server_type_name}" for (host, port), each in sorted(found))
    return known or f"what answers is no member of {description.replica_set_name}"


def _listener(hear: Callable[[Any, BaseException | None], None]) -> Any:
    from pymongo.monitoring import ServerHeartbeatListener  # noqa: PLC0415

    class Heartbeats(ServerHeartbeatListener):
        def started(self, event: Any) -> None: ...

        def succeeded(self, event: Any) -> None:
            hear(event.connection_id, None)

        def failed(self, event: Any) -> None:
            hear(event.connection_id, event.reply)

    return Heartbeats()
