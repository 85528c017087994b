"""Does MySQL or MariaDB take a new session and answer, and how are its connections, locks, replication and buffers?"""

from collections.abc import Mapping
from functools import cached_property
from typing import Annotated, ClassVar, Literal

from msgspec import Meta

from exporter.probe import Probe, Readings, Signal
from exporter.probes import _mysql_metrics as m
from exporter.probes import _mysql_replication, _mysql_sizes, _mysql_status, _mysql_url
from exporter.probes._mysql_session import REASONS, Refused, Session, opened
from exporter.probes._threads import Lane
from exporter.probes._tls import TLS, dates, expiry
from exporter.redact import quoted
from exporter.values import Duration, Secret

# What a server that can't answer a question says, or one that is only much like MySQL.
_MISSING = ("permission", "server_error")


class Mysql(Probe, kw_only=True, frozen=True):
    """A new session each run, as a kept one hides a server that takes none; ended so that it is not counted aborted."""

    reasons: ClassVar[Mapping[str, str]] = {
        **REASONS,
        **_mysql_replication.REASONS,
        "read_only": "The server takes no writes, where it is expected to.",
    }
    signals: ClassVar[tuple[Signal, ...]] = (
        Signal(
            "connections", m.CONNECTIONS_RATIO, "ratio", "Connections, of max_connections.", warning=0.8, critical=0.95
        ),
        Signal("replication_lag", m.LAG, "seconds", "How far a replica is behind.", warning=30, critical=120),
        Signal(
            "oldest_transaction",
            m.OLDEST_TRANSACTION,
            "seconds",
            "Age of the oldest transaction.",
            warning=300,
            critical=3600,
        ),
        Signal("locks_waiting", m.LOCKS_WAITING, "number", "Transactions waiting for a row's lock."),
        Signal("lock_wait", m.LONGEST_WAIT, "seconds", "The longest wait for a row's lock.", warning=30),
        Signal("threads_running", m.THREADS_RUNNING, "number", "Threads executing something."),
        Signal("history", m.HISTORY, "number", "Undo records not purged.", warning=1e6),
        # One refusal within five minutes is 0.0033 a second.
        Signal("rejected", m.REJECTED, "number", "Connections refused a second.", statistic="rate", warning=0.003),
        Signal("aborted_connects", m.ABORTED_CONNECTS, "number", "Failed attempts a second.", statistic="rate"),
        Signal("slow_queries", m.SLOW_QUERIES, "number", "Slow queries a second.", statistic="rate"),
        Signal("deadlocks", m.DEADLOCKS, "number", "Deadlocks a second.", statistic="rate"),
        Signal("buffer_pool_hit", m.POOL_HIT, "ratio", "Reads found in the buffer pool.", direction="below"),
        Signal("size", m.SIZE, "bytes", "Size of a database."),
        expiry(m.CERTIFICATE_REMAINING),
    )
    drivers: ClassVar[tuple[str, ...]] = ("pymysql",)

    url: Annotated[
        Secret,
        Meta(
            description="mysql://user:password@host:3306/database?ssl-mode=…, also as Django, SQLAlchemy or Rails have "
            "it; ?unix_socket=/path for a Unix socket.",
            examples=["mysql://monitor@database:3306/"],
        ),
    ]
    username: Annotated[str, Meta(description="The user; it wins over one in the URL.")] = ""
    password: Annotated[Secret, Meta(description="The password; it wins over one in the URL.")] = Secret("")
    tls: Annotated[TLS | None, Meta(description="How to do TLS, which is then required; wins over ssl-mode.")] = None
    replication: Annotated[
        Literal["auto", "required", "off"],
        Meta(
            description="Watch the replication if there is one (auto; needs REPLICATION CLIENT, on MariaDB SLAVE "
            "MONITOR), or say that the server must be a replica."
        ),
    ] = "auto"
    writable: Annotated[bool, Meta(description="Expect that it takes writes: read_only is then a fault.")] = False
    sizes: Annotated[bool, Meta(description="Read the size of each database that the user may see.")] = False
    sizes_interval: Annotated[Duration, Meta(description="Time between two readings of the sizes.")] = 3600.0

    def __post_init__(self) -> None:
        self._parsed()

    def _parsed(self) -> _mysql_url.Target:
        return _mysql_url.parse(self.url.reveal(), self.username, self.password.reveal(), self.tls)

    @cached_property
    def _target(self) -> _mysql_url.Target:
        return self._parsed()

    @cached_property
    def _lane(self) -> Lane:
        return Lane()

    @cached_property
    def _measured(self) -> _mysql_sizes.Sizes:
        return _mysql_sizes.Sizes(self.sizes_interval)

    async def run(self, out: Readings) -> None:
        show = dates(out, m.CERTIFICATE_NOT_AFTER, m.CERTIFICATE_REMAINING)
        async with opened(out, self._target, self._lane, self, show=show) as session:
            _mysql_status.software(session.version, out)
            await self._read(session, out)

    async def _read(self, session: Session, out: Readings) -> None:
        said = _mysql_status.report((await session.rows(_mysql_status.STATUS)).rows, out)
        said |= _mysql_status.report((await session.rows(_mysql_status.VARIABLES)).rows, out)
        if _mysql_status.derive(said, out) and self.writable:
            out.degraded("read_only", f"{self._target.where}: read_only is on")
        try:
            _mysql_status.report_transactions((await session.rows(_mysql_status.TRANSACTIONS)).rows, out)
        except Refused as error:
            _pass(error)
        if self.replication != "off":
            await self._replication(session, out)
        if self.sizes:
            await self._measured.read(session, out)

    async def _replication(self, session: Session, out: Readings) -> None:
        try:
            found = await _mysql_replication.channels(session)
        except Refused as error:
            _pass(error)
            if self.replication == "required":
                out.degraded(error.reason, error.detail)
            return
        _mysql_replication.report(found, out)
        for channel in found:
            if channel.reason:
                out.degraded(channel.reason, f"{self._target.where}: {quoted(channel.detail, self)}")
        if not found and self.replication == "required":
            out.degraded("not_a_replica", f"{self._target.where} replicates nothing")


def _pass(error: Refused) -> None:
    """Go on without what was asked, if that is all that is wrong. Raises the error otherwise."""
    if error.reason not in _MISSING:
        raise error
