"""Everything of the demo, started on free ports: the shop and what it stands on, the daemon, Prometheus, Alertmanager."""

import json
import os
import shutil
import sys
import threading
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests import certificates, servers
from tests.alerts.engines import TOKEN, Engines, engines
from tests.servers.caches import Cache
from tests.servers.celery import Worker
from tests.servers.databases import Postgres
from tests.servers.exporters import Daemon
from tests.servers.ports import free_port
from tests.servers.process import Server
from tests.servers.seaweedfs import KEYS, Seaweedfs
from tests.tree import ROOT

VISITORS = 16
KEY = "5b0c2f4f1d2e4a6c9e8b7a6f5d4c3b2a"
ADMIN = "the-admin-of-the-demo"


class Shop(Server):
    def ready(self) -> bool:
        return self.get("/healthz").status == 200


@dataclass
class Stage:
    """All of it, and its address."""

    database: Postgres
    cache: Cache
    worker: Worker
    storage: Seaweedfs
    certificate: Path
    shop: Shop
    daemon: Daemon
    engines: Engines

    def say(self, *events: Mapping[str, object]) -> None:
        """What the shop reports by itself: JSON events."""
        body = json.dumps(events).encode()
        reply = self.daemon.request(
            "POST", "/api/v1/events", body, {"Content-Type": "application/json"}, port=self.daemon.ingest_port
        )
        assert reply.status == 200, reply.text


@contextmanager
def stage(factor: float, told: Callable[[str], None]) -> Iterator[Stage]:
    """It runs, and people visit the shop. `told` is called with what is being started."""
    with ExitStack() as stack:
        folder = Path(stack.enter_context(_folder()))
        told("PostgreSQL, Valkey and S3")
        with ThreadPoolExecutor(3) as pool:
            wanted = (servers.postgres(), servers.valkey(), servers.seaweedfs())
            database, cache, storage = pool.map(stack.enter_context, wanted)
        certificate = folder / "shop.pem"
        shutil.copy(certificates.pair().certificate, certificate)
        port, shop_port = free_port(), free_port()
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
        told("the daemon")
        config = (ROOT / "demo" / "exporter.yaml").read_text()
        daemon = stack.enter_context(servers.daemon(config, env=surroundings, check=False))
        told("the shop and its worker")
        env = surroundings | {
            "PATH": os.environ["PATH"],
            "HOME": str(folder),
            "PYTHONPATH": str(ROOT),
            "C_FORCE_ROOT": "1",
            "SENTRY_DSN": f"http://{KEY}@127.0.0.1:{daemon.ingest_port}/1",
        }
        command = [sys.executable, "-m", "demo.shop", str(shop_port)]
        shop = Shop("shop", command, shop_port, folder, url=surroundings["SHOP_URL"], env=env)
        command = [sys.executable, "-m", "celery", "-A", "demo.worker", "worker", "-P", "threads", "-c", "2", "-E"]
        worker = Worker("worker", [*command, "-l", "INFO"], 0, folder, url=env["BROKER_URL"], env=env)
        with ThreadPoolExecutor(2) as pool:
            list(pool.map(stack.enter_context, (shop, worker)))
        told("Prometheus and Alertmanager")
        scraped = {"stack-exporter": [f"127.0.0.1:{daemon.port}"]}
        hook = f"{daemon.url}/hooks/alertmanager"
        second = stack.enter_context(engines(folder, scraped, factor=factor, hook=hook))
        stack.enter_context(_visitors(shop))
        yield Stage(database, cache, worker, storage, certificate, shop, daemon, second)


@contextmanager
def _visitors(shop: Shop) -> Iterator[None]:
    """People who look and buy, some 10 a second; so many that they are still a few when each waits for 7 s."""
    ended = threading.Event()

    def visit(number: int) -> None:
        while not ended.wait(1 + number / 20):
            _ask(f"{shop.url}/products")
            _ask(f"{shop.url}/orders/tea", b"")

    threads = [threading.Thread(target=visit, args=(number,), daemon=True) for number in range(VISITORS)]
    for thread in threads:
        thread.start()
    try:
        yield
    finally:
        ended.set()
        for thread in threads:
            thread.join(10)


def _ask(url: str, body: bytes | None = None) -> None:
    try:
        with urllib.request.urlopen(urllib.request.Request(url, body), timeout=10) as reply:  # noqa: S310
            reply.read()
    except (urllib.error.URLError, OSError):
        pass


@contextmanager
def _folder() -> Iterator[str]:
    import tempfile  # noqa: PLC0415

    with tempfile.TemporaryDirectory(prefix="stack-exporter-demo-", ignore_cleanup_errors=True) as made:
        yield made
