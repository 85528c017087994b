"""Does PostgreSQL take a new session and answer, and how are its connections, locks, replicas and caches?"""

import asyncio
import time
from collections.abc import Mapping
from functools import cached_property
from typing import Annotated, Any, ClassVar, Literal

import msgspec
from msgspec import Meta

from exporter.probe import Down, Probe, Readings, Signal
from exporter.probes import _net, _postgres_dsn, _postgres_queries, _postgres_readings, _tls
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
from exporter.probes._postgres_wire import Loop, Unreached
from exporter.probes._tls import Certificate
from exporter.values import Duration, Secret

# SQLSTATE to reason: PostgreSQL's appendix A; a class alone stands for the rest of its codes.
_REASONS = {
    "28": "auth",
    "57P03": "starting_up",
    "57P01": "shutting_down",
    "57P02": "shutting_down",
    "57P04": "no_database",
    "3D000": "no_database",
    "53300": "too_many_connections",
    "57014": "query_timeout",
    "55P03": "locked",
    "42501": "permission",
    "08P01": "protocol",
}
DAY = 86400.0
_CANCEL = 0.5
"""Seconds that a cancelled run takes to cancel its query: less than the one that schedule leaves it."""


class Postgres(Probe, kw_only=True, frozen=True):
    """A new session each run, as a kept one hides a server that takes none: stopped, out of slots, another password."""

    reasons: ClassVar[Mapping[str, str]] = {
        **_net.REASONS,
        **_tls.REASONS,
        "auth": "The server refuses the role: wrong password, no such role, or pg_hba.conf.",
        "no_database": "There is no such database.",
        "permission": "The role may not connect to the database, or not read the catalogue.",
        "starting_up": "The server is starting, or recovering, and takes no sessions yet.",
        "shutting_down": "The server is shutting down, or ended the session.",
        "too_many_connections": "All connections of the server, the database or the role are taken.",
        "query_timeout": "The server cancelled the query: statement_timeout, which is within the run's deadline.",
        "locked": "The query waited too long for a lock on the catalogue.",
        "role": "The server is a replica where a primary is expected, or the other way round.",
        "read_only": "The server is a primary, but its transactions are read-only.",
        "tls_refused": "The server declines TLS, which sslmode requires.",
        "protocol": "What answers does not keep to PostgreSQL's protocol.",
        "server_error": "The server answered with another error, whose code is in the detail.",
    }
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
        Signal(
            "certificate",
            CERTIFICATE_REMAINING,
            "seconds",
            "How long the server's certificate is still valid.",
            direction="below",
            warning=20 * DAY,
            critical=3 * DAY,
        ),
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
            description="postgresql://user:password@host:5432/database?sslmode=…, also as Django or SQLAlchemy have it."
        ),
    ]
    password: Annotated[Secret, Meta(description="The password, if it is not in the DSN.")] = Secret("")
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
        def show(certificate: Certificate) -> None:
            out.set(CERTIFICATE_NOT_AFTER, certificate.not_after)
            out.set(CERTIFICATE_REMAINING, certificate.not_after - time.time())

        password = self.password.reveal() or self._target.password
        loop = Loop(out, self._target, password, show)
        # The server gives up before we do, so that a query never outlives its run; a lock is told from a slow query.
        limit = max(100, int((out.deadline - time.monotonic()) * 900))
        settings = {"statement_timeout": str(limit), "lock_timeout": str(limit // 2)}
        try:
            connection = await self._connect(loop, password, settings)
            try:
                with out.phase("query"):
                    await self._read(connection, out, settings)
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
            down = _down(error, loop)
            if down is None:
                raise
            raise down from None

    async def _connect(self, loop: Loop, password: str | None, settings: dict[str, str]) -> Any:
        import asyncpg  # noqa: PLC0415 - the driver is an extra, and 16 MB

        target = self._target
        server = {"application_name": "stack-exporter", **({} if self.pooler else settings)}
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
            out.degraded("permission", _clean(error))
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


async def _cancel(connection: Any) -> None:
    """Have the server cancel the query, which asyncpg does over a connection that it opens for that; then close."""
    try:
        await connection.close(timeout=_CANCEL)
    except (OSError, TimeoutError):
        return  # it is mute: closing is all that is left, and the caller does


def _down(error: Exception, loop: Loop) -> Down | None:
    """The answer that asyncpg's exception amounts to; None for a defect."""
    import asyncpg  # noqa: PLC0415

    if loop.down and loop.down.reason == "protocol":
        return loop.down
    state = str(getattr(error, "sqlstate", None) or "")
    # 08003 is what asyncpg itself makes of a connection that was lost.
    if isinstance(error, asyncpg.PostgresError) and state != "08003":
        reason = _REASONS.get(state) or _REASONS.get(state[:2]) or "server_error"
        if reason == "starting_up" and "shutting down" in str(error):  # 57P03 stands for both
            reason = "shutting_down"
        return Down(reason, f"{loop.where}: {state} {_clean(error)}")
    if isinstance(error, (asyncpg.PostgresError, OSError)):
        return loop.down or _net.failure(error if isinstance(error, OSError) else None, loop.where)
    if isinstance(error, asyncpg.TargetServerAttributeNotMatched):
        return Down("role", f"no host of the DSN has target_session_attrs={loop.target.extra['target_session_attrs']}")
    if isinstance(error, asyncpg.InternalClientError):
        return Down("protocol", f"{loop.where}: {_clean(error)}")
    if isinstance(error, asyncpg.InterfaceError):
        # Among them: a password is asked for and there is none, or by a method that asyncpg does not know.
        return Down("auth" if not loop.made else "protocol", f"{loop.where}: {_clean(error)}")
    if isinstance(error, msgspec.MsgspecError):
        return Down("protocol", f"{loop.where} answered a query with another value: {_clean(error)}")
    return None


def _clean(error: Exception) -> str:
    return "".join(c if c.isprintable() else " " for c in str(error)[:160])
