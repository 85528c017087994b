"""PostgreSQL as the store of errors, for several replicas, by few connections of its own."""

import asyncio
import logging
import re
from collections.abc import AsyncIterator, Callable, Coroutine, Sequence
from contextlib import asynccontextmanager
from functools import lru_cache
from itertools import count
from typing import Any, TypeVar

import asyncpg

from exporter.ingest.ports import Refusing
from exporter.store.connection import Unusable
from exporter.store.engine import Dialect, Transaction
from exporter.store.schema import TABLES, VERSION, statements
from exporter.values import Secret

log = logging.getLogger(__name__)

T = TypeVar("T")
Work = Callable[[Transaction], Coroutine[Any, Any, T]]

CONNECTIONS = 4
TRIES = 4
CONNECT, READ = 3.0, 5.0
"""Seconds."""
_LOCK = 0x73746163_6B657870
"""Of pg_advisory_xact_lock, while the schema is made."""
# A replica that stands still must not keep its locks from the others.
_BEGIN = "BEGIN; SET LOCAL lock_timeout = '4s'; SET LOCAL idle_in_transaction_session_timeout = '10s'"
_REASONS = {"53100": "full", "57014": "slow", "55P03": "slow", "25P03": "slow"}
_OURS = ("22", "23", "42", "0A")
"""Classes of SQLSTATE that speak of the statement, not of the server."""
_AGAIN = (asyncpg.UniqueViolationError, asyncpg.DeadlockDetectedError, asyncpg.SerializationError)
_ROW = 220
"""Bytes that an occurrence takes beside its body, with its three indexes."""
_LIVE = """
SELECT (SELECT n_live_tup FROM pg_stat_user_tables WHERE relid = 'stack_occurrences'::regclass),
       (SELECT coalesce(avg(octet_length(body)), 0)::float8
          FROM (SELECT body FROM stack_occurrences ORDER BY key DESC LIMIT 500) AS latest)
"""
_TAKEN = " + ".join(f"pg_total_relation_size('stack_{table}')" for table in TABLES)


class Statements:
    """A transaction of PostgreSQL's."""

    dialect: Dialect = "postgres"

    def __init__(self, connection: Any) -> None:
        self._connection = connection

    async def rows(self, sql: str, *args: Any) -> Sequence[Sequence[Any]]:
        found: Sequence[Sequence[Any]] = await self._connection.fetch(_numbered(sql), *args)
        return found

    async def run(self, sql: str, *args: Any) -> int:
        status: str = await self._connection.execute(_numbered(sql), *args)
        return int(status.rpartition(" ")[2])

    async def many(self, sql: str, rows: Sequence[Sequence[Any]]) -> None:
        await self._connection.executemany(_numbered(sql), rows)

    async def compute(self, work: Callable[[], T]) -> T:
        return await asyncio.to_thread(work)


