"""The peers, from Debian's packages, and the targets, each a process on a free loopback port."""

import os
import shutil
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from benchmarks.row import Missing
from tests.servers import Server, free_port

ROOT = Path(__file__).parents[1]

BLACKBOX = """\
modules:
  http_2xx: {prober: http, timeout: 5s, http: {preferred_ip_protocol: ip4, follow_redirects: true}}
  tcp_connect: {prober: tcp, timeout: 5s, tcp: {preferred_ip_protocol: ip4}}
  redis_ping:
    prober: tcp
    timeout: 5s
    tcp: {preferred_ip_protocol: ip4, query_response: [{send: "PING"}, {expect: '^\\+PONG'}]}
"""


class Peer(Server):
    def ready(self) -> bool:
        return self.get("/metrics").status == 200


@contextmanager
def started(
    name: str, command: Sequence[str], port: int, folder: Path, env: Mapping[str, str] | None = None
) -> Iterator[Peer]:
    clean = {"PATH": os.environ["PATH"], "HOME": str(folder)} | dict(env or {})
    with Peer(name, command, port, folder, url=f"http://127.0.0.1:{port}", env=clean) as server:
        yield server


@contextmanager
def exporter(
    name: str, *flags: str, env: Mapping[str, str] | None = None, files: Mapping[str, str] | None = None
) -> Iterator[Peer]:
    """Debian's prometheus-NAME; `{port}` and `{folder}` in its flags are filled in. Raises Missing."""
    program = shutil.which(f"prometheus-{name}")
    if program is None:
        raise Missing(f"prometheus-{name} is not installed")
    with tempfile.TemporaryDirectory(prefix=f"{name}-") as made:
        folder, port = Path(made), free_port()
        for file, text in (files or {}).items():
            (folder / file).write_text(text)
        command = [program, *(flag.format(port=port, folder=folder) for flag in flags)]
        with started(name, command, port, folder, env) as server:
            yield server


def blackbox():
    flags = ("--config.file={folder}/blackbox.yml", "--web.listen-address=127.0.0.1:{port}", "--log.level=error")
    return exporter("blackbox-exporter", *flags, files={"blackbox.yml": BLACKBOX})


def redis(url: str):
    return exporter("redis-exporter", f"-redis.addr={url}", "-web.listen-address=127.0.0.1:{port}")


def postgres(dsn: str):
    flags = ("--web.listen-address=127.0.0.1:{port}", "--log.level=error")
    return exporter("postgres-exporter", *flags, env={"DATA_SOURCE_NAME": f"{dsn}?sslmode=disable"})


def node():
    return exporter("node-exporter", "--web.listen-address=127.0.0.1:{port}", "--log.level=error")


def pushgateway():
    return exporter("pushgateway", "--web.listen-address=127.0.0.1:{port}", "--log.level=error")


class Target(Server):
    tcp_port = 0


@contextmanager
def target() -> Iterator[Target]:
    """`port` answers HTTP, `tcp_port` takes connections."""
    with tempfile.TemporaryDirectory(prefix="target-") as made:
        port, tcp_port = free_port(), free_port()
        command = [sys.executable, "-m", "benchmarks.target", str(port), str(tcp_port)]
        env = {"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT)}
        with Target("target", command, port, Path(made), url=f"http://127.0.0.1:{port}", env=env) as server:
            server.tcp_port = tcp_port
            yield server
