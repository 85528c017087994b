"""Does MongoDB take a connection and a login, how busy and full is it, and do its replicas keep up?"""

import asyncio
import time
from collections.abc import Callable, Mapping
from functools import cached_property
from typing import Annotated, ClassVar, Literal

from msgspec import Meta

from exporter.metric import gauge
from exporter.probe import Down, Probe, Readings, Signal
from exporter.probes import _mongodb_errors, _mongodb_members, _mongodb_status, _mongodb_url, _net, _tls
from exporter.probes._mongodb_client import Client
from exporter.probes._mongodb_hello import HELLO, Hello
from exporter.probes._mongodb_srv import hosts
from exporter.probes._tls import Certificate
from exporter.redact import quoted
from exporter.values import Secret

NOT_AFTER = gauge(
    "stack_mongodb_certificate_not_after_timestamp_seconds",
    "When the server's certificate expires, if it is verified.",
    "component",
)
REMAINING = gauge(
    "stack_mongodb_certificate_remaining_seconds",
    "Time until the server's certificate expires, if it is verified; negative after.",
    "component",
)


class MongoDB(Probe, kw_only=True, frozen=True):
    """Tested with secantusdb, which is compatible with MongoDB but no mongod, and with what a mongod 4.2 answered.

    Connects, each time anew: once to see what answers, then as PyMongo does, which takes two connections more.
    """

    reasons: ClassVar[Mapping[str, str]] = {**_net.REASONS, **_tls.REASONS, **_mongodb_errors.REASONS}
    signals: ClassVar[tuple[Signal, ...]] = (
        Signal(
            "connections",
            _mongodb_status.CONNECTIONS_RATIO,
            "ratio",
            "Open connections by all that there can be.",
            warning=0.8,
            critical=0.95,
        ),
        Signal(
            "replication_lag",
            _mongodb_members.LAG,
            "seconds",
            "How far a member is behind the primary.",
            warning=30,
            critical=120,
        ),
        # WiredTiger evicts from 80 % on, and has operations do it from 95 % on; of dirty bytes from 5 and from 20 %.
        Signal("cache", _mongodb_status.CACHE_RATIO, "ratio", "How full the cache is.", warning=0.95),
        Signal("cache_dirty", _mongodb_status.CACHE_DIRTY_RATIO, "ratio", "Changed part of the cache.", warning=0.2),
        Signal("queue", _mongodb_status.QUEUED, "number", "Operations that wait for the global lock."),
        Signal("tickets", _mongodb_status.TICKETS, "number", "Operations that could begin.", direction="below"),
        Signal("cursors", _mongodb_status.CURSORS, "number", "Open cursors."),
        Signal("size", _mongodb_status.STORAGE, "bytes", "What a database takes on the disk."),
        _tls.expiry(REMAINING),
    )
    drivers: ClassVar[tuple[str, ...]] = ("pymongo",)

    url: Annotated[
        Secret,
        Meta(
            description="mongodb://user:password@host:27017/database?authSource=admin&tls=true&tlsCAFile=…, or "
            "mongodb+srv://host. One host is asked itself; with several, or replicaSet, the primary is, or what "
            "readPreference says.",
            examples=["mongodb://monitor@database:27017/shop"],
        ),
    ]
    username: Annotated[str, Meta(description="The user; it wins over one in the URL.")] = ""
    password: Annotated[Secret, Meta(description="The password; with username it wins over the URL's.")] = Secret("")
    databases: Annotated[
        tuple[str, ...], Meta(description="Databases whose sizes are read; by default the one of the URL.")
    ] = ()
    role: Annotated[
        Literal["any", "primary", "secondary"],
        Meta(description="What the member is expected to be; if not, it is degraded."),
    ] = "any"

    def __post_init__(self) -> None:
        _mongodb_url.parse(self.url.reveal())
        for name in self.databases:
            if not name or len(name.encode()) > 63 or any(character in name for character in '/\\. "$\0'):
                raise ValueError('databases: a name has 1 to 63 bytes and none of / \\ . " $ or a space')
        if self.password and not self.username:
            raise ValueError("password: it needs username, or both are in the url")

    @cached_property
    def _target(self) -> _mongodb_url.Target:
        return _mongodb_url.parse(self.url.reveal())

    async def run(self, out: Readings) -> None:
        target = self._target
        await self._reach(out)
        login = {"username": self.username, "password": self.password.reveal()} if self.username else {}
        client = Client(self.url.reveal(), target, login, out.deadline, self._clean)
        try:
            with out.phase("session"):
                status = await client.command("admin", "serverStatus", **dict.fromkeys(_mongodb_status.LEFT_OUT, 0))
            _mongodb_status.report(status, out)
            with out.phase("command"):
                await self._read(client, out)
        except Down as down:
            if down.reason != "permission":
                raise
            out.degraded(down.reason, down.detail)  # the login was taken, and the server answers
        finally:
            await client.close()

    async def _read(self, client: Client, out: Readings) -> None:
        try:
            if client.kind.startswith("RS"):
                status = await client.command("admin", "replSetGetStatus")
                _mongodb_members.report(status, self.role, self._target.where, out)
            for name in self.databases or ((self._target.database,) if self._target.database else ()):
                _mongodb_status.report_database(await client.command(name, "dbStats"), name, out)
        except Down as down:
            if down.reason not in ("server_error", "recovering"):
                raise
            out.degraded(down.reason, down.detail)  # serverStatus was answered: it is up

    async def _reach(self, out: Readings) -> None:
        """See that one of the hosts answers, and its certificate. Raises Down, as the last one had it."""
        show = _tls.dates(out, NOT_AFTER, REMAINING)

        target = self._target
        if target.encrypted and target.tls is None:
            return  # only the driver can open the key
        seeds = target.seeds or await hosts(out, target)
        verified = target.tls is not None and not target.tls.insecure_skip_verify
        for left in range(len(seeds), 0, -1):
            host, port = seeds[len(seeds) - left]
            try:
                # Each has its share of the time, so that one that is mute does not hide the others.
                async with asyncio.timeout((out.deadline - time.monotonic()) / left if left > 1 else None):
                    await self._greet(out, host, port, show if verified else None)
            except (Down, TimeoutError):
                if left == 1:
                    raise
            else:
                return

    async def _greet(self, out: Readings, host: str, port: int, show: Callable[[Certificate], None] | None) -> None:
        where = f"{host}:{port}" if port else host
        if port:
            transport, hello = await _net.connect(
                out, host, port, lambda: Hello(where), tls=self._target.tls, show=show
            )
        else:
            transport, hello = await _net.connect_unix(out, host, lambda: Hello(where))
        try:
            with out.phase("hello"):
                transport.write(HELLO)
                await hello.ended
        finally:
            transport.abort()

    def _clean(self, said: str) -> str:
        return quoted(said, self)
