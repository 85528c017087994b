"""A server that is compatible with MongoDB (secantusdb's wheel; it is not mongod): a replica set of one, unless standalone."""

import signal
import socket
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import quote

from tests.servers.ports import free_port
from tests.servers.process import Server

USER, PASSWORD = "monitor", "a secret: p@ss/w%rd"


class MongoDB(Server):
    """`url` is mongodb://127.0.0.1:port/; `login` has USER and PASSWORD in it, which `do` uses when they are wanted."""

    login = ""
    stop_signal = signal.SIGKILL  # asked to end, it sometimes waits for connections that are gone

    def ready(self) -> bool:
        socket.create_connection((self.host, self.port), timeout=1).close()
        return True

    def do(self, name: str, value: Any = 1, *, database: str = "admin", **more: Any) -> dict[str, Any]:
        """What the server answers."""
        from pymongo import MongoClient

        with MongoClient(self.login or self.url, directConnection=True, serverSelectionTimeoutMS=5000) as client:
            answer: dict[str, Any] = client[database].command(name, value, **more)
            return answer

    def fail(self, *commands: str, times: int = 1, **how: Any) -> None:
        """Have these commands fail, as MongoDB's own tests do: errorCode=…, or closeConnection=True."""
        self.do(
            "configureFailPoint", "failCommand", mode={"times": times}, data={"failCommands": list(commands), **how}
        )


@contextmanager
def mongodb(*args: str, auth: bool = False) -> Iterator[MongoDB]:
    """Of its own; with `auth` it wants USER and PASSWORD, who may do all."""
    with tempfile.TemporaryDirectory(prefix="mongodb-", ignore_cleanup_errors=True) as made:
        folder, port = Path(made), free_port()
        command = [sys.executable, "-m", "secantus", "--host", "127.0.0.1", "--port", str(port)]
        command += ["--storage-path", str(folder / "data"), "--enable-test-commands", "--cache-size", "64M"]
        url = f"mongodb://127.0.0.1:{port}/"
        if auth:
            lasting = [*command, "--sync-on-commit"]
            with MongoDB("mongodb", lasting, port, folder, url=url, env={"HOME": made}) as server:
                server.do("createUser", USER, pwd=PASSWORD, roles=["root"])
            args = (*args, "--auth")
        with MongoDB("mongodb", [*command, *args], port, folder, url=url, env={"HOME": made}) as server:
            if auth:
                server.login = f"mongodb://{USER}:{quote(PASSWORD, safe='')}@127.0.0.1:{port}/"
            yield server
