"""What the daemon said 200 to is in its store: after kill -9, with two daemons on one PostgreSQL, and while that is away."""

import json
import threading
import time
import uuid
from concurrent.futures import ThreadPoolExecutor
from http.client import HTTPException

import pytest

from tests import servers
from tests.servers.exporters import Daemon
from tests.servers.process import Reply, wait_until

TOKEN = "canary-of-the-admin-token"
ADMIN = {"Authorization": f"Bearer {TOKEN}"}
CONFIG = f'service: shop\nweb: {{admin_tokens: ["{TOKEN}"]}}\n'


def raised(daemon: Daemon, id_: str) -> Reply:
    frames = [{"filename": "shop/cart.py", "module": "shop.cart", "function": "total", "lineno": 12, "in_app": True}]
    values = [{"type": "PriceError", "value": f"none for {id_}", "stacktrace": {"frames": frames}}]
    event = {"event_id": id_, "timestamp": time.time(), "platform": "python", "exception": {"values": values}}
    body = json.dumps(event).encode()
    headers = {"Content-Type": "application/json"}
    path = "/api/1/store/?sentry_key=abcdef0123456789"
    return daemon.request("POST", path, body, headers, port=daemon.ingest_port)


def kept(daemon: Daemon, id_: str) -> bool:
    return daemon.get(f"/api/v1/occurrences/{id_}", ADMIN).status == 200


def count(daemon: Daemon) -> list[int]:
    return [group["count"] for group in daemon.get("/api/v1/errors", ADMIN).json()["data"]]


def test_what_was_acknowledged_is_there_after_kill_9_and_counts_once() -> None:
    told: list[str] = []

    def send(daemon: Daemon, ended: threading.Event) -> None:
        while not ended.is_set():
            id_ = uuid.uuid4().hex
            try:
                if raised(daemon, id_).status == 200:
                    told.append(id_)
            except (OSError, HTTPException):
                return

    with servers.daemon(CONFIG) as daemon, ThreadPoolExecutor(4) as pool:
        for round_ in range(1):
            ended = threading.Event()
            for _ in range(4):
                pool.submit(send, daemon, ended)
            before = len(told)
            wait_until(lambda before=before: len(told) >= before + 20 + 7 * round_, what="events are taken")
            daemon.kill()
            ended.set()
            daemon.start()
            assert [id_ for id_ in told if not kept(daemon, id_)] == []
        (known,) = count(daemon)
        assert known >= len(told)
        assert [raised(daemon, id_).status for id_ in told[:10]] == [200] * 10
        assert count(daemon) == [known]


@pytest.mark.xdist_group("postgres")
def test_two_daemons_on_one_database_count_an_event_once_and_refuse_while_it_is_away() -> None:
    with (
        servers.postgres() as database,
        servers.daemon(f"{CONFIG}store: {database.url}\n") as first,
        servers.daemon(f"{CONFIG}store: {database.url}\n") as second,
    ):
        ids = [uuid.uuid4().hex for _ in range(10)]
        assert [raised(daemon, id_).status for id_ in ids for daemon in (first, second)] == [200] * 20
        assert count(first) == count(second) == [10]

        database.stop()
        reply = raised(first, uuid.uuid4().hex)
        assert reply.status == 429
        assert int(reply.headers["retry-after"]) > 0
        assert first.get("/api/v1/errors", ADMIN).status == 503
        assert first.get("/readyz").status == 200
        assert first.metrics()['stack_exporter_store_refused_total{reason="unavailable"}'] == 1

        database.start()
        wait_until(lambda: raised(first, ids[0]).status == 200, 5.0, "the database is used again")
        wait_until(lambda: raised(second, uuid.uuid4().hex).status == 200, 5.0, "and by the other")
        assert count(first) == [11]
