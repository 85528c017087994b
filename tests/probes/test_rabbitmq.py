"""What the kind rabbitmq reads from a real RabbitMQ, how it logs in, and what it leaves behind: nothing."""

import asyncio
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from typing import Any

import amqp  # Celery's driver, as another client than ours
import pytest
import uvloop

from exporter.probes.rabbitmq import RabbitMQ
from tests import certificates, probing
from tests.probing import probe, readings
from tests.servers.process import wait_until
from tests.servers.rabbitmq import RabbitMQ as Server

pytestmark = [pytest.mark.debian, pytest.mark.xdist_group("rabbitmq")]

INFO = {'stack_rabbitmq_info{software="RabbitMQ",version="3.10.8"}'}
CLUSTER = {
    *("stack_rabbitmq_connections", "stack_rabbitmq_channels", "stack_rabbitmq_messages_ready"),
    *("stack_rabbitmq_messages_unacknowledged", "stack_rabbitmq_messages_published_total"),
    *("stack_rabbitmq_messages_delivered_total", "stack_rabbitmq_messages_acknowledged_total"),
    *("stack_rabbitmq_messages_redelivered_total", "stack_rabbitmq_messages_unroutable_total"),
    *("stack_rabbitmq_queues", "stack_rabbitmq_queues_left_out"),
}
NODE = {
    f'stack_rabbitmq_{name}{{node="rabbit@localhost"}}'
    for name in (
        *("node_running", "uptime_seconds", "partitions", "memory_used_bytes", "memory_max_bytes", "memory_ratio"),
        *("memory_alarm", "disk_free_bytes", "disk_free_min_bytes", "disk_alarm", "descriptors", "descriptors_ratio"),
        *("sockets", "sockets_ratio", "processes_ratio"),
    )
}


def of_queue(name: str, vhost: str = "/", *, unacknowledged: bool = True) -> list[str]:
    kinds = ["messages_ready", "consumers", *(["messages_unacknowledged"] if unacknowledged else [])]
    return [f'stack_rabbitmq_queue_{kind}{{vhost="{vhost}",queue="{name}"}}' for kind in kinds]


@contextmanager
def queue(server: Server, name: str, messages: int = 0) -> Iterator[Any]:
    """A queue with messages, and a channel of another client."""
    with closing(amqp.Connection(f"{server.host}:{server.port}", "guest", "guest")) as connection:
        connection.connect()
        channel = connection.channel()
        channel.queue_declare(name, durable=True, auto_delete=False)
        for number in range(messages):
            channel.basic_publish_confirm(amqp.Message(str(number)), routing_key=name)
        yield channel
    server.api("DELETE", f"queues/%2F/{name}")


@pytest.mark.parametrize("loop", [asyncio.run, uvloop.run])
def test_a_broker_with_its_management_api_has_all_readings(rabbitmq_server: Server, loop: Any) -> None:
    server = rabbitmq_server
    with queue(server, "orders", 3) as channel:
        channel.basic_get("orders")
        wait_until(lambda: server.api("GET", "queues/%2F/orders").get("messages_unacknowledged") == 1)
        wait_until(lambda: server.api("GET", "overview")["queue_totals"].get("messages_unacknowledged") == 1)
        fields = {"url": server.url, "canary": True, "queues": ["orders"]}
        result = loop(probing.run("rabbitmq", **fields, management={"url": server.management_url}))
    assert (result.outcome, result.detail) == ("healthy", "")
    assert [phase.name for phase in result.phases][:5] == ["connect", "login", "queues", "canary", "leave"]
    found = readings(result)
    ready, consumers, unacknowledged = of_queue("orders")
    blocked = "stack_rabbitmq_publishers_blocked"
    assert set(found) == INFO | CLUSTER | NODE | {ready, consumers, unacknowledged, blocked}
    expected = {
        ready: 2,
        consumers: 0,
        unacknowledged: 1,
        blocked: 0,
        "stack_rabbitmq_queues": 1,
        "stack_rabbitmq_queues_left_out": 0,
        "stack_rabbitmq_messages_ready": 2,
        "stack_rabbitmq_messages_unacknowledged": 1,
        'stack_rabbitmq_node_running{node="rabbit@localhost"}': 1,
        'stack_rabbitmq_partitions{node="rabbit@localhost"}': 0,
        'stack_rabbitmq_memory_alarm{node="rabbit@localhost"}': 0,
        'stack_rabbitmq_disk_alarm{node="rabbit@localhost"}': 0,
        'stack_rabbitmq_disk_free_min_bytes{node="rabbit@localhost"}': 50_000_000,
    }
    assert {name: found[name] for name in expected} == expected
    assert 0 < found['stack_rabbitmq_memory_ratio{node="rabbit@localhost"}'] < 0.5
    assert found['stack_rabbitmq_uptime_seconds{node="rabbit@localhost"}'] < 3600


