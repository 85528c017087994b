"""The daemon itself in trouble: killed, misled, sent rubbish, short of places, and with back ends that take nothing."""

import json
import os
import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.client import HTTPConnection
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from tests import servers
from tests.alerts.repeating import repeating
from tests.alerts.fault import Scene, Steps, provokes
from tests.servers.exporters import Daemon

PACE = {"interval": "1s", "timeout": "900ms", "rise": 1, "fall": 2}
TOKEN = "a-token-of-the-test"
NOT_SLOW = {"latency": {"warning": "off", "critical": "off"}}
WORSE = {"away": 503, "wrong": 400}


@provokes("ExporterDown/critical")
def a_daemon_is_killed(scene: Scene) -> Steps:
    with servers.daemon("service: shop\n") as daemon:
        yield {"scraped": {"stack-exporter-of-the-shop": [f"127.0.0.1:{daemon.port}"]}}
        daemon.kill()
        yield None
        daemon.start()
        yield None


@provokes(
    *("ProbesSkipped/warning", "ProbeStale/warning", "ExporterReloadFailed/warning"),
    *("AuthFailures/warning", "EventsInvalid/warning", "EventsLimited/warning"),
    *("ForwardFailing/warning", "ForwardDropping/warning", "SpoolAging/warning"),
)
def a_daemon_has_a_bad_day(scene: Scene) -> Steps:
    bad = threading.Event()
    with _around(bad) as url:
        # One place for twelve that take 0.5 s each, every second.
        places = {f"place-{n}": {"kind": "http", "url": f"{url}/slow", "thresholds": NOT_SLOW} for n in range(12)}
        config = {
            "service": "shop",
            "defaults": PACE,
            "concurrency": 1,
            "components": places,
            "ingest": {"tokens": [TOKEN], "events_per_minute": 60, "burst": 60},
            "forward": {"traces": [{"endpoint": f"{url}/{name}", "name": name} for name in WORSE]},
            "thresholds": {"spool_age": {"warning": "2s", "critical": "off"}},
        }
        with servers.daemon(json.dumps(config), check=False) as daemon:
            yield {"scraped": {"on-a-bad-day": [f"127.0.0.1:{daemon.port}"]}}
            with _sending(daemon):
                bad.set()
                reload(daemon, "components: []\n")
                yield None
            bad.clear()
            reload(daemon, json.dumps(config))
            yield None


def reload(daemon: Daemon, config: str) -> None:
    daemon.config_file.write_text(config)
    os.kill(daemon.pid, signal.SIGHUP)


@contextmanager
def _around(bad: threading.Event) -> Iterator[str]:
    """What the daemon asks and sends to: back ends that refuse, and a shop that is slow, while it is a bad day."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            time.sleep(0.5 if bad.is_set() else 0)
            self._answer(200)

        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["Content-Length"]))
            self._answer(WORSE[self.path.split("/")[1]] if bad.is_set() else 200)

        def _answer(self, status: int) -> None:
            self.send_response(status)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
            thread.join(5)


@contextmanager
def _sending(daemon: Daemon) -> Iterator[None]:
    """Clients with a wrong token, with rubbish, and with more than they may send."""
    deploy = b'{"type": "deploy", "service": "shop", "release": "1.4.2"}'

    def send(source: str, token: str, body: bytes) -> None:
        # A source that shows wrong tokens is limited: it is not to be the one of the right token.
        connection = HTTPConnection("127.0.0.1", daemon.ingest_port, 5, source_address=(source, 0))
        headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
        connection.request("POST", "/api/v1/events", body, headers)
        connection.getresponse().read()
        connection.close()

    def work() -> None:
        send("127.0.0.2", "a-token-of-before", b"{}")
        send("127.0.0.1", TOKEN, b"{")
        send("127.0.0.1", TOKEN, deploy)

    with repeating(work, 0.1):
        yield
