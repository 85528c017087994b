"""The ingest listener under senders that are slow, and while a component that is probed dies: F22 and F30."""

import asyncio
import socket
import time

import pytest

from tests import servers
from tests.end_to_end.test_load import CONFIG, kept, outcomes
from tests.load import envelope, event, mixed, send
from tests.servers.exporters import Daemon

HEAD = b"POST /api/1/envelope/ HTTP/1.1\r\nHost: localhost\r\n"
SLOW = {
    "nothing": b"",
    "half a header": HEAD[:40],
    "headers without their end": HEAD + b"X-Slow: a",
    "half a body": HEAD + b"Content-Length: 1000\r\n\r\n{",
    "half a compressed body": HEAD + b"Content-Encoding: gzip\r\nContent-Length: 1000\r\n\r\n\x1f\x8b",
}


def normal(daemon: Daemon) -> float:
    """Seconds that an event took to be acknowledged."""
    id_, body = envelope(event(1), "gzip")
    began = time.monotonic()
    sent = asyncio.run(send(daemon.ingest_port, [(id_, "gzip", body)], rate=1))
    assert sent.statuses == {200: 1}
    return time.monotonic() - began


@pytest.mark.timeout(60)
def test_five_hundred_slow_senders_are_cut_and_hold_up_nobody() -> None:
    with servers.daemon(CONFIG) as daemon:
        held: list[socket.socket] = []
        began = time.monotonic()
        try:
            for number in range(500):
                one = socket.create_connection(("127.0.0.1", daemon.ingest_port))
                held.append(one)
                one.sendall(list(SLOW.values())[number % len(SLOW)])
            assert max(normal(daemon) for _ in range(5)) < 2  # 100 ms where the machine is quiet
            for one in held:
                one.settimeout(20)
                while one.recv(4096):  # a reply, if any, and then the end
                    pass
            assert time.monotonic() - began < 20  # 15 s, and what a busy machine adds
        finally:
            for one in held:
                one.close()
        assert normal(daemon) < 2


def test_the_death_of_a_redis_that_is_probed_changes_nothing_for_senders() -> None:
    with servers.valkey() as cache:
        config = f'{CONFIG}components: {{cache: {{kind: redis, url: "{cache.url}", interval: 1s, timeout: 500ms}}}}\n'
        with servers.daemon(config) as daemon:
            before = asyncio.run(send(daemon.ingest_port, mixed(range(60)), rate=60))
            cache.kill()
            after = asyncio.run(send(daemon.ingest_port, mixed(range(60)), rate=60))
            assert before.statuses == after.statuses == {200: 60}
            assert outcomes(daemon) == {"accepted": 120}
            assert kept(daemon) == 120
            assert after.quantile(0.5) < max(0.1, 10 * before.quantile(0.5))
