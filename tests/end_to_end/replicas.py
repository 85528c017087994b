"""Two replicas on one PostgreSQL, the name that leads to them, and the Prometheus of deploy/prometheus/replicas.yml."""

import json
import random
import threading
import time
import uuid
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from http.client import HTTPException
from pathlib import Path
from typing import Any

import yaml

from exporter.rules.divide import divided
from tests import servers
from tests.servers import Server
from tests.servers.databases import Postgres
from tests.servers.exporters import Daemon
from tests.servers.process import Reply
from tests.servers.telemetry import Prometheus
from tests.servers.way import way
from tests.tree import ROOT

TOKEN = "canary-of-the-admin-token"
ADMIN = {"Authorization": f"Bearer {TOKEN}"}
FACTOR = 7.5
"""What the shipped configuration's 15 seconds become: two."""
UNRESOLVED = 'stack_error_groups{service="shop",status="unresolved"}'
CONFIG = """
service: shop
store: {store}
web: {{admin_tokens: ["{token}"]}}
defaults: {{interval: 1s, timeout: 1s, fall: 1, rise: 1}}
components:
  database: {{kind: postgres, dsn: "{store}", scheduled: false}}
  cache: {{kind: redis, url: "{cache}", scheduled: false}}
  broker: {{kind: redis, url: "{cache}", scheduled: false}}
"""


def raised(daemon: Daemon, id_: str, kind: str) -> Reply:
    """An error of that class, as an old SDK of Sentry's sends it."""
    frames = [{"filename": "shop/cart.py", "module": "shop.cart", "function": kind, "lineno": 12, "in_app": True}]
    values = [{"type": kind, "value": "none", "stacktrace": {"frames": frames}}]
    event = {"event_id": id_, "timestamp": time.time(), "platform": "python", "exception": {"values": values}}
    headers = {"Content-Type": "application/json"}
    path = "/api/1/store/?sentry_key=abcdef0123456789"
    return daemon.request("POST", path, json.dumps(event), headers, port=daemon.ingest_port, timeout=3)


@dataclass
class Replicas:
    daemons: list[Daemon]
    store: Postgres
    cache: Server
    prometheus: Prometheus

    def holders(self) -> list[Daemon]:
        """Those that show what is read from the store."""
        return [one for one in self.daemons if one.running and "\nstack_error_groups{" in one.get("/metrics").text]

    def groups(self, daemon: Daemon) -> dict[str, int]:
        """What the store says through it: how many of each class."""
        found = daemon.get("/api/v1/errors", ADMIN).json()["data"]
        return {group["type"]: group["count"] for group in found}

    def number(self, expression: str) -> float | None:
        """Of a query that gives one sample, or none."""
        found = self.prometheus.query(expression)
        assert len(found) < 2, found
        return float(found[0]["value"][1]) if found else None

    def unscraped(self) -> dict[str, str]:
        """Targets that did not answer Prometheus yet, or not now, and why."""
        found = self.prometheus.get("/api/v1/targets").json()["data"]["activeTargets"]
        wrong = {one["scrapeUrl"]: one["lastError"] for one in found if one["health"] != "up"}
        return wrong if len(found) == len(self.daemons) + 3 else {**wrong, "others": "not known yet"}

    def ailing_rules(self) -> list[dict[str, Any]]:
        """Rules whose evaluation failed, or that were not evaluated yet."""
        groups = self.prometheus.get("/api/v1/rules").json()["data"]["groups"]
        assert len(groups) > 30, "the shipped rules"
        return [rule for group in groups for rule in group["rules"] if rule["health"] != "ok"]

    def alerts(self) -> list[str]:
        """Each that is pending or firing, without which replica it came from: two of a kind would be one twice."""
        found = self.prometheus.get("/api/v1/alerts").json()["data"]["alerts"]
        # Of these `instance` is the subject: the daemon, or the target, itself.
        return sorted(
            json.dumps({name: text for name, text in alert["labels"].items() if name != "instance" or "daemon" in text})
            for alert in found
        )


def stored(replicas: Replicas) -> list[str]:
    """The ids that the database has, each as often as it has it."""
    return replicas.store.sql("SELECT encode(id, 'hex') FROM stack_occurrences").split()


@dataclass
class Sender:
    """Applications that send each error until some replica says 200, as whoever queues them does."""

    daemons: list[Daemon]
    accepted: dict[str, int] = field(default_factory=dict)
    """By id, how often it was sent."""
    retried: int = 0

    def send(self, ended: threading.Event) -> None:
        while not ended.is_set():
            id_, attempts = uuid.uuid4().hex, 0
            while True:
                attempts += 1
                try:
                    if raised(random.choice(self.daemons), id_, f"Error{int(id_, 16) % 3}").status == 200:
                        break
                except (OSError, HTTPException):
                    time.sleep(0.02)
                self.retried += 1
            self.accepted[id_] = attempts


@contextmanager
def sending(replicas: Replicas, senders: int) -> Iterator[Sender]:
    sender, ended = Sender(replicas.daemons), threading.Event()
    threads = [threading.Thread(target=sender.send, args=(ended,)) for _ in range(senders)]
    for thread in threads:
        thread.start()
    try:
        yield sender
    finally:
        ended.set()
        for thread in threads:
            thread.join()


@contextmanager
def replicas(folder: Path) -> Iterator[Replicas]:
    """They run, and Prometheus scrapes them by the shipped file, in which durations are divided and addresses are ours."""
    with ExitStack() as stack:
        store = stack.enter_context(servers.postgres())
        cache = stack.enter_context(servers.valkey())
        config = CONFIG.format(store=store.url, cache=cache.url, token=TOKEN)
        daemons = [stack.enter_context(servers.daemon(config, check=False)) for _ in range(2)]
        name = stack.enter_context(way(*(daemon.port for daemon in daemons)))
        (folder / "rules").mkdir()
        for file in (ROOT / "alert_rules").glob("*.yml"):
            (folder / "rules" / file.name).write_text(divided(file.read_text(), 20))
        text = _addressed([daemon.port for daemon in daemons], name.port, folder / "rules")
        yield Replicas(daemons, store, cache, stack.enter_context(servers.prometheus(text)))


def _addressed(ports: list[int], name: int, rules: Path) -> str:
    text = divided((ROOT / "deploy" / "prometheus" / "replicas.yml").read_text(), FACTOR)
    for ours, theirs in (
        ("/etc/prometheus/stack-exporter", str(rules)),
        ('"stack-exporter:9676"', f'"127.0.0.1:{name}"'),
    ):
        assert text.count(ours) == 1, ours
        text = text.replace(ours, theirs)
    config = yaml.safe_load(text)
    config["global"]["evaluation_interval"] = "4s"  # all of the rules take a tenth of a second of a core
    (told,) = config.pop("alerting")["alertmanagers"]
    assert told["static_configs"][0]["targets"]
    (jobs,) = [job for job in config["scrape_configs"] if "dns_sd_configs" in job]
    # What the DNS would answer, which Prometheus asks of the machine's own resolver.
    assert jobs.pop("dns_sd_configs") == [{"names": ["stack-exporter-replicas"], "type": "A", "port": 9676}]
    jobs["static_configs"] = [{"targets": [f"127.0.0.1:{port}" for port in ports]}]
    return yaml.safe_dump(config, sort_keys=False)
