"""A back end in a process of its own that takes spans in cheaply over OTLP, and tells how many came, and how."""

import os
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.servers.ports import free_port
from tests.servers.process import Server

ROOT = Path(__file__).parents[2]


class Arrivals(Server):
    """Stopped and started again it has forgotten what came before."""

    grpc_port = 0

    def told(self) -> dict[str, int]:
        found: dict[str, int] = self.get("/", timeout=60).json()
        return found

    @property
    def spans(self) -> int:
        """Different ones, by their ids."""
        return self.told()["spans"]


@contextmanager
def arrivals() -> Iterator[Arrivals]:
    """It runs. `grpc_port` takes OTLP/gRPC, `port` OTLP/HTTP."""
    with tempfile.TemporaryDirectory(prefix="arrivals-") as made:
        port, grpc_port = free_port(), free_port()
        command = [sys.executable, "-m", "tests.servers.programs.arrivals", str(port), str(grpc_port)]
        env = {"PATH": os.environ["PATH"], "HOME": made, "PYTHONPATH": str(ROOT)}
        server = Arrivals("arrivals", command, port, Path(made), url=f"http://127.0.0.1:{port}", env=env)
        server.grpc_port = grpc_port
        with server:
            yield server
