"""Where Alertmanager's notifications arrive: a web server that keeps them by the receiver's name, with the time of each."""

import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from tests.servers.process import wait_until


@dataclass(frozen=True)
class Notice:
    """One alert of a notification, in Unix seconds: `at`: when it arrived, `ended`: when its rule stopped firing."""

    at: float
    receiver: str
    status: str
    labels: dict[str, str]
    annotations: dict[str, str]
    ended: float = 0.0

    @property
    def name(self) -> str:
        return self.labels["alertname"]


@dataclass
class Notified:
    """A receiver NAME is told by POST to `url`/NAME."""

    url: str = ""
    notices: list[Notice] = field(default_factory=list)

    def of(self, name: str, status: str = "firing", since: float = 0.0, **labels: str) -> list[Notice]:
        """Those of an alert, the oldest first."""
        return [
            one
            for one in list(self.notices)
            if (one.name, one.status) == (name, status)
            and one.at >= since
            and labels.items() <= (one.labels | {"receiver": one.receiver}).items()
        ]

    def wait(
        self, name: str, status: str = "firing", timeout: float = 60.0, since: float = 0.0, **labels: str
    ) -> Notice:
        """The first of them, as soon as it is there."""
        found = wait_until(lambda: self.of(name, status, since, **labels), timeout, f"{name} {labels} is {status}")
        return found[0]


@contextmanager
def notified() -> Iterator[Notified]:
    told = Notified()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            at = time.time()
            body: dict[str, Any] = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            name = self.path.strip("/")
            told.notices += [
                Notice(at, name, alert["status"], alert["labels"], alert["annotations"], _ended(alert))
                for alert in body["alerts"]
            ]
            self.send_response(200)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Nothing: what arrived is looked at by the test."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    told.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    try:
        yield told
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def _ended(alert: dict[str, Any]) -> float:
    return datetime.fromisoformat(alert["endsAt"]).timestamp() if alert["status"] == "resolved" else 0.0
