"""A session with MySQL or MariaDB for one run: opened anew, asked in a thread, and gone with the run.

PyMySQL does the handshake and reads the answers; the connection beneath it is the loop's (_mysql_pipe), so that what
goes wrong has its exact reason, and a cancelled run ends at once.
"""

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

from exporter.probe import Down, Readings
from exporter.probes import _net
from exporter.probes._mysql_errors import REASONS, Refused, told
from exporter.probes._mysql_pipe import Pipe, context
from exporter.probes._mysql_url import Target
from exporter.probes._threads import Lane
from exporter.probes._tls import Certificate
from exporter.redact import quoted

__all__ = ["REASONS", "Answer", "Refused", "Session", "opened"]

ROOM = 4 << 20
"""Bytes that a run reads, unless it is given more."""
_SSL = 0x800
_PROTOCOL_41 = 0x200
_QUIT = b"\x01\0\0\0\x01"
_FAREWELL = 0.5
"""Seconds that a server has to close a session that was ended in due form."""
# Methods that would hand the password, or what is as good, to whoever listens or answers in the server's place.
_BARE = ("mysql_clear_password", "dialog", "mysql_old_password")


@dataclass(frozen=True, slots=True)
class Answer:
    """Rows in the driver's types: int, float, Decimal, str, bytes, datetime, None. Both empty for a statement."""

    columns: tuple[str, ...]
    rows: tuple[tuple[Any, ...], ...]

    def named(self) -> list[dict[str, Any]]:
        return [dict(zip(self.columns, row, strict=False)) for row in self.rows]


class Session:
    """What `opened` gives."""

    def __init__(self, pipe: Pipe, lane: Lane, secrets: object) -> None:
        self._pipe = pipe
        self._lane = lane
        self._secrets = secrets
        self._connection: Any = None
        self.idle = False
        """Whether it is made and waits for a statement."""
        self.version = ""
        """As the server gives it, such as 8.4.2 or 10.11.6-MariaDB-0+deb12u1."""

    @property
    def mariadb(self) -> bool:
        return "mariadb" in self.version.lower()

    async def rows(self, sql: str, parameters: Sequence[Any] = ()) -> Answer:
        """What the statement gives, all of it. With parameters, %s stands for each, and %% for %. Raises Down.

        An error that the server answers with is Refused, which has its number; the session can go on after it.
        """
        return await self._lane.call(0, f"a query at {self._pipe.where}", self._rows, sql, tuple(parameters))

    def _rows(self, sql: str, parameters: tuple[Any, ...]) -> Answer:
        self.idle = False
        try:
            with self._connection.cursor() as cursor:
                cursor.execute(sql, parameters or None)
                columns = tuple(column[0] for column in cursor.description or ())
                answer = Answer(columns, tuple(cursor.fetchall()) if columns else ())
        except Exception as error:  # noqa: BLE001 - whatever the driver makes of what a server sent
            down = self._failure(error)
            self.idle = isinstance(down, Refused)
            raise down from None
        self.idle = True
        return answer

    def connect(self, target: Target, *, encrypted: bool) -> None:
        """The driver's handshake, over a connection that has been greeted."""
        import pymysql  # type: ignore[import-untyped]  # noqa: PLC0415 - an extra

        pipe = self._pipe

        class Bare:
            def __init__(self, _: Any) -> None: ...

            def authenticate(self, _: Any) -> None:
                raise Down("auth", f"{pipe.where} asks for the password in the clear: that needs TLS")

        try:
            self._connection = pymysql.Connection(
                host=target.host or "localhost",
                port=target.port or 3306,
                user=target.user,
                password=target.password.encode(),  # of a text it would make Latin-1
                database=target.database or None,
                charset="utf8mb4",
                autocommit=True,
                ssl=context() if encrypted else None,
                ssl_disabled=not encrypted,
                auth_plugin_map={} if encrypted or target.path else dict.fromkeys(_BARE, Bare),
                program_name="stack-exporter",
                defer_connect=True,
            )
            self._connection.connect(pipe)
        except Exception as error:  # noqa: BLE001 - as above
            raise self._failure(error) from None
        self.idle = True
        # MariaDB 10 says 5.5.5-10.11.6-MariaDB, because replicas of old took 10 for an older version than 5.
        self.version = str(self._connection.server_version).removeprefix("5.5.5-")[:100]

    def _failure(self, error: Exception) -> Down:
        import pymysql  # noqa: PLC0415

        if isinstance(error, Down):
            return error
        where = self._pipe.where
        if isinstance(error, pymysql.MySQLError) and len(error.args) == 2 and isinstance(error.args[0], int):
            number, said = error.args
            # An error sent unasked, as when the session is killed: the driver reads no more of it than its head.
            if number == 2013 and (unasked := told(self._pipe.unread)):
                number, said = unasked
            # 0 and 2000 to 2999 are the driver's own.
            if number == 2059 or (number and not 2000 <= number < 3000):
                return Refused(number, str(said), where, self._secrets)
        if isinstance(error, RuntimeError) and "package is required" in str(error):
            return Down("auth", f"{where}: {error}"[:200])
        # struct.error, IndexError, AssertionError, UnicodeError: what came is not what the driver can read.
        return Down("protocol", f"{where}: {type(error).__name__}: {quoted(str(error), self._secrets, 120)}")


