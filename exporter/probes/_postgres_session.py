"""One session with PostgreSQL by asyncpg: its query is cancelled when the run is, its errors are one of a few words."""

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from typing import Any

from exporter.probe import Down, Readings
from exporter.probes._postgres_dsn import Target
from exporter.probes._postgres_errors import failure
from exporter.probes._postgres_wire import Loop, Unreached
from exporter.probes._tls import Certificate

_CANCEL = 0.5
"""Seconds that a cancelled run takes to cancel its query: less than the one that schedule leaves it."""


@asynccontextmanager
async def session(
    out: Readings,
    target: Target,
    password: str | None,
    settings: Mapping[str, str],
    secrets: object,
    show: Callable[[Certificate], None] | None = None,
) -> AsyncIterator[Any]:
    """A new connection, in the phases of `Loop` and "session", closed at the end. Raises Down for what goes wrong.

    `settings` go into the startup message, which poolers refuse; `secrets` is what no detail may hold; `show` is told
    the server's certificate.
    """
    loop = Loop(out, target, password, show)
    try:
        connection = await _connect(loop, password, settings)
        try:
            yield connection
            # Waits for the server to close, so that the session is gone before the next one comes.
            await connection.close()
        except asyncio.CancelledError:
            await _cancel(connection)
            raise
        finally:
            connection.terminate()
    except Unreached as unreached:
        raise unreached.down from None
    except (Down, asyncio.CancelledError):
        raise
    except Exception as error:
        down = failure(error, loop, secrets)
        if down is None:
            raise
        raise down from None
    finally:
        loop.abort()


async def _connect(loop: Loop, password: str | None, settings: Mapping[str, str]) -> Any:
    import asyncpg  # noqa: PLC0415 - the driver is an extra, and 16 MB

    target = loop.target
    server = {"application_name": "stack-exporter", **settings}
    if target.options:
        server["options"] = target.options
    try:
        connection = await asyncpg.connect(
            loop=loop,
            host=target.hosts and list(target.hosts),
            port=target.ports and list(target.ports),
            user=target.user,
            password=password,
            database=target.database,
            ssl=False,  # ours is beneath it
            statement_cache_size=0,
            timeout=3600,  # the run's deadline is the only one
            server_settings=server,
            **target.extra,
        )
    finally:
        if loop.began:
            loop.out.end("session", loop.began)
    loop.made = True
    return connection


async def _cancel(connection: Any) -> None:
    """Have the server cancel the query, which asyncpg does over a connection that it opens for that; then close."""
    try:
        await connection.close(timeout=_CANCEL)
    except (OSError, TimeoutError):
        return  # it is mute: closing is all that is left, and the caller does
