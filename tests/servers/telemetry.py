"""What takes our output in: rotel (an OpenTelemetry collector, a wheel), Prometheus and Alertmanager (Debian's: `debian`)."""

import importlib.util
import json
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import quote

from tests.servers.ports import free_port
from tests.servers.process import Server


class Rotel(Server):
    """`url` and `port` take OTLP/HTTP, `grpc_port` takes OTLP/gRPC. What arrives is in `log`."""

    grpc_port = 0

    def ready(self) -> bool:
        return self.request("POST", "/v1/traces", b"", {"content-type": "application/x-protobuf"}).status < 500


@contextmanager
def rotel(*args: str, batch: str = "50ms") -> Iterator[Rotel]:
    """A collector that writes every span, metric and log record it takes in into its log, and sends them nowhere.

    It waits for `batch` for more before it sends; its own default is 200ms.
    """
    with tempfile.TemporaryDirectory(prefix="rotel-") as made:
        port, grpc_port = free_port(), free_port()
        spec = importlib.util.find_spec("rotel")
        assert spec, "rotel is not installed: make setup"
        assert spec.origin
        command = [str(Path(spec.origin).parent / "rotel-agent"), "start", "--otlp-http-endpoint", f"127.0.0.1:{port}"]
        command += ["--otlp-grpc-endpoint", f"127.0.0.1:{grpc_port}", "--batch-timeout", batch]
        command += args or [
            "--exporter",
            "blackhole",
            "--debug-log",
            "traces",
            "--debug-log",
            "metrics",
            "--debug-log",
            "logs",
            "--debug-log-verbosity",
            "detailed",
        ]
        server = Rotel("rotel", command, port, Path(made), url=f"http://127.0.0.1:{port}", env={"HOME": made})
        server.grpc_port = grpc_port
        with server:
            yield server


class Prometheus(Server):
    def ready(self) -> bool:
        return self.get("/-/ready").status in (200, 401)

    def query(self, expression: str) -> list[dict[str, Any]]:
        """The samples of an instant query."""
        reply = self.get(f"/api/v1/query?query={quote(expression)}")
        assert reply.status == 200, reply.text
        return json.loads(reply.body)["data"]["result"]


@contextmanager
def prometheus(config: str, *args: str, program: str | None = None) -> Iterator[Prometheus]:
    """Debian's Prometheus (or `program`) with this prometheus.yml; it stores exemplars.

    Its first scrape comes seconds after its start.
    """
    program = program or shutil.which("prometheus")
    assert program, "prometheus is not installed: make packages"
    with tempfile.TemporaryDirectory(prefix="prometheus-") as made:
        port, folder = free_port(), Path(made)
        file = folder / "prometheus.yml"
        file.write_text(config)
        command = [program, f"--config.file={file}", f"--storage.tsdb.path={folder / 'data'}"]
        command += [f"--web.listen-address=127.0.0.1:{port}", "--enable-feature=exemplar-storage", *args]
        with Prometheus("prometheus", command, port, folder, url=f"http://127.0.0.1:{port}") as server:
            yield server


class Alertmanager(Server):
    def ready(self) -> bool:
        return self.get("/-/ready").status == 200

    def alert(self, name: str) -> None:
        """Give it an alert, as Prometheus would."""
        reply = self.post(
            "/api/v2/alerts", json.dumps([{"labels": {"alertname": name}}]), {"Content-Type": "application/json"}
        )
        assert reply.status == 200, reply.text


@contextmanager
def alertmanager(config: str, *args: str, program: str | None = None) -> Iterator[Alertmanager]:
    """Debian's Alertmanager (or `program`) with this alertmanager.yml, alone: without a cluster."""
    program = program or shutil.which("prometheus-alertmanager")
    assert program, "prometheus-alertmanager is not installed: make packages"
    with tempfile.TemporaryDirectory(prefix="alertmanager-") as made:
        port, folder = free_port(), Path(made)
        file = folder / "alertmanager.yml"
        file.write_text(config)
        command = [program, f"--config.file={file}", f"--storage.path={folder / 'data'}", "--cluster.listen-address="]
        command += [f"--web.listen-address=127.0.0.1:{port}", *args]
        with Alertmanager("alertmanager", command, port, folder, url=f"http://127.0.0.1:{port}") as server:
            yield server
