"""Each component is broken and mended while the daemon runs: it shows at once, the verdict follows rise and fall, and nobody else notices."""

import http.server
import sqlite3
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests import servers
from tests.end_to_end.breaking import Case, Pace, falls, look, rises
from tests.servers import Server
from tests.servers.exporters import Daemon

pytestmark = pytest.mark.xdist_group("break_and_mend")
PACE = Pace(interval=0.5, timeout=0.4, rise=2, fall=3)
NAMES = ("database", "cache", "port", "site", "file", "folder")


class Hello(http.server.BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("Content-Length", "5")
        self.end_headers()
        self.wfile.write(b"hello")

    def log_message(self, *_: object) -> None:
        pass


@dataclass
class Stack:
    daemon: Daemon
    cases: dict[str, Case]


@contextmanager
def site(port: int) -> Iterator[None]:
    server = http.server.ThreadingHTTPServer(("127.0.0.1", port), Hello)
    thread = threading.Thread(target=server.serve_forever, args=(0.05,))
    thread.start()
    try:
        yield
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    folder = tmp_path_factory.mktemp("stack")
    file, uploads = folder / "app.db", folder / "uploads"
    with sqlite3.connect(file) as connection:
        connection.execute("CREATE TABLE t (x)")
    connection.close()
    uploads.mkdir()
    web_port = servers.free_port()
    with ExitStack() as stack:
        database: Server = stack.enter_context(servers.postgres())
        cache: Server = stack.enter_context(servers.valkey())
        port: Server = stack.enter_context(servers.redis())
        pages = ExitStack()
        stack.callback(lambda: pages.close())
        pages.enter_context(site(web_port))
        config = f"""
defaults: {PACE.defaults}
components:
  database: {{kind: postgres, dsn: "{database.dsn()}", critical: true}}
  cache: {{kind: redis, url: "{cache.url}"}}
  port: {{kind: tcp, address: "127.0.0.1:{port.port}"}}
  site: {{kind: http, url: "http://127.0.0.1:{web_port}/"}}
  file: {{kind: sqlite, path: {file}}}
  folder: {{kind: disk, path: {uploads}, thresholds: {{used: {{warning: "off", critical: "off"}}}}}}
  machine: {{kind: host}}
"""
        daemon = stack.enter_context(servers.daemon(config))
        away, gone = Path(f"{file}.away"), Path(f"{uploads}.away")
        yield Stack(
            daemon,
            {
                "database": Case(database.kill, database.start),
                "cache": Case(cache.kill, cache.start),
                "port": Case(port.kill, port.start),
                "site": Case(pages.close, lambda: pages.enter_context(site(web_port))),
                "file": Case(lambda: file.rename(away), lambda: away.rename(file), "missing"),
                "folder": Case(lambda: uploads.rename(gone), lambda: gone.rename(uploads), "missing"),
            },
        )


@pytest.mark.parametrize("name", NAMES)
def test_a_component_that_breaks_shows_within_one_interval_and_falls_and_rises_as_configured(
    stack: Stack, name: str
) -> None:
    daemon, case = stack.daemon, stack.cases[name]
    others = [other for other in (*NAMES, "machine") if other != name]
    before = {other: look(daemon, other) for other in others}
    falls(daemon, name, case, PACE)
    assert daemon.get("/health").status == (503 if name == "database" else 200)
    rises(daemon, name, case, PACE)
    assert daemon.get("/health").status == 200
    after = {other: look(daemon, other) for other in others}
    for other in others:
        runs = after[other].good_runs - before[other].good_runs
        took = after[other].at - before[other].at
        assert after[other].bad_runs == before[other].bad_runs, other
        assert runs >= took / PACE.interval - 2, (other, runs, took)


def test_nothing_was_left_out_and_nothing_restarted(stack: Stack) -> None:
    metrics = stack.daemon.metrics()
    assert {k: v for k, v in metrics.items() if k.startswith("stack_exporter_task_restarts_total") and v} == {}
    assert {k: v for k, v in metrics.items() if k.startswith("stack_exporter_unrendered") and v} == {}
