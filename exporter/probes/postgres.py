"""Does PostgreSQL take a new session and answer, and how are its connections, locks, replicas and caches?"""

import time
from collections.abc import Mapping
from functools import cached_property
from typing import Annotated, Any, ClassVar, Literal

from msgspec import Meta

from exporter.probe import Probe, Readings, Signal
from exporter.probes import _postgres_dsn, _postgres_queries, _postgres_readings
from exporter.probes._postgres_errors import REASONS
from exporter.probes._postgres_readings import (
    CACHE_HIT,
    CERTIFICATE_NOT_AFTER,
    CERTIFICATE_REMAINING,
    CONNECTIONS_RATIO,
    DEADLOCKS,
    INVALID_CONSTRAINTS,
    INVALID_INDEXES,
    LAG,
    LOCKS_WAITING,
    OLDEST_TRANSACTION,
    REPLICA_LAG_BYTES,
    SIZE,
    STATEMENTS_SLOW,
    TRANSACTION_IDS,
)
from exporter.probes._postgres_session import session
from exporter.probes._tls import dates, expiry
from exporter.redact import quoted
from exporter.values import Duration, Secret


class Postgres(Probe, kw_only=True, frozen=True):
    """A new session each run, as a kept one hides a server that takes none: stopped, out of slots, another password."""

    reasons: ClassVar[Mapping[str, str]] = REASONS
    signals: ClassVar[tuple[Signal, ...]] = (
        Signal(
            "connections", CONNECTIONS_RATIO, "ratio", "Sessions, as a part of their limit.", warning=0.8, critical=0.95
        ),
        Signal(
            "oldest_transaction",
            OLDEST_TRANSACTION,
            "seconds",
            "Age of the oldest transaction.",
            warning=300,
            critical=3600,
        ),
        Signal("replication_lag", LAG, "seconds", "How far a replica is behind.", warning=30, critical=300),
        Signal("replica_lag", REPLICA_LAG_BYTES, "bytes", "What a replica has yet to replay."),
        Signal(
            "transaction_ids",
            TRANSACTION_IDS,
            "number",
            "Age of the oldest transaction not frozen.",
            warning=1e9,
            critical=1.6e9,
        ),
        Signal("locks_waiting", LOCKS_WAITING, "number", "Locks waited for."),
        expiry(CERTIFICATE_REMAINING),
        Signal("deadlocks", DEADLOCKS, "number", "Deadlocks a second.", statistic="rate"),
        Signal("cache_hit", CACHE_HIT, "ratio", "Blocks found in the buffers.", direction="below"),
        Signal("size", SIZE, "bytes", "Size of the database."),
        Signal("slow_statements", STATEMENTS_SLOW, "number", "Statements that are slow on average."),
        Signal("invalid_constraints", INVALID_CONSTRAINTS, "number", "Constraints not validated."),
        Signal("invalid_indexes", INVALID_INDEXES, "number", "Indexes that can't be used."),
    )
    drivers: ClassVar[tuple[str, ...]] = ("asyncpg",)

    dsn: Annotated[
        Secret,
        Meta(
            description="postgresql://user:password@host:5432/database?sslmode=…, "
            "also as Django or SQLAlchemy have it.",
            examples=["postgresql://database:5432/shop"],
        ),
    ]
    password: Annotated[Secret, Meta(description="The password; it wins over one in the DSN.")] = Secret("")
    role: Annotated[
        Literal["any", "primary", "replica"],
        Meta(description="What the server is expected to be; if not, it is degraded."),
    ] = "any"
    pooler: Annotated[
        bool, Meta(description="A pooler such as PgBouncer stands before it: the settings are made in a transaction.")
    ] = False
    statements: Annotated[bool, Meta(description="Read pg_stat_statements, when the extension is there.")] = True
    slow_statement: Annotated[Duration, Meta(description="From which mean duration on a statement counts as slow.")] = (
        1.0
    )

    def __post_init__(self) -> None:
        _postgres_dsn.parse(self.dsn.reveal())

    @cached_property
    def _target(self) -> _postgres_dsn.Target:
        return _postgres_dsn.parse(self.dsn.reveal())

    async def run(self, out: Readings) -> None:
        show = dates(out, CERTIFICATE_NOT_AFTER, CERTIFICATE_REMAINING)

        password = self.password.reveal() or self._target.password
        # The server gives up before we do, so that a query never outlives its run; a lock is told from a slow query.
        limit = max(100, int((out.deadline - time.monotonic()) * 900))
        # Nor are names looked up where others than the server's owner may have made functions of the same name.
        settings = {"statement_timeout": str(limit), "lock_timeout": str(limit // 2), "search_path": "pg_catalog"}
        at_once = {} if self.pooler else settings
        secrets = (self, Secret(password or ""))
        async with session(out, self._target, password, at_once, secrets, show) as connection:
            with out.phase("query"):
                await self._read(connection, out, settings)

    async def _read(self, connection: Any, out: Readings, settings: dict[str, str]) -> None:
        import asyncpg  # noqa: PLC0415

        if self.pooler:
            # One transaction is one server session to a pooler, and it refuses settings in the startup message.
            await connection.execute(
                "BEGIN READ ONLY; " + "; ".join(f"SET LOCAL {key} = {value}" for key, value in settings.items())
            )
        try:
            seen = _postgres_queries.overview(await connection.fetchval(_postgres_queries.OVERVIEW))
        except asyncpg.InsufficientPrivilegeError as error:
            out.degraded("permission", quoted(str(error), self))
            return
        _postgres_readings.report(seen, out)
        if self.role == "primary" and not seen.recovery and seen.read_only:
            out.degraded("read_only", "default_transaction_read_only is on")
        if self.role != "any" and seen.recovery != (self.role == "replica"):
            out.degraded("role", f"the server is a {'replica' if seen.recovery else 'primary'}, not a {self.role}")
        if self.statements and seen.statements:
            query = _postgres_queries.STATEMENTS.format(schema=seen.statements, slow=self.slow_statement * 1000)
            try:
                found = _postgres_queries.statements(await connection.fetchval(query))
            except (asyncpg.ObjectNotInPrerequisiteStateError, asyncpg.SyntaxOrAccessError):
                return  # not preloaded, older than 1.8, or not for this role: there is nothing to read
            _postgres_readings.report_statements(found, out)