def test_without_the_management_api_there_is_what_amqp_tells(rabbitmq_server: Server) -> None:
    with queue(rabbitmq_server, "orders", 2) as channel:
        channel.basic_qos(0, 1, False)
        channel.basic_consume("orders", callback=print)
        result = probe("rabbitmq", url=rabbitmq_server.url, queues=["orders"])
    ready, consumers = of_queue("orders", unacknowledged=False)
    assert readings(result) == {next(iter(INFO)): 1, ready: 1, consumers: 1}


def test_a_missing_queue_does_not_hide_the_next(rabbitmq_server: Server) -> None:
    with queue(rabbitmq_server, "orders", 2):
        result = probe("rabbitmq", url=rabbitmq_server.url, queues=["none", "orders", "neither"], canary=True)
    assert (result.outcome, result.reason) == ("degraded", "queue_missing")
    assert result.detail.endswith("NOT_FOUND - no queue 'none' in vhost '/'")
    assert readings(result)[of_queue("orders")[0]] == 2
    assert readings(result)["stack_rabbitmq_publishers_blocked"] == 0
    api = {"url": rabbitmq_server.management_url}
    result = probe("rabbitmq", url=rabbitmq_server.url, queues=["none"], management=api)
    assert (result.outcome, result.reason) == ("degraded", "queue_missing")


@pytest.mark.parametrize("loop", [asyncio.run, uvloop.run])
def test_a_run_is_one_connection_and_leaves_no_queue_and_no_warning(rabbitmq_server: Server, loop: Any) -> None:
    before = len(rabbitmq_server.log)
    for _ in range(3):
        assert loop(probing.run("rabbitmq", url=rabbitmq_server.url, canary=True)).outcome == "healthy"
    assert rabbitmq_server.api("GET", "queues") == []
    wait_until(lambda: rabbitmq_server.log[before:].count("closing AMQP connection") == 3)
    log = rabbitmq_server.log[before:]
    assert log.count("accepting AMQP connection") == 3
    assert log.count("has a client-provided name: stack-exporter it") == 3
    assert not [line for line in log.splitlines() if "[warning]" in line or "[error]" in line]


def test_a_blocked_canary_is_given_up_by_the_broker_within_seconds(rabbitmq_server: Server) -> None:
    """It reads nothing more of a session that it has blocked, its end neither; the heartbeat alone ends it."""
    with rabbitmq_server.alarm("memory"):
        result = probe("rabbitmq", url=rabbitmq_server.url, canary=True)
        assert (result.outcome, result.reason) == ("degraded", "blocked")
        assert result.detail.endswith("takes no messages: low on memory")
        assert readings(result)["stack_rabbitmq_publishers_blocked"] == 1
        (left,) = wait_until(lambda: [c for c in rabbitmq_server.api("GET", "connections") if c.get("timeout")])
        assert left["timeout"] == 10
        assert probe("rabbitmq", url=rabbitmq_server.url).outcome == "healthy"
    assert probe("rabbitmq", url=rabbitmq_server.url, canary=True).outcome == "healthy"


