"""A real gRPC server, in a process of its own: grpcio's threads and the forks of tests don't go together."""

import contextlib
import json
import socket
import sys
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path

from tests.certificates import Pair
from tests.servers.ports import free_port
from tests.servers.process import Server

SERVICES = {"": "SERVING", "orders": "SERVING", "stock": "NOT_SERVING", "ledger": "UNKNOWN"}


class Rpc(Server):
    def ready(self) -> bool:
        socket.create_connection((self.host, self.port), 1).close()
        return True


@contextlib.contextmanager
def rpc(services: Mapping[str, str] | None = SERVICES, *, tls: Pair | None = None, token: str = "") -> Iterator[Server]:
    """With these services and what each says; None has no health service. With a token only who has it may ask."""
    port = free_port()
    options = {
        "services": services,
        "token": token,
        "certificate": str(tls.certificate) if tls else "",
        "key": str(tls.key) if tls else "",
    }
    program = str(Path(__file__).with_name("health_service.py"))
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, program, str(port), json.dumps(options)]
        with Rpc("rpc", command, port, Path(folder), url=f"127.0.0.1:{port}") as server:
            yield server