class Postgres:
    """Opens connections as they are needed, and drops one of which it does not know the state."""

    shared = True

    def __init__(self, url: Secret) -> None:
        self._url = url
        self._idle: list[Any] = []
        self._room = asyncio.Semaphore(CONNECTIONS)
        self._size = 0
        self._full = False

    async def open(self) -> None:
        """Connect and make the schema. Raises Refusing, and Unusable for a newer one."""

        async def nothing(tx: Transaction) -> None:
            await tx.rows("SELECT 1")

        await self._refusing(self._transact(nothing), CONNECT, opening=True)

    def bound(self, size: int, low_space: float) -> None:  # noqa: ARG002 - its disk is not ours to see
        self._size = size

    async def write(self, work: Work[T], deadline: float, *, growing: bool = True) -> T:
        if growing and self._full:
            raise Refusing("full", 2.0)
        return await self._refusing(self._transact(work), deadline)

    async def read(self, work: Work[T]) -> T:
        async def reading() -> T:
            async with self._connection() as connection:
                try:
                    return await work(Statements(connection))
                except ValueError as error:  # of what was asked, not of the connection
                    wrong = error
            raise wrong

        return await self._refusing(reading(), READ)

    async def space(self) -> tuple[int, int]:
        """Of what it takes, the part of occurrences that were deleted is free: vacuum does not shrink the file."""

        async def reading(tx: Transaction) -> tuple[int, int]:
            ((taken, occurrences),) = await tx.rows(f"SELECT {_TAKEN}, pg_total_relation_size('stack_occurrences')")
            ((rows, width),) = await tx.rows(_LIVE)
            live = min(int((rows or 0) * (width + _ROW)), occurrences)
            return taken, taken - occurrences + live

        found = await self.read(reading)
        self._full = 0 < self._size <= found[1]
        return found

    async def shrink(self) -> bool:
        return False

    async def leased(self, owner: str, seconds: float) -> bool:
        """Whether the lease is `owner`'s for so long from now; by the server's clock, the only one that all share."""

        async def writing(tx: Transaction) -> bool:
            rows = await tx.rows(
                "INSERT INTO stack_lease (name, owner, ends) "
                "VALUES ('series', ?, clock_timestamp() + ? * interval '1 s') "
                "ON CONFLICT (name) DO UPDATE SET owner = excluded.owner, ends = excluded.ends "
                "WHERE stack_lease.owner = excluded.owner OR stack_lease.ends < clock_timestamp() RETURNING 1",
                owner,
                seconds,
            )
            return bool(rows)

        return await self.write(writing, READ, growing=False)

    async def close(self) -> None:
        idle, self._idle = self._idle, []
        for connection in idle:
            connection.terminate()

    async def _transact(self, work: Work[T]) -> T:
        async with self._connection() as connection:
            for left in reversed(range(TRIES)):
                try:
                    await connection.execute(_BEGIN)
                    result = await work(Statements(connection))
                    await connection.execute("COMMIT")
                except _AGAIN:
                    # Another replica has the same event, or the same group first.
                    await connection.execute("ROLLBACK")
                    if not left:
                        raise
                else:
                    return result
        raise AssertionError

    @asynccontextmanager
    async def _connection(self) -> AsyncIterator[Any]:
        async with self._room:
            connection = None
            while self._idle and connection is None:
                connection = self._idle.pop()
                if connection.is_closed():
                    connection = None
            if connection is None:
                connection = await self._connect()
            try:
                yield connection
            except BaseException:
                connection.terminate()  # what it was about is not known
                raise
            self._idle.append(connection)

    async def _connect(self) -> Any:
        connection = await asyncpg.connect(
            self._url.reveal(), timeout=CONNECT, server_settings={"application_name": "stack-exporter"}
        )
        try:
            await connection.execute(
                "SELECT set_config('synchronous_commit', 'on', false) "
                "WHERE current_setting('synchronous_commit') = 'off'"
            )
            await _migrate(connection)
        except BaseException:
            connection.terminate()
            raise
        return connection

    async def _refusing(self, work: Coroutine[Any, Any, T], seconds: float, *, opening: bool = False) -> T:
        """What the server and the network say of themselves, as Refusing."""
        try:
            async with asyncio.timeout(seconds):
                return await work
        except TimeoutError:
            raise Refusing("slow", 2.0) from None
        except Unusable as error:
            if opening:
                raise
            log.warning("the store was made newer by another replica", extra={"error": str(error)})
            raise Refusing("unavailable", 5.0) from None
        except (asyncpg.PostgresError, asyncpg.InterfaceError, asyncpg.InternalClientError, OSError) as error:
            state = getattr(error, "sqlstate", None) or ""
            if state.startswith(_OURS) and state not in ("42501", "42P01"):
                raise
            log.debug("PostgreSQL refuses", extra={"error": type(error).__name__, "sqlstate": state})
            raise Refusing(_REASONS.get(state, "unavailable"), 2.0) from None


async def _migrate(connection: Any) -> None:
    """Bring the schema to VERSION, if nobody has. Raises Unusable for a newer one."""
    if await _version(connection) != VERSION:
        async with connection.transaction():
            await connection.execute(f"SELECT pg_advisory_xact_lock({_LOCK})")
            await connection.execute("CREATE TABLE IF NOT EXISTS stack_schema (version BIGINT NOT NULL)")
            version = await _version(connection)
            if version > VERSION:
                raise Unusable(
                    f"the store was written by a newer stack-exporter (schema {version}, this one knows {VERSION})"
                )
            if version < VERSION:
                await connection.execute(statements("postgres", version))
                await connection.execute("DELETE FROM stack_schema")
                await connection.execute(f"INSERT INTO stack_schema VALUES ({VERSION})")  # noqa: S608 - a constant


async def _version(connection: Any) -> int:
    if await connection.fetchval("SELECT to_regclass('stack_schema')") is None:
        return 0
    return await connection.fetchval("SELECT max(version) FROM stack_schema") or 0


@lru_cache(maxsize=256)
def _numbered(sql: str) -> str:
    """? as $1, $2, …: no statement has a question mark of its own."""
    numbers = count(1)
    return re.sub(r"\?", lambda _: f"${next(numbers)}", sql)
