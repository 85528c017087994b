"""What the three services stand on, real and on free ports, and what is used of it while they work."""

import shutil
import socket
import sqlite3
import struct
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, ExitStack, closing, contextmanager
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from typing import Any

from tests import certificates, hostile, servers
from tests.alerts.engines import TOKEN
from tests.dashboards.traffic import KEY
from tests.fakes import nameserver
from tests.servers.caches import Cache
from tests.servers.celery import Worker, send
from tests.servers.databases import Postgres
from tests.servers.mail import smtp
from tests.servers.mariadb import MariaDB
from tests.servers.memcached import Memcached
from tests.servers.process import Server
from tests.servers.rpc import rpc
from tests.servers.seaweedfs import KEYS, Seaweedfs
from tests.servers.telemetry import Rotel

ADMIN = "the-admin-of-the-scenario"
REVISION = '"""{name}"""\n\nrevision = "{name}"\ndown_revision = {down}\n\n\ndef upgrade():\n    pass\n'
REQUEST = '127.0.0.1 - - [23/Nov/2026:03:00:00 +0000] "GET / HTTP/1.1" 200 512 "-" "-" 0.05\n'
CONNECTIONS = 24
"""Of PostgreSQL, at most."""


@dataclass
class Website:
    """What the site answers, and where."""

    status: int = 200
    port: int = 0

    def answer(self, connection: socket.socket, _: bytes) -> None:
        body = b"open" if self.status == 200 else b"no database"
        head = b"HTTP/1.1 %d -\r\nContent-Length: %d\r\nConnection: close\r\n\r\n"
        connection.sendall(head % (self.status, len(body)) + body)


@dataclass
class Surroundings:
    """Of it all, what can be broken, and where the rest is."""

    folder: Path
    database: Postgres
    orders: MariaDB
    sessions: Cache
    broker: Cache
    pages: Memcached
    storage: Seaweedfs
    worker: Worker
    collector: Rotel
    website: Website
    environment: dict[str, str]
    more: dict[str, dict[str, Any]] = field(default_factory=dict)
    """Components that only a whole scenario has."""
    lock: threading.Lock = field(default_factory=threading.Lock)
    """Held while it is used, and while it is broken."""
    _numbers: Iterator[int] = field(default_factory=count)

    def second(self) -> None:
        """Use of a second."""
        number = next(self._numbers)
        with self.lock:
            self._use(number)
        with (self.folder / "access.log").open("a") as access, (self.folder / "app.log").open("a") as app:
            access.write(REQUEST * 4)
            app.write("2026-11-23 03:00:00 INFO shop: an order came\n" * 3)

    def _use(self, number: int) -> None:
        if self.sessions.running:
            self.sessions.call("SET", f"session{number % 40}", "x" * 2000)
            for key in range(3):
                self.sessions.call("GET", f"session{(number + key * 13) % 44}")
        self.pages.call(b"set page%d 0 60 500\r\n%b\r\n" % (number % 50, b"x" * 500))
        self.pages.call(b"get page%d\r\n" % (number % 56), b"END\r\n")
        if self.orders.running:
            self.orders.sql("INSERT INTO shop.orders (n) VALUES (1)", "SELECT count(*) FROM shop.orders")
        if number % 3:
            send(self.broker.url, "jobs.add", "jobs.add", args=(1, 2))
        elif self.worker.running:
            # What a beat would send: while it comes, the beat is there.
            send(self.broker.url, "jobs.tick")


