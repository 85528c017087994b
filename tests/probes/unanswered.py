"""Databases that do not answer, for kinds that ask one by its DSN: reason -> fields, with a table `revisions` to ask.

PostgreSQL where a real one can be made to; MySQL's own words are a fake's, as test_mysql_reasons provokes them really.
"""

import contextlib
import os
import signal
import sqlite3
import ssl
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, closing, contextmanager
from pathlib import Path
from typing import Any

from tests import certificates, hostile, servers
from tests.fakes import mysqlwire, pgwire
from tests.mounts import mounted
from tests.probes.sessions import Session
from tests.servers.process import wait_until

Fields = AbstractContextManager[dict[str, Any]]
Provoke = Callable[[Any, Path], Fields]


@contextmanager
def postgres() -> Iterator[Any]:
    """A server in whose databases the table `revisions` is each time another one; roles but postgres need passwords."""
    lines = ["host all postgres 127.0.0.1/32 trust", "host all all 127.0.0.1/32 scram-sha-256"]
    with servers.postgres(hba=lines) as server:
        server.sql("CREATE ROLE app LOGIN PASSWORD 'right'; CREATE TABLE revisions (version_num text)")
        for name in ("slow", "odd", "closed", "locked"):
            server.sql(f"CREATE DATABASE {name}")
        server.sql("CREATE VIEW revisions AS SELECT 1 AS version_num FROM pg_sleep(60)", dsn=server.dsn("slow"))
        server.sql("CREATE TABLE revisions (number int)", dsn=server.dsn("odd"))
        server.sql("CREATE TABLE revisions (version_num text)", dsn=server.dsn("locked"))
        server.sql("ALTER DATABASE closed ALLOW_CONNECTIONS false")
        yield server


def at(port: int, query: str = "") -> dict[str, Any]:
    return {"dsn": f"postgresql://postgres@127.0.0.1:{port}/postgres{query}"}


def real(make: Callable[[Any], dict[str, Any]]) -> Provoke:
    return lambda server, _: contextlib.nullcontext(make(server))


def file(make: Callable[[Path], Path]) -> Provoke:
    return lambda _, tmp: contextlib.nullcontext({"dsn": f"sqlite:///{make(tmp)}"})


def postgres_that(answer: hostile.Answer, query: str = "") -> Provoke:
    @contextmanager
    def provoke(server: Any, tmp: Path) -> Iterator[dict[str, Any]]:
        with pgwire.pgwire(answer) as found:
            yield at(found.port, query)

    return provoke


def answering_tls(answer: bytes) -> Provoke:
    @contextmanager
    def provoke(server: Any, tmp: Path) -> Iterator[dict[str, Any]]:
        with pgwire.answering_tls(answer) as found:
            yield at(found.port, "?sslmode=require")

    return provoke


def mysql_that_says(number: int, said: str) -> Provoke:
    @contextmanager
    def provoke(server: Any, tmp: Path) -> Iterator[dict[str, Any]]:
        with hostile.serving(hostile.says(mysqlwire.refusal(0, number, said, "")), ask=False) as found:
            yield {"dsn": f"mysql://app@127.0.0.1:{found.port}/shop"}

    return provoke


def shows(pair: Callable[[], certificates.Pair], **context: Any) -> Provoke:
    @contextmanager
    def provoke(server: Any, tmp: Path) -> Iterator[dict[str, Any]]:
        with pgwire.behind_tls(server.port, pair().context(**context)) as found:
            yield at(found.port, f"?sslmode=verify-full&sslrootcert={certificates.authority()}")

    return provoke


def mount(answer: str, **fields: Any) -> Provoke:
    @contextmanager
    def provoke(server: Any, tmp: Path) -> Iterator[dict[str, Any]]:
        with mounted(tmp / "m", "fuse", answer) as path:
            yield {"dsn": f"sqlite:///{path}/x.db", **fields}

    return provoke


@contextmanager
def failing_names(server: Any, tmp: Path) -> Iterator[dict[str, Any]]:
    with hostile.resolver(hostile.no_name_server):
        yield {"dsn": "postgresql://database.example/x"}


@contextmanager
def full(server: Any, tmp: Path) -> Iterator[dict[str, Any]]:
    with servers.postgres(max_connections=1, superuser_reserved_connections=0, max_wal_senders=0) as small:
        with closing(Session(small.url)):
            yield {"dsn": small.url}


