"""The other end of Slack, PagerDuty, SMS and webhooks: an HTTP server that keeps what it is sent, and fails when told to."""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


@dataclass(frozen=True)
class Sent:
    path: str
    authorization: str
    content: Any


@dataclass
class Receiver:
    url: str = ""
    sent: list[Sent] = field(default_factory=list)
    refuse: dict[str, int] = field(default_factory=dict)
    """How many requests more to a path are answered with `status`."""
    status: int = 503

    def at(self, path: str) -> list[Sent]:
        return [one for one in self.sent if one.path == path]


@contextmanager
def receiver() -> Iterator[Receiver]:
    here = Receiver()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            content = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            if here.refuse.get(self.path):
                here.refuse[self.path] -= 1
                self._answer(here.status)
                return
            here.sent.append(Sent(self.path, self.headers.get("Authorization", ""), content))
            # PagerDuty says 202 to what it took, all others 200.
            self._answer(202 if self.path.startswith("/pagerduty") else 200)

        def _answer(self, status: int) -> None:
            self.send_response(status)
            # Alertmanager 0.28 takes nothing but Slack's own "ok" from Slack.
            body = b"ok" if self.path == "/slack" else b""
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Nothing: the test looks at what arrived."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    here.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    try:
        yield here
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