@contextmanager
def surroundings(folder: Path, *, whole: bool = False) -> Iterator[Surroundings]:
    with ExitStack() as stack, ThreadPoolExecutor(4) as pool:
        # Side by side, as each mostly waits.
        waits = (
            pool.submit(stack.enter_context, servers.postgres(max_connections=CONNECTIONS)),
            pool.submit(stack.enter_context, servers.mariadb(long_query_time=0.2, slow_query_log=1)),
            pool.submit(stack.enter_context, servers.seaweedfs()),
        )
        sessions, broker = (stack.enter_context(servers.valkey(*args)) for args in (("--maxmemory", "64mb"), ()))
        pages, collector = stack.enter_context(servers.memcached("-m", "8")), stack.enter_context(servers.rotel())
        drawings, stock = stack.enter_context(servers.mongodb()), stack.enter_context(rpc({"": "SERVING"}))
        database, orders, storage = waits[0].result(), waits[1].result(), waits[2].result()
        worker = stack.enter_context(servers.celery_worker(broker.url))
        database.sql("CREATE EXTENSION pg_stat_statements; CREATE TABLE designs (id int)")
        orders.sql("CREATE DATABASE shop", "CREATE TABLE shop.orders (id int PRIMARY KEY AUTO_INCREMENT, n int)")
        storage.put("/uploads/tenant-1/drawing", b"x" * 200_000)
        website = Website()
        tls = certificates.pair()
        serving = stack.enter_context(hostile.serving(website.answer, tls=tls.context()))
        names = stack.enter_context(nameserver.serving(nameserver.replies("shop.example. 300 IN A 192.0.2.1")))
        post = stack.enter_context(smtp())
        _files(folder, tls)
        environment = {
            "FOLDER": str(folder),
            "AUTHORITY": str(certificates.authority()),
            "DATABASE_URL": database.url,
            "ORDERS_URL": orders.url,
            "SESSIONS_URL": sessions.url,
            "BROKER_URL": broker.url,
            "PAGES": pages.address,
            "DRAWINGS_URL": drawings.url,
            "S3_URL": storage.url,
            "ACCESS_KEY_ID": KEYS[0],
            "SECRET_ACCESS_KEY": KEYS[1],
            "WEBSITE_URL": f"https://localhost:{serving.port}/healthz",
            "GATEWAY": f"127.0.0.1:{storage.port}",
            "NAMESERVER": names.address,
            "MAIL": post.address,
            "STOCK": stock.url,
            "COLLECTOR_URL": collector.url,
            "HOOK_TOKEN": TOKEN,
            "ADMIN_TOKEN": ADMIN,
            "SENTRY_KEY": KEY,
        }
        around = Surroundings(
            folder, database, orders, sessions, broker, pages, storage, worker, collector, website, environment
        )
        if whole:
            around.more = _more(stack, database)
        yield around


def _more(stack: ExitStack, database: Postgres) -> dict[str, dict[str, Any]]:
    """What takes long to start."""
    broker = stack.enter_context(servers.rabbitmq(management=True))
    broker.api("PUT", "queues/%2F/orders", {"durable": True})
    replica = stack.enter_context(servers.postgres(replica_of=database))
    asked = {"kind": "rabbitmq", "url": broker.url, "queues": ["orders"], "team": "sales"}
    return {
        "messages": asked | {"management": {"url": broker.management_url}},
        "replica": {"kind": "postgres", "dsn": replica.url, "role": "replica", "team": "platform"},
    }


def _files(folder: Path, tls: certificates.Pair) -> None:
    (folder / "files").mkdir()
    (folder / "files" / "drawing").write_bytes(b"x" * 1_500_000)
    shutil.copy(tls.certificate, folder / "shop.pem")
    for log in ("app.log", "access.log"):
        (folder / log).touch()
    (folder / "versions").mkdir()
    revision(folder, "a1", None)
    revision(folder, "b2", "a1")
    with closing(sqlite3.connect(folder / "ledger.db")) as ledger, ledger:
        ledger.executescript(
            "PRAGMA journal_mode = WAL; CREATE TABLE entries (id INTEGER PRIMARY KEY, state TEXT);"
            "INSERT INTO entries (state) VALUES ('open'), ('open'), ('paid'), ('paid'), ('paid');"
            "CREATE TABLE alembic_version (version_num); INSERT INTO alembic_version VALUES ('b2')"
        )


def revision(folder: Path, name: str, down: str | None) -> None:
    """Another of the code's migrations."""
    (folder / "versions" / f"{name}.py").write_text(REVISION.format(name=name, down=repr(down)))


class Session:
    """One of PostgreSQL's frontend/backend protocol 3.0, as little as holding it open and asking takes; for `trust`."""

    def __init__(self, server: Postgres) -> None:
        self._socket = socket.create_connection((server.host, server.port), timeout=5)
        start = struct.pack("!i", 196608) + b"user\0postgres\0database\0postgres\0\0"
        self._socket.sendall(struct.pack("!i", len(start) + 4) + start)
        while b"Z\0\0\0\5" not in self._socket.recv(4096):
            continue

    def begin(self, statement: str) -> None:
        """Send it, and wait for no answer."""
        query = statement.encode() + b"\0"
        self._socket.sendall(b"Q" + struct.pack("!i", len(query) + 4) + query)

    def close(self) -> None:
        self._socket.close()


def opened(stack: ExitStack, server: Postgres, number: int) -> list[Session]:
    """So many sessions, until the stack is left."""
    made: list[Session] = []
    for _ in range(number):
        made.append(Session(server))
        stack.callback(made[-1].close)
    return made