@contextmanager
def shutting_down(server: Any, tmp: Path) -> Iterator[dict[str, Any]]:
    with servers.postgres() as ending, closing(Session(ending.url)):
        os.kill(ending.pid, signal.SIGTERM)  # smart: waits for the session
        wait_until(lambda: "smart shutdown" in ending.log)
        yield {"dsn": ending.url}


@contextmanager
def locked(server: Any, tmp: Path) -> Iterator[dict[str, Any]]:
    with closing(Session(server.dsn("locked"))) as session:
        session.query("BEGIN; LOCK TABLE revisions IN ACCESS EXCLUSIVE MODE")
        yield {"dsn": server.dsn("locked"), "timeout": 1.2}


def damaged(tmp: Path) -> Path:
    (tmp / "x.db").write_bytes(b"SQLite format 3\0" + bytes(4000))
    return tmp / "x.db"


def left_by_a_dead_writer(tmp: Path) -> Path:
    """In a transaction so large that its pages are in the file already."""
    path = tmp / "x.db"
    with closing(sqlite3.connect(path)) as database:
        database.executescript("CREATE TABLE revisions (version_num TEXT)")
    program = f"""if True:
        import os, sqlite3
        database = sqlite3.connect({str(path)!r}, isolation_level=None)
        database.execute("PRAGMA cache_size = 5")
        database.execute("BEGIN")
        database.executemany("INSERT INTO revisions VALUES (?)", [("x" * 900,)] * 200)
        os._exit(0)"""
    subprocess.run([sys.executable, "-c", program], check=True)
    return path


ALERT = b"S\x15\x03\x03\x00\x02\x02\x28"  # handshake_failure
TABLE: dict[str, Provoke] = {
    "resolve": real(lambda _: {"dsn": "postgresql://nowhere.invalid/x"}),
    "nameserver": failing_names,
    "refused": real(lambda _: at(servers.free_port())),
    "unreachable": real(lambda _: {"dsn": "postgresql://255.255.255.255/x"}),
    "reset": postgres_that(hostile.resets()),
    "closed": postgres_that(hostile.says()),
    "protocol": postgres_that(hostile.says(b"HTTP/1.1 400 Bad Request\r\n\r\n")),
    "auth": real(lambda server: {"dsn": server.dsn(user="app", password="wrong")}),
    "no_database": real(lambda server: {"dsn": server.dsn("nosuch")}),
    "permission": real(lambda server: {"dsn": server.dsn(user="app"), "password": "right"}),
    "starting_up": postgres_that(hostile.says(pgwire.error("57P03", "the database system is starting up"))),
    "shutting_down": shutting_down,
    "too_many_connections": full,
    "blocked": mysql_that_says(1129, "Host 'x' is blocked because of many connection errors"),
    "not_ready": mysql_that_says(1047, "WSREP has not yet prepared node for application use"),
    "killed": mysql_that_says(1927, "Connection was killed"),
    "tls_required": mysql_that_says(3159, "Connections using insecure transport are prohibited"),
    "query_timeout": real(lambda server: {"dsn": server.dsn("slow"), "timeout": 1.5}),
    "locked": locked,
    "query": real(lambda server: {"dsn": server.dsn("odd")}),
    "role": real(lambda server: {"dsn": f"{server.url}?target_session_attrs=standby"}),
    "server_error": real(lambda server: {"dsn": server.dsn("closed")}),
    "tls_refused": real(lambda server: at(server.port, "?sslmode=require")),
    "tls_expired": shows(certificates.expired),
    "tls_not_yet_valid": shows(certificates.not_yet_valid),
    "tls_untrusted": shows(certificates.self_signed),
    "tls_hostname": shows(certificates.wrong_host),
    "tls_version": shows(certificates.pair, newest=ssl.TLSVersion.TLSv1_1),
    "tls_plaintext": answering_tls(b"SERROR: what is this\r\n"),
    "tls": answering_tls(ALERT),
    "missing": file(lambda tmp: tmp / "no.db"),
    "not_a_file": file(lambda tmp: tmp),
    "corrupt": file(damaged),
    "recovery": file(left_by_a_dead_writer),
    "io": mount("5"),
    "hung": mount("hang", timeout=1.0),
}
