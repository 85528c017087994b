"""MariaDB 10.11, from Debian's packages (mark such tests `debian`, and `xdist_group("mariadb")`): half a second to start."""

import atexit
import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import closing, contextmanager
from functools import cache
from pathlib import Path
from typing import Any

import pymysql

from tests.servers.ports import free_port
from tests.servers.process import Server

SETTINGS = {
    "bind_address": "127.0.0.1",
    "innodb_buffer_pool_size": "8M",
    "innodb_log_file_size": "4M",
    "innodb_flush_log_at_trx_commit": 0,
    "innodb_buffer_pool_dump_at_shutdown": 0,
    "innodb_buffer_pool_load_at_startup": 0,
    "aria_pagecache_buffer_size": "1M",
    "key_buffer_size": "1M",
    "performance_schema": 0,
}


class MariaDB(Server):
    """`url` is that of root, who has no password, and of no database."""

    def ready(self) -> bool:
        return "ready for connections" in self.log

    @property
    def socket(self) -> str:
        return str(self.folder / "mariadb.sock")

    def sql(self, *statements: str, **how: Any) -> tuple[tuple[Any, ...], ...]:
        """Run statements in one session, root's unless told otherwise, and return what the last one gives."""
        with closing(self.session(**how)) as session, session.cursor() as cursor:
            for statement in statements:
                cursor.execute(statement)
            return tuple(cursor.fetchall())

    def session(self, *, user: str = "root", password: str = "", database: str | None = None) -> Any:
        """A session of PyMySQL's, for a test to hold open."""
        return pymysql.connect(
            host=self.host,
            port=self.port,
            user=user,
            password=password,
            database=database,
            autocommit=True,
            ssl_disabled=True,  # PyMySQL loads the system's authorities otherwise: 30 ms
        )

    def dsn(self, database: str = "", user: str = "root", password: str = "", query: str = "") -> str:
        secret = f":{password}" if password else ""
        return f"mysql://{user}{secret}@{self.host}:{self.port}/{database}{query}"


@contextmanager
def mariadb(*, replica_of: MariaDB | None = None, **settings: object) -> Iterator[MariaDB]:
    """A MariaDB of its own, `settings` are its options. With `replica_of`, which needs log_bin=1, it replicates that one."""
    with tempfile.TemporaryDirectory(prefix="mariadb-", ignore_cleanup_errors=True) as made:
        folder = Path(made)
        port = free_port()
        shutil.copytree(_template(), folder / "data")
        given = SETTINGS | {"server_id": port} | settings
        command = [
            "/usr/sbin/mariadbd",
            "--no-defaults",
            f"--datadir={folder / 'data'}",
            f"--socket={folder / 'mariadb.sock'}",
            f"--pid-file={folder / 'pid'}",
            f"--tmpdir={folder}",
            f"--port={port}",
            *(f"--{name.replace('_', '-')}={value}" for name, value in given.items()),
            *_as_root(),
        ]
        url = f"mysql://root@127.0.0.1:{port}/"
        with MariaDB("mariadb", command, port, folder, url=url) as server:
            if replica_of:
                server.sql(
                    f"CHANGE MASTER TO master_host = '{replica_of.host}', master_port = {replica_of.port},"
                    " master_user = 'root', master_use_gtid = slave_pos, master_connect_retry = 1",
                    "START SLAVE",
                )
            yield server


@cache
def _template() -> Path:
    """An empty data folder, made once: copying it is ten times as fast."""
    made = Path(tempfile.mkdtemp(prefix="mariadb-"))
    atexit.register(shutil.rmtree, made, ignore_errors=True)
    flags = ["--no-defaults", "--auth-root-authentication-method=normal", "--skip-test-db", "--skip-name-resolve"]
    options = [f"--innodb-log-file-size={SETTINGS['innodb_log_file_size']}", *_as_root()]
    command = ["mariadb-install-db", *flags, f"--datadir={made / 'data'}", *options]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, f"{done.stdout}{done.stderr}"
    return made / "data"


def _as_root() -> list[str]:
    return ["--user=root"] if os.getuid() == 0 else []
