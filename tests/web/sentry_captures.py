"""Requests that Sentry's SDKs really sent, to be sent again; tests/fixtures/captures has them as they came."""

import http.client
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

CAPTURES = Path(__file__).parents[1] / "fixtures" / "captures"
KEY = "0123456789abcdef0123456789abcdef"
"""That all of them were sent with."""
CHANGED = {"host", "transfer-encoding", "content-length", "connection"}


@dataclass(frozen=True)
class Capture:
    name: str
    target: str
    headers: dict[str, str]
    body: bytes

    def send(self, port: int) -> tuple[int, bytes]:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
        try:
            connection.request("POST", self.target, self.body, self.headers)
            response = connection.getresponse()
            return response.status, response.read()
        finally:
            connection.close()


def captures() -> Iterator[Capture]:
    for file in sorted(CAPTURES.glob("sentry-*.http")):
        head, _, body = file.read_bytes().partition(b"\r\n\r\n")
        first, *lines = head.decode().split("\r\n")
        pairs = (line.split(": ", 1) for line in lines)
        headers = {name: value for name, value in pairs if name.lower() not in CHANGED}
        yield Capture(file.stem, first.split(" ")[1], headers, body)
