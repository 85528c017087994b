"""Each component is broken and mended while the daemon runs: it shows at once, the verdict follows rise and fall, and nobody else notices."""

import http.server
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests import servers
from tests.servers import Server
from tests.servers.exporters import Daemon
from tests.servers.process import wait_until

INTERVAL, RISE, FALL = 0.5, 2, 3
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
    break_: dict[str, Callable[[], None]]
    mend: dict[str, Callable[[], None]]
    reason: dict[str, str]


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
defaults: {{interval: {INTERVAL * 1000:.0f}ms, timeout: 400ms, rise: {RISE}, fall: {FALL}}}
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
            break_={
                "database": database.kill,
                "cache": cache.kill,
                "port": port.kill,
                "site": pages.close,
                "file": lambda: file.rename(away) and None,
                "folder": lambda: uploads.rename(gone) and None,
            },
            mend={
                "database": database.start,
                "cache": cache.start,
                "port": port.start,
                "site": lambda: pages.enter_context(site(web_port)),
                "file": lambda: away.rename(file) and None,
                "folder": lambda: gone.rename(uploads) and None,
            },
            reason={
                "database": "refused",
                "cache": "refused",
                "port": "refused",
                "site": "refused",
                "file": "missing",
                "folder": "missing",
            },
        )


@dataclass(frozen=True)
class Moment:
    """What one scrape says of a component, and when."""

    at: float
    success: float
    up: float
    bad_runs: float
    good_runs: float


def look(daemon: Daemon, name: str) -> Moment:
    found = daemon.get(f"/metrics?component={name}").text
    lines = dict(line.rpartition(" ")[::2] for line in found.splitlines() if not line.startswith("#"))
    series = {key: float(value) for key, value in lines.items()}

    def total(metric: str, *having: str) -> float:
        return sum(v for key, v in series.items() if key.startswith(metric + "{") and all(h in key for h in having))

    return Moment(
        time.monotonic(),
        total("stack_probe_success"),
        total("stack_component_up"),
        total("stack_probe_runs_total", 'result="unhealthy"'),
        total("stack_probe_runs_total", 'result="healthy"') + total("stack_probe_runs_total", 'result="degraded"'),
    )


def follow(daemon: Daemon, name: str, until: Callable[[Moment], bool], timeout: float = 15.0) -> list[Moment]:
    seen = [look(daemon, name)]
    end = time.monotonic() + timeout
    while not until(seen[-1]):
        assert time.monotonic() < end, seen[-5:]
        time.sleep(0.03)
        seen.append(look(daemon, name))
    return seen


@pytest.mark.parametrize("name", NAMES)
def test_a_component_that_breaks_shows_within_one_interval_and_falls_and_rises_as_configured(
    stack: Stack, name: str
) -> None:
    daemon = stack.daemon
    wait_until(lambda: look(daemon, name).up == 1 and look(daemon, name).success == 1)
    others = [other for other in (*NAMES, "machine") if other != name]
    before = {other: look(daemon, other) for other in others}
    began = look(daemon, name)
    broken = time.monotonic()
    # Aside, because a server that is killed is waited for, and what happens meanwhile is the point.
    breaking = threading.Thread(target=stack.break_[name])
    breaking.start()
    down = follow(daemon, name, lambda moment: moment.up == 0)
    breaking.join()
    first = next(moment for moment in down if moment.success == 0)
    # The next run begins within an interval and lasts at most its deadline; the rest is our own polling.
    assert first.at - broken <= INTERVAL + 0.4 + 0.3
    assert {m.up for m in down if m.bad_runs - began.bad_runs < FALL} == {1}
    assert down[-1].bad_runs - began.bad_runs >= FALL
    shown = daemon.get(f"/health/{name}").json()["data"]
    assert (shown["status"], shown["reason"]) == ("unhealthy", stack.reason[name])
    assert daemon.get("/health").status == (503 if name == "database" else 200)
    bad = down[-1]
    stack.mend[name]()
    started = time.monotonic()
    up = follow(daemon, name, lambda moment: moment.up == 1)
    first_good = next(moment for moment in up if moment.success == 1)
    assert first_good.at - started <= INTERVAL + 0.4 + 0.3
    assert {m.up for m in up if m.good_runs - bad.good_runs < RISE} <= {0}
    assert up[-1].good_runs - bad.good_runs >= RISE
    assert daemon.get("/health").status == 200
    after = {other: look(daemon, other) for other in others}
    for other in others:
        runs = after[other].good_runs - before[other].good_runs
        took = after[other].at - before[other].at
        assert after[other].bad_runs == before[other].bad_runs, other
        assert runs >= took / INTERVAL - 2, (other, runs, took)


def test_nothing_was_left_out_and_nothing_restarted(stack: Stack) -> None:
    metrics = stack.daemon.metrics()
    assert {k: v for k, v in metrics.items() if k.startswith("stack_exporter_task_restarts_total") and v} == {}
    assert {k: v for k, v in metrics.items() if k.startswith("stack_exporter_unrendered") and v} == {}