def test_names_with_any_characters_are_taken_from_the_url_or_the_fields(rabbitmq_server: Server) -> None:
    server, vhost = rabbitmq_server, "a/b ü"
    user, password = "app@shop", "p@ss:w/ord%"
    server.api("PUT", "vhosts/a%2Fb%20%C3%BC")
    server.api("PUT", "users/app%40shop", {"password": password, "tags": ""})
    server.api("PUT", "permissions/a%2Fb%20%C3%BC/app%40shop", {"configure": ".*", "write": ".*", "read": ".*"})
    try:
        result = probe("rabbitmq", url=server.url_of(user, password, vhost), canary=True)
        assert (result.outcome, result.detail) == ("healthy", "")
        bare = f"amqp://{server.host}:{server.port}/a%2Fb%20%C3%BC"
        assert probe("rabbitmq", url=bare, username=user, password=password).outcome == "healthy"
        server.api("DELETE", "permissions/a%2Fb%20%C3%BC/guest")
        result = probe("rabbitmq", url=bare)
        assert (result.outcome, result.reason) == ("unhealthy", "permission")
        assert "refused for user 'guest'" in result.detail
    finally:
        server.api("DELETE", "users/app%40shop")
        server.api("DELETE", "vhosts/a%2Fb%20%C3%BC")


def test_a_user_that_may_only_log_in_is_degraded_where_it_may_not_go_on(rabbitmq_server: Server) -> None:
    server = rabbitmq_server
    server.api("PUT", "users/reader", {"password": "reader-pw", "tags": ""})
    server.api("PUT", "permissions/%2F/reader", {"configure": "^$", "write": "^$", "read": "^mine$"})
    try:
        url = server.url_of("reader", "reader-pw")
        with queue(server, "orders"):
            result = probe("rabbitmq", url=url, queues=["orders"])
            assert result.outcome == "healthy", "looking at a queue needs no permission"
        result = probe("rabbitmq", url=url, canary=True)
        assert (result.outcome, result.reason) == ("degraded", "permission")
        assert "access to queue 'stack-exporter.canary." in result.detail
    finally:
        server.api("DELETE", "users/reader")


def test_a_stopped_broker_is_a_timeout_and_is_seen_when_it_is_back(rabbitmq_server: Server) -> None:
    rabbitmq_server.pause()
    try:
        result = probe("rabbitmq", timeout=0.3, url=rabbitmq_server.url)
        assert (result.outcome, result.reason, result.detail.partition(": ")[2]) == (
            *("unhealthy", "timeout"),
            "no end within 0.3 s, in phase login",
        )
    finally:
        rabbitmq_server.resume()
    wait_until(lambda: probe("rabbitmq", url=rabbitmq_server.url).outcome == "healthy")


def test_over_the_brokers_own_tls_a_certificate_logs_in(rabbitmq_server: Server) -> None:
    server, pair, ca = rabbitmq_server, certificates.pair(), certificates.authority()
    shown = {"ca_file": str(ca), "cert_file": str(pair.certificate), "key_file": str(pair.key)}
    fields = {"url": f"amqps://127.0.0.1:{server.tls_port}", "tls": shown}
    result = probe("rabbitmq", **fields, mechanism="EXTERNAL")
    assert (result.outcome, result.reason) == ("unhealthy", "auth"), "nobody is called localhost"
    server.api("PUT", "users/localhost", {"password_hash": "", "tags": ""})
    server.api("PUT", "permissions/%2F/localhost", {"configure": ".*", "write": ".*", "read": ".*"})
    try:
        for mechanism in ("EXTERNAL", "PLAIN"):
            result = probe("rabbitmq", **fields, mechanism=mechanism, canary=True)
            assert (result.outcome, result.detail) == ("healthy", "")
            assert [phase.name for phase in result.phases] == ["connect", "tls", "login", "queues", "canary", "leave"]
            found = readings(result)
            assert found["stack_rabbitmq_certificate_not_after_timestamp_seconds"] == pair.not_after
            assert abs(found["stack_rabbitmq_certificate_remaining_seconds"] - (pair.not_after - time.time())) < 60
    finally:
        server.api("DELETE", "users/localhost")
    result = probe("rabbitmq", url=fields["url"], tls={"insecure_skip_verify": True})
    assert (result.outcome, [name for name in readings(result) if "certificate" in name]) == ("healthy", [])


def test_each_signal_compares_a_metric_in_its_own_unit() -> None:
    for signal in RabbitMQ.signals:
        assert signal.metric.unit == ("" if signal.unit == "number" else signal.unit), signal.name
