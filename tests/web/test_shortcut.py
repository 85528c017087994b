"""GET /probe past aiohttp: what goes that way, what does not, and that nobody can tell."""

import os
import re
import signal
import socket
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests import hostile
from tests.servers import daemon
from tests.servers.exporters import Daemon
from tests.servers.process import wait_until

ANSWER = b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nHello"


def running_daemon(folder: Path):
    file = folder / "blackbox.yml"
    file.write_text("modules: {http_2xx: {prober: http, timeout: 5s, http: {preferred_ip_protocol: ip4}}}\n")
    return daemon(f"probe: {{modules: {file}, allow: [127.0.0.1]}}\n")


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Daemon]:
    with running_daemon(tmp_path_factory.mktemp("modules")) as running:
        yield running


@pytest.fixture(scope="module")
def target() -> Iterator[hostile.Hostile]:
    with hostile.serving(hostile.says(ANSWER)) as running:
        yield running


def get(path: str, *headers: str) -> bytes:
    return "\r\n".join([f"GET {path} HTTP/1.1", "Host: x", *headers, "", ""]).encode()


def talk(server: Daemon, *sent: bytes, answers: int, pause: float = 0.0) -> list[tuple[int, bytes, bytes]]:
    """Status, head and body of so many answers on one connection; fewer when it is closed."""
    found = []
    with socket.create_connection(("127.0.0.1", server.port), timeout=8) as client:
        for part in sent:
            client.sendall(part)
            time.sleep(pause)
        data = b""
        while len(found) < answers:
            head, end, rest = data.partition(b"\r\n\r\n")
            size = int((re.search(rb"(?i)content-length: (\d+)", head) or [0, 0])[1])
            if end and len(rest) >= size:
                found.append((int(head.split()[1]), head, rest[:size]))
                data = rest[size:]
                continue
            if not (more := client.recv(65536)):
                break
            data += more
    return found


def names(head: bytes) -> list[str]:
    return sorted(line.split(b":")[0].decode().lower() for line in head.split(b"\r\n")[1:])


def test_both_ways_give_the_same_headers_and_series(server: Daemon, target: hostile.Hostile) -> None:
    path = f"/probe?target={target.url}"
    ((status, head, body),) = talk(server, get(path), answers=1)
    ((status2, head2, body2),) = talk(server, get("/livez") + get(path), answers=2)[1:]
    assert (status, status2) == (200, 200)
    assert names(head) == names(head2)
    numbers = re.compile(rb" [0-9.e+-]+$", re.MULTILINE)
    assert numbers.sub(b"", body) == numbers.sub(b"", body2)
    ((_, head, _),) = talk(server, get("/probe"), answers=1)
    ((_, head2, _),) = talk(server, get("/livez") + get("/probe"), answers=2)[1:]
    assert names(head) == names(head2)


def test_requests_on_one_connection_are_answered_in_their_order(server: Daemon, target: hostile.Hostile) -> None:
    probe = get(f"/probe?target={target.url}")
    found = talk(server, probe, probe + get("/livez"), probe, get("/nowhere"), answers=5)
    assert [status for status, *_ in found] == [200, 200, 200, 200, 404]
    assert [b"probe_success 1" in body for *_, body in found] == [True, True, False, True, False]


@pytest.mark.parametrize("cut", [3, 20, -2])
def test_a_request_in_pieces_is_one_request(cut: int, server: Daemon, target: hostile.Hostile) -> None:
    probe = get(f"/probe?target={target.url}")
    found = talk(server, probe[:cut], probe[cut:], probe, answers=2, pause=0.05)
    assert [status for status, *_ in found] == [200, 200]


def test_a_body_that_looks_like_a_request_is_none(server: Daemon, target: hostile.Hostile) -> None:
    """What belongs to a request that aiohttp has begun to read stays with it."""
    hidden = get(f"/probe?target={target.url}")
    first = get("/probe", f"Content-Length: {len(hidden)}")
    before = target.connections
    found = talk(server, first, hidden, answers=2, pause=0.1)
    assert [status for status, *_ in found][:1] == [400]
    assert target.connections == before


MALFORMED = {
    "no host": (b"GET /probe?target=x HTTP/1.1\r\n\r\n", 400),
    "a header twice": (get("/probe?target=x", "Host: y"), 400),
    "a broken header": (get("/probe?target=x", "no colon"), 400),
    "credentials in the query": (get("/probe?target=x&token=abc"), 400),
    "a target that is refused": (get("/probe?target=169.254.169.254"), 403),
}


@pytest.mark.parametrize(("request_", "status"), MALFORMED.values(), ids=MALFORMED)
def test_what_is_refused_is_refused_this_way_too(request_: bytes, status: int, server: Daemon) -> None:
    ((found, *_),) = talk(server, request_, answers=1)
    assert found == status


def test_a_client_that_sends_ahead_without_end_is_cut(server: Daemon) -> None:
    with hostile.serving(hostile.mute) as silent, pytest.raises(OSError):
        with socket.create_connection(("127.0.0.1", server.port), timeout=5) as client:
            client.sendall(get(f"/probe?target={silent.url}"))
            wait_until(
                lambda: silent.connections == 1
            )  # what comes in one piece with the request is aiohttp's to refuse
            for _ in range(200):
                client.sendall(b"x" * 65536)


def test_what_is_under_way_is_answered_at_the_end(tmp_path: Path) -> None:
    def late(connection: socket.socket, _: bytes) -> None:
        time.sleep(0.6)
        connection.sendall(ANSWER)

    with running_daemon(tmp_path) as server, hostile.serving(late) as slow:
        with socket.create_connection(("127.0.0.1", server.port), timeout=8) as client:
            client.sendall(get(f"/probe?target={slow.url}"))
            wait_until(lambda: slow.connections == 1)
            os.kill(server.pid, signal.SIGTERM)
            data = b""
            while more := client.recv(65536):
                data += more
        wait_until(lambda: not server.running)
    assert b"\nprobe_success 1\n" in data