@asynccontextmanager
async def opened(
    out: Readings,
    target: Target,
    lane: Lane,
    secrets: object,
    *,
    show: Callable[[Certificate], None] | None = None,
    room: int = ROOM,
) -> AsyncIterator[Session]:
    """A session whose statements the server itself stops before the run's deadline. Raises Down.

    `secrets` is what `redact.quoted` is given; `show` is told the server's certificate, if it is verified.
    """
    pipe = await _reach(out, target, room)
    session = Session(pipe, lane, secrets)
    cancelled = False
    try:
        with out.phase("greeting"):
            offers = _offer(await pipe.greeted, pipe.where, secrets)
        if target.required and not offers:
            raise Down("tls_refused", f"{pipe.where} has no TLS, which is required")
        began = out.begin("session")

        async def encrypt() -> asyncio.Transport:
            nonlocal began
            transport = await _encrypted(out, target, pipe, show)
            began = out.begin("session")
            return transport

        pipe.encrypt = encrypt
        encrypted = offers and target.tls is not None
        await lane.call(0, f"a session with {pipe.where}", lambda: session.connect(target, encrypted=encrypted))
        out.end("session", began)
        with out.phase("query"):
            await _limit(session, out.deadline - time.monotonic())
            yield session
    except asyncio.CancelledError:
        cancelled = True
        raise
    finally:
        try:
            if session.idle and pipe.down is None:
                await _leave(pipe, 0 if cancelled else min(_FAREWELL, (out.deadline - time.monotonic()) / 2))
        finally:
            pipe.abort(Down("closed", f"{pipe.where}: the run is over"))


async def _leave(pipe: Pipe, patience: float) -> None:
    """End the session in due form: without it the server counts an aborted client, which is what people watch."""
    pipe.transport.write(_QUIT)
    if patience > 0:
        await asyncio.wait([pipe.lost], timeout=patience)


async def _reach(out: Readings, target: Target, room: int) -> Pipe:
    if target.path:
        return (await _net.connect_unix(out, target.path, lambda: Pipe(target.where, room)))[1]
    return (await _net.connect(out, target.host, target.port, lambda: Pipe(target.where, room)))[1]


def _offer(greeting: bytes, where: str, secrets: object) -> bool:
    """Whether the server offers TLS (protocol, HandshakeV10). Raises Down."""
    if error := told(greeting):
        raise Refused(*error, where, secrets)
    at = greeting.find(b"\0") + 1
    if greeting[0] != 10 or not at or len(greeting) < at + 20:
        raise Down("protocol", f"{where}: no greeting of MySQL's: it begins with {greeting[:24]!r}")
    capabilities = int.from_bytes(greeting[at + 13 : at + 15], "little")
    if not capabilities & _PROTOCOL_41:
        raise Down("protocol", f"{where}: a server older than 4.1")
    return bool(capabilities & _SSL)


async def _encrypted(
    out: Readings, target: Target, pipe: Pipe, show: Callable[[Certificate], None] | None
) -> asyncio.Transport:
    """TLS on the connection whose SSLRequest has been sent."""
    assert target.tls is not None  # noqa: S101
    loop = asyncio.get_running_loop()
    peer = pipe.transport.get_extra_info("peername")

    async def again() -> tuple[asyncio.Transport, asyncio.BaseProtocol]:
        transport, other = await loop.create_connection(lambda: Pipe(target.where, ROOM), *peer[:2])
        try:
            await other.greeted
        except BaseException:
            transport.abort()
            raise
        transport.write(pipe.last_sent)
        return transport, other

    # What nobody verifies may well be expired, and reading its dates takes a library of 40 ms.
    seen = None if target.tls.insecure_skip_verify else show
    return await _net.secure(out, pipe.transport, pipe, target.tls, target.host, target.where, show=seen, again=again)


async def _limit(session: Session, left: float) -> None:
    """Have the server give up before we do, so that no query outlives its run; a lock is told from a slow query."""
    limit = max(left * 0.9, 0.1)
    lock = f"lock_wait_timeout = {max(1, int(limit / 2))}"
    own = f"max_statement_time = {limit:.3f}" if session.mariadb else f"max_execution_time = {int(limit * 1000)}"
    try:
        await session.rows(f"SET SESSION {own}, {lock}")
    except Refused as error:
        if error.number != 1193:  # before 10.1, and 5.7, the server has no such limit
            raise
        await session.rows(f"SET SESSION {lock}")
