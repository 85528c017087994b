"""Everything of the demo, started on free ports: the shop and what it stands on, the daemon, Prometheus, Alertmanager."""

import json
import os
import shutil
import sys
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from demo.tidy import end_children
from tests import certificates, servers
from tests.alerts.engines import TOKEN, Engines, engines
from tests.servers.caches import Cache
from tests.servers.celery import Worker
from tests.servers.databases import Postgres
from tests.servers.exporters import Daemon
from tests.servers.ports import free_port
from tests.servers.process import Server, wait_until
from tests.servers.seaweedfs import KEYS, Seaweedfs
from tests.tree import ROOT

VISITORS = 16
KEY = "5b0c2f4f1d2e4a6c9e8b7a6f5d4c3b2a"
ADMIN = "the-admin-of-the-demo"
SCRAPE = EVALUATION = 0.5
"""Seconds. A scrape that takes longer has failed, so it is not less."""


class Shop(Server):
    start_timeout = 90.0

    def ready(self) -> bool:
        return self.get("/healthz").status == 200


@dataclass
class Stage:
    """All of it. `factor`: what the waits of rules and routes are divided by."""

    database: Postgres
    cache: Cache
    worker: Worker
    storage: Seaweedfs
    certificate: Path
    shop: Shop
    daemon: Daemon
    engines: Engines
    factor: float

    def say(self, *events: Mapping[str, object]) -> None:
        """What the shop reports by itself: JSON events."""
        body = json.dumps(events).encode()
        reply = self.daemon.request("POST", "/api/v1/events", body, JSON, port=self.daemon.ingest_port)
        assert reply.status == 200, reply.text

    def settle(self) -> None:
        """Wait until alerts arrive, those of the start are over, and counters have a past to be compared with.

        Rules believe a series that is born if its target was there 10 minutes (divided) before, or has not been running
        for so long; the second is so here, unless they are few seconds.
        """
        # Prometheus finds its Alertmanager some seconds after its start; the watchdog shows that the whole way is there.
        wait_until(lambda: self.engines.notified.of("Watchdog"), 120, "Alertmanager tells of the watchdog")
        time.sleep(600 / self.factor if self.factor > 40 else 2)
        end = time.monotonic() + 10
        while self._absent() and time.monotonic() < end:
            time.sleep(0.1)

    def _absent(self) -> bool:
        """Whether Prometheus still alerts that it has not found the daemon, which silences other alerts."""
        return any(one["labels"]["alertname"] in ("ExporterAbsent", "ExporterDown") for one in self.engines.alerts())


JSON = {"Content-Type": "application/json"}


@contextmanager
def stage(folder: Path, factor: float, told: Callable[[str], None]) -> Iterator[Stage]:
    """It runs, and people visit the shop. `told` is called with what is being started."""
    with ExitStack() as stack, ThreadPoolExecutor(4) as pool:
        try:
            started = _started(stack, pool, folder, factor, told)
            stack.enter_context(_visitors(started.shop))
        except BaseException:
            # Whoever waits for them to be ready, in a thread, sees that they have ended.
            end_children()
            raise
        try:
            yield started
        finally:
            # All at once is quicker than one after the other, which is what follows.
            end_children(grace=3)


def _started(
    stack: ExitStack, pool: ThreadPoolExecutor, folder: Path, factor: float, told: Callable[[str], None]
) -> Stage:
    told("PostgreSQL, Valkey and S3")
    database, cache, storage = pool.map(
        stack.enter_context, (servers.postgres(), servers.valkey(), servers.seaweedfs())
    )
    certificate = folder / "shop.pem"
    shutil.copy(certificates.pair().certificate, certificate)
    shop_port = free_port()
    surroundings = {
        "DATABASE_URL": database.url,
        "CACHE_URL": cache.url,
        "BROKER_URL": f"{cache.url}/1",
        "S3_URL": storage.url,
        "ACCESS_KEY_ID": KEYS[0],
        "SECRET_ACCESS_KEY": KEYS[1],
        "CERTIFICATE": str(certificate),
        "SHOP_URL": f"http://127.0.0.1:{shop_port}",
        "SENTRY_KEY": KEY,
        "ALERTMANAGER_TOKEN": TOKEN,
        "ADMIN_TOKEN": ADMIN,
    }
    env = surroundings | {
        "PATH": os.environ["PATH"],
        "HOME": str(folder),
        "TMPDIR": str(folder),
        "PYTHONPATH": str(ROOT),
        "C_FORCE_ROOT": "1",
    }
    told("stack-exporter and the Celery worker")
    command = [sys.executable, "-m", "celery", "-A", "demo.worker", "worker", "-P", "threads", "-c", "2", "-E"]
    command += ["-l", "INFO", "--without-mingle", "--without-gossip"]
    worker = Worker("worker", command, 0, folder, url=env["BROKER_URL"], env=env)
    working = pool.submit(stack.enter_context, worker)
    config = (ROOT / "demo" / "exporter.yaml").read_text()
    daemon = stack.enter_context(servers.daemon(config, env=surroundings, check=False))
    told("the shop, Prometheus and Alertmanager")
    env["SENTRY_DSN"] = f"http://{KEY}@127.0.0.1:{daemon.ingest_port}/1"
    command = [sys.executable, "-m", "demo.shop", str(shop_port)]
    shop = Shop("shop", command, shop_port, folder, url=surroundings["SHOP_URL"], env=env)
    opening = pool.submit(stack.enter_context, shop)
    second = stack.enter_context(
        engines(
            folder,
            {"stack-exporter": [f"127.0.0.1:{daemon.port}"]},
            factor=factor,
            hook=f"{daemon.url}/hooks/alertmanager",
            scrape=f"{SCRAPE * 1000:.0f}ms",
            evaluation=f"{EVALUATION * 1000:.0f}ms",
        )
    )
    for one in (opening, working):
        one.result()
    return Stage(database, cache, worker, storage, certificate, shop, daemon, second, factor)


@contextmanager
def _visitors(shop: Shop) -> Iterator[None]:
    """People who look and buy, some 8 a second; so many that there are still a few when each waits for 7 s."""
    ended = threading.Event()

    def visit(number: int) -> None:
        while not ended.wait(1 + number / 8):
            _ask(f"{shop.url}/products")
            _ask(f"{shop.url}/orders/tea", b"")

    for number in range(VISITORS):
        threading.Thread(target=visit, args=(number,), daemon=True).start()
    try:
        yield
    finally:
        # They are not waited for: a page may take 7 s.
        ended.set()


def _ask(url: str, body: bytes | None = None) -> None:
    try:
        with urllib.request.urlopen(urllib.request.Request(url, body), timeout=10) as reply:
            reply.read()
    except (urllib.error.URLError, OSError):
        return
