"""Requests at a steady rate over connections that are kept, as Prometheus makes them."""

import threading
import time
from collections.abc import Mapping
from http.client import HTTPConnection

WORKERS = 4


def fetch(connection: HTTPConnection, path: str, headers: Mapping[str, str]) -> bytes:
    """One answer's body. Raises AssertionError for a status other than 200."""
    connection.request("GET", path, headers=dict(headers))
    response = connection.getresponse()
    body = response.read()
    assert response.status == 200, f"{path}: {response.status} {body[:300]!r}"
    return body


def repeat(port: int, path: str, count: int, headers: Mapping[str, str] | None = None) -> bytes:
    """So many requests one after another; the last answer's body."""
    connection = HTTPConnection("127.0.0.1", port, timeout=30)
    try:
        for _ in range(count):
            body = fetch(connection, path, headers or {})
        return body
    finally:
        connection.close()


def paced(port: int, path: str, count: int, rate: float) -> None:
    """So many requests, `rate` of them a second."""
    failures: list[BaseException] = []
    start = time.monotonic() + 0.01

    def work(first: int) -> None:
        connection = HTTPConnection("127.0.0.1", port, timeout=30)
        try:
            for number in range(first, count, WORKERS):
                time.sleep(max(0.0, start + number / rate - time.monotonic()))
                fetch(connection, path, {})
        except BaseException as error:  # raised again in the caller's thread
            failures.append(error)
        finally:
            connection.close()

    threads = [threading.Thread(target=work, args=(first,)) for first in range(WORKERS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if failures:
        raise failures[0]
