"""PostgreSQL that is used badly, and replicas that fall behind."""

import asyncio
from contextlib import ExitStack
from typing import Any

import asyncpg

from tests import servers
from tests.alerts.fault import Scene, Steps, provokes
from tests.alerts.repeating import repeating
from tests.alerts.twice import both, twice
from tests.servers.databases import Postgres

TABLES = """
CREATE EXTENSION pg_stat_statements;
CREATE TABLE orders (id int PRIMARY KEY, part int); INSERT INTO orders VALUES (1, 1), (2, 1);
CREATE TABLE parts (id int PRIMARY KEY);
CREATE TABLE lines (part int);
"""


class Sessions:
    """Sessions that stay open, each driven from whichever thread has its turn."""

    def __init__(self, server: Postgres) -> None:
        self.server = server
        self.loop = asyncio.new_event_loop()
        self.held: list[Any] = []
        self.waiting: list[asyncio.Task[Any]] = []

    def open(self) -> Any:
        self.held.append(self.loop.run_until_complete(asyncpg.connect(self.server.dsn())))
        return self.held[-1]

    def run(self, session: Any, statement: str) -> None:
        self.loop.run_until_complete(session.execute(statement))

    def begin(self, session: Any, statement: str) -> None:
        """Send it, and don't wait for its answer."""

        async def sent() -> None:
            self.waiting.append(asyncio.ensure_future(session.execute(statement)))
            await asyncio.sleep(0.2)

        self.loop.run_until_complete(sent())

    def close(self) -> None:
        for session in self.held:
            session.terminate()
        self.loop.run_until_complete(asyncio.gather(*self.waiting, return_exceptions=True))
        self.held.clear()
        self.loop.close()


@provokes(
    *twice(
        "DatabaseBufferHitLow",
        "DatabaseConnectionsHigh",
        "DatabaseDeadlocks",
        "DatabaseLarge",
        "DatabaseLocksWaiting",
        "DatabaseStatementsSlow",
        "DatabaseTransactionOld",
        "PostgresConstraintsInvalid",
        "PostgresIndexesInvalid",
    )
)
def a_database_is_used_badly(scene: Scene) -> Steps:
    limits = {
        "cache_hit": "90%",
        "connections": "45%",
        "deadlocks": 0.01,
        "invalid_constraints": 1,
        "invalid_indexes": 1,
        "locks_waiting": 1,
        "oldest_transaction": "2s",
        "size": "14MiB",
        "slow_statements": 1,
    }
    with ExitStack() as stack:
        settings = {"max_connections": 20, "deadlock_timeout": "100ms", "autovacuum": False, "shared_buffers": "4MB"}
        server = stack.enter_context(servers.postgres(**settings))
        server.sql(TABLES)
        fields = {"kind": "postgres", "dsn": server.dsn(), "slow_statement": "1s", "team": "platform"}
        yield {"components": both("database_abused", fields, limits)}
        server.sql("ALTER TABLE lines ADD FOREIGN KEY (part) REFERENCES parts NOT VALID")
        server.sql("CREATE TABLE twice AS SELECT 1 AS n FROM generate_series(1, 300000)")
        _refused(server, "CREATE UNIQUE INDEX CONCURRENTLY only_once ON twice (n)")
        server.sql("SELECT pg_sleep(1.1)")
        sessions = Sessions(server)
        first, second = sessions.open(), sessions.open()
        for _ in range(6):
            sessions.open()
        sessions.run(first, "BEGIN; UPDATE orders SET part = 2 WHERE id = 1")
        sessions.begin(second, "UPDATE orders SET part = 3 WHERE id = 1")
        with repeating(lambda: _deadlock(server), 1.0), repeating(lambda: server.sql("SELECT sum(n) FROM twice"), 0.4):
            yield None
        sessions.close()
        server.sql("DROP TABLE twice; ALTER TABLE lines DROP CONSTRAINT lines_part_fkey")
        server.sql("SELECT pg_stat_statements_reset()")
        yield None


def _refused(server: Postgres, statement: str) -> None:
    try:
        server.sql(statement)
    except AssertionError:
        return
    raise AssertionError(f"{statement} was not refused")


def _deadlock(server: Postgres) -> None:
    """Two transactions take two locks in opposite order; the server ends one of them."""

    async def cross() -> None:
        one, two = [await asyncpg.connect(server.dsn()) for _ in range(2)]
        try:
            for session, key in ((one, 1), (two, 2)):
                await session.execute(f"BEGIN; SELECT pg_advisory_xact_lock({key})")
            crossed = (one.execute("SELECT pg_advisory_xact_lock(2)"), two.execute("SELECT pg_advisory_xact_lock(1)"))
            await asyncio.gather(*crossed, return_exceptions=True)
        finally:
            for session in (one, two):
                session.terminate()

    asyncio.run(cross())


@provokes(*twice("DatabaseReplicationLag", "DatabaseReplicaBehind"), "DatabaseRollbacksMany/warning")
def a_replica_replays_nothing(scene: Scene) -> Steps:
    with servers.postgres() as primary, servers.postgres(replica_of=primary) as replica:
        primary.sql("CREATE TABLE busy (n int)")
        behind = both("database_replica", {"kind": "postgres", "dsn": replica.dsn()}, {"replication_lag": "3s"})
        ahead = both("database_primary", {"kind": "postgres", "dsn": primary.dsn()}, {"replica_lag": "1MiB"})
        yield {"components": behind | ahead}
        replica.sql("SELECT pg_wal_replay_pause()")
        primary.sql("INSERT INTO busy SELECT generate_series(1, 40000)")
        asyncio.run(_commit(primary, 3000))
        with repeating(lambda: [_undo(primary) for _ in range(5)], 0.5):
            yield None
        replica.sql("SELECT pg_wal_replay_resume()")
        yield None


async def _commit(server: Postgres, times: int) -> None:
    session = await asyncpg.connect(server.dsn())
    for _ in range(times):
        await session.execute("SELECT 1")
    await session.close()


def _undo(server: Postgres) -> None:
    server.sql("BEGIN; INSERT INTO busy VALUES (1); ROLLBACK")


@provokes("DatabaseRestarted/info")
def a_database_starts_again_and_again(scene: Scene) -> Steps:
    with servers.postgres() as server:
        yield {"components": {"database_restarting": {"kind": "postgres", "dsn": server.dsn()}}}
        with repeating(lambda: _restarted(server), 4.0):
            yield None
        yield None


def _restarted(server: Postgres) -> None:
    server.stop()
    server.start()


@provokes(*twice("PostgresTransactionIdsAging"))
def a_database_freezes_nothing(scene: Scene) -> Steps:
    with servers.postgres(autovacuum=False) as server:
        server.sql("CREATE TABLE busy (n int)")
        fields = {"kind": "postgres", "dsn": server.dsn()}
        yield {"components": both("database_aging", fields, {"transaction_ids": 10_000})}
        # A block with an exception has an id of its own.
        tried = "BEGIN INSERT INTO busy VALUES (n); EXCEPTION WHEN division_by_zero THEN NULL; END;"
        server.sql(f"DO $$ BEGIN FOR n IN 1..20000 LOOP {tried} END LOOP; END $$")
        yield None
        # Frozen in all of them: the oldest of any is what counts.
        server.sql("ALTER DATABASE template0 ALLOW_CONNECTIONS true")
        for name in ("template0", "template1", "postgres"):
            server.sql("VACUUM (FREEZE)", dsn=server.dsn(name))
        yield None
