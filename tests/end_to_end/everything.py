"""A daemon that has one component of every kind, each at a real server; the servers start side by side."""

import json
import sqlite3
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests import certificates, hostile, servers
from tests.fakes import nameserver
from tests.servers import Server, celery, mail, process, rpc
from tests.servers.exporters import Daemon
from tests.servers.rabbitmq import RabbitMQ
from tests.servers.telemetry import Alertmanager, Prometheus, Rotel

HELLO = hostile.says(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi")
TOKEN = "of-the-nightly-job"
REVISION = "9f2c1a7b3d4e"
_RECEIVER = 'route: {receiver: none, group_by: ["..."]}\nreceivers: [{name: none}]\n'
_RULES = "groups: [{name: one, interval: 1s, rules: [{alert: Watchdog, expr: vector(1)}]}]\n"
# The daemon's port is not known before it starts, and it wants to know where Prometheus is.
_PROMETHEUS = """
global: {{scrape_interval: 1s, scrape_timeout: 1s}}
rule_files: [{folder}/rules.yml]
scrape_configs: [{{job_name: stack, file_sd_configs: [{{files: [{folder}/targets.json]}}]}}]
alerting: {{alertmanagers: [{{static_configs: [{{targets: ["127.0.0.1:{alertmanager}"]}}]}}]}}
"""


@dataclass
class Everything:
    daemon: Daemon
    kinds: set[str]
    """Of which there is a component, a_KIND."""
    collector: Rotel
    prometheus: Prometheus
    """Scrapes the daemon every second."""


@contextmanager
def everything(folder: Path, postgres: Server, rabbitmq: RabbitMQ) -> Iterator[Everything]:
    """Each component has run well once. Besides, `gone` is down: for the phases and reasons of failures."""
    pair = certificates.pair()
    with ExitStack() as stack:
        found = _started(
            stack,
            site=hostile.serving(HELLO, tls=pair.context()),
            port=hostile.serving(hostile.mute, tls=pair.context(), ask=False),
            collector=servers.rotel(),
            cache=servers.valkey(),
            broker=_broker(),
            mysql=servers.mariadb(),
            memcached=servers.memcached(),
            s3=servers.seaweedfs(),
            mongodb=servers.mongodb(),
            rpc=rpc.rpc(tls=pair),
            mail=mail.smtp(tls=pair.context()),
            # No real one can be had here that answers for a zone of ours.
            names=nameserver.serving(nameserver.replies("shop.example. 60 IN A 192.0.2.1")),
            watching=_watching(folder),
        )
        alertmanager, prometheus = found["watching"]
        found |= {"postgres": postgres, "rabbitmq": rabbitmq, "alertmanager": alertmanager, "prometheus": prometheus}
        components = _components(found, folder)
        collector: Rotel = found["collector"]
        daemon = stack.enter_context(servers.daemon(_config(components, collector)))
        (folder / "targets.json").write_text(json.dumps([{"targets": [f"127.0.0.1:{daemon.port}"]}]))
        process.wait_until(lambda: _all_have_run_well(daemon, components), 30, "each component has run well")
        _use(daemon, found["broker"])
        yield Everything(daemon, set(components), collector, prometheus)


def _started(stack: ExitStack, **wanted: AbstractContextManager[Any]) -> dict[str, Any]:
    """What each gives; a server waits for its disk and its neighbours far more than it works."""
    with ThreadPoolExecutor(len(wanted)) as pool:
        futures = {name: pool.submit(stack.enter_context, one) for name, one in wanted.items()}
    return {name: future.result() for name, future in futures.items()}


@contextmanager
def _broker() -> Iterator[Server]:
    with servers.valkey() as broker, servers.celery_worker(broker.url):
        yield broker


@contextmanager
def _watching(folder: Path) -> Iterator[tuple[Alertmanager, Prometheus]]:
    (folder / "rules.yml").write_text(_RULES)
    (folder / "targets.json").write_text("[]")
    with servers.alertmanager(_RECEIVER) as alertmanager:
        config = _PROMETHEUS.format(folder=folder, alertmanager=alertmanager.port)
        with servers.prometheus(config) as prometheus:
            yield alertmanager, prometheus


def _components(found: dict[str, Any], folder: Path) -> dict[str, dict[str, Any]]:
    """Fields by kind, with whatever makes a kind say more."""
    pair, rabbitmq = certificates.pair(), found["rabbitmq"]
    database, log, access = (folder / name for name in ("app.db", "app.log", "access.log"))
    with sqlite3.connect(database) as connection:
        connection.execute("CREATE TABLE alembic_version (version_num text)")
        connection.execute("INSERT INTO alembic_version VALUES (?)", (REVISION,))
    connection.close()
    log.write_text("2026-11-22 10:00:00 INFO hello\n")
    access.write_text('::1 - - [22/Nov/2026:10:00:00 +0000] "GET / HTTP/1.1" 200 5 "-" "-" 0.012\n')
    found["mysql"].sql("CREATE DATABASE shop", "CREATE TABLE shop.orders (id int)")
    tls = {"ca_file": str(certificates.authority())}
    query = "SELECT datname AS name, 0.5 AS share, 7 AS seen FROM pg_database"
    seen = {"name": "seen_total", "type": "counter", "help": 'How often: \\ and "quotes".'}
    return {
        "alertmanager": {"url": found["alertmanager"].url},
        "celery": {"url": found["broker"].url, "beat": {"task": "jobs.tick", "within": "1h"}},
        "certificate": {"files": [str(pair.certificate)], "key_file": str(pair.key), **tls},
        "disk": {"path": str(folder), "quota": "1GiB", "canary": True},
        "dns": {"query": "shop.example", "server": found["names"].address},
        "grpc": {"address": found["rpc"].url, "service": "orders", "tls": tls},
        "heartbeat": {"token": TOKEN, "cron": "0 3 * * *"},
        "host": {"team": "ours"},
        "http": {"url": f"https://{found['site'].address}/", "tls": tls},
        "icmp": {"host": "127.0.0.1", "spacing": "10ms"},
        "logs": {
            "files": {
                "app": {"path": str(log), "from": "start", "policy": {"size": "1MiB"}},
                "access": {"path": str(access), "from": "start", "format": "combined"},
            }
        },
        "memcached": {"address": found["memcached"].address, "canary": True},
        "migrations": {"dsn": f"sqlite:///{database}", "tool": "alembic", "expected": REVISION},
        "mongodb": {"url": found["mongodb"].url, "databases": ["admin"]},
        "mysql": {"url": found["mysql"].url, "sizes": True},
        "postgres": {"dsn": found["postgres"].url},
        "prometheus": {"url": found["prometheus"].url, "target": {"job": "stack"}},
        "rabbitmq": {
            "url": f"amqps://guest:guest@127.0.0.1:{rabbitmq.tls_port}/",
            "tls": tls,
            "canary": True,
            "management": {"url": rabbitmq.management_url},
        },
        "redis": {"url": found["cache"].url, "canary": True},
        "s3": {**found["s3"].fields(), "canary": True, "quota": "1GiB"},
        "smtp": {"address": found["mail"].address, "encryption": "starttls", "tls": tls},
        "sql": {
            "dsn": found["postgres"].url,
            "query": query,
            "labels": ["name"],
            "values": {"share": {}, "seen": seen},
        },
        "sqlite": {"path": str(database)},
        "tcp": {"address": found["port"].address, "tls": tls},
    }


def _config(components: dict[str, dict[str, Any]], collector: Rotel) -> str:
    named = {f"a_{kind}": {"kind": kind, **fields} for kind, fields in components.items()}
    named["gone"] = {"kind": "http", "url": f"http://127.0.0.1:{hostile.unused()}/", "critical": True}
    traces = [
        {"endpoint": collector.url, "protocol": "http"},
        {"endpoint": f"http://127.0.0.1:{collector.grpc_port}", "protocol": "grpc"},
    ]
    whole = {
        "defaults": {"interval": "2s", "timeout": "2s"},
        "components": named,
        "forward": {"traces": traces},
    }
    return json.dumps(whole, indent=1)


def _all_have_run_well(daemon: Daemon, components: dict[str, Any]) -> bool:
    series = daemon.metrics()
    return all(series.get(f'stack_probe_success{{component="a_{kind}",kind="{kind}"}}') == 1 for kind in components)


def _use(daemon: Daemon, broker: Server) -> None:
    """What comes in by itself: reports of a job, and events of tasks."""
    for state in ("start", "success"):
        answer = daemon.post(
            f"/hooks/heartbeat/a_heartbeat?state={state}", headers={"Authorization": f"Bearer {TOKEN}"}
        )
        assert answer.status == 200, answer.text
    celery.send(broker.url, "jobs.add", args=(1, 2))
    celery.send(broker.url, "jobs.fail", "jobs.tick")
    for name in ("stack_heartbeat_duration_seconds_count", "stack_celery_task_duration_seconds_count"):
        process.wait_until(lambda name=name: f"\n{name}{{" in daemon.get("/metrics").text, 15, name)
