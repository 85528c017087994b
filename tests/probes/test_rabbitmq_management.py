"""What the kind rabbitmq makes of the management API: of a real one, and of clusters that no single node can be."""

import json
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from tests import certificates, hostile
from tests.fakes import amqp, tlsfront
from tests.probing import probe, readings
from tests.servers.process import wait_until
from tests.servers.rabbitmq import RabbitMQ as Server

pytestmark = [pytest.mark.debian, pytest.mark.xdist_group("rabbitmq")]


@pytest.fixture
def some(rabbitmq_server: Server) -> Iterator[Server]:
    """Queues q0 to q4 with as many messages, in a virtual host of their own, and one in another."""
    server = rabbitmq_server
    for vhost, names in (("many", ["q0", "q1", "q2", "q3", "q4"]), ("few", ["other"])):
        server.api("PUT", f"vhosts/{vhost}")
        for name in names:
            server.api("PUT", f"queues/{vhost}/{name}", {})
            message = {"properties": {}, "routing_key": name, "payload": "x", "payload_encoding": "string"}
            for _ in range(int(name[1]) if name[1].isdigit() else 7):
                server.api("POST", f"exchanges/{vhost}/amq.default/publish", message)
    wait_until(lambda: [q.get("messages_ready") for q in server.api("GET", "queues")] == [7, 0, 1, 2, 3, 4])
    try:
        yield server
    finally:
        server.api("DELETE", "vhosts/many")
        server.api("DELETE", "vhosts/few")


def ready(found: dict[str, float]) -> dict[str, float]:
    """Messages by virtual host and queue."""
    start = "stack_rabbitmq_queue_messages_ready{vhost="
    names = {name: name.replace('"', "").removesuffix("}").split("=") for name in found if name.startswith(start)}
    return {f"{parts[1].removesuffix(',queue')}/{parts[2]}": found[name] for name, parts in names.items()}


def test_queues_are_those_of_the_virtual_host_those_with_most_messages_first(some: Server) -> None:
    url, api = some.url_of(vhost="many"), {"url": some.management_url}

    def shown(**fields: Any) -> tuple[dict[str, float], float, float]:
        result = probe("rabbitmq", url=url, management={**api, **fields})
        assert (result.outcome, result.detail) == ("healthy", "")
        found = readings(result)
        return ready(found), found["stack_rabbitmq_queues"], found["stack_rabbitmq_queues_left_out"]

    every = {"many/q0": 0, "many/q1": 1, "many/q2": 2, "many/q3": 3, "many/q4": 4}
    assert shown() == (every, 5, 0)
    assert shown(max_queues=2) == ({"many/q4": 4, "many/q3": 3}, 5, 3)
    assert shown(queues="^q[01]$") == ({"many/q0": 0, "many/q1": 1}, 2, 0)
    assert shown(queues="none") == ({}, 0, 0)
    assert shown(all_vhosts=True) == ({**every, "few/other": 7}, 6, 0)


def test_a_regular_expression_that_rabbitmq_refuses_is_degraded(some: Server) -> None:
    api = {"url": some.management_url, "queues": "("}
    result = probe("rabbitmq", url=some.url_of(vhost="many"), management=api)
    assert (result.outcome, result.reason) == ("degraded", "management")
    assert "400 for /api/queues/many: " in result.detail


def test_a_user_without_the_tag_monitoring_sees_queues_and_no_nodes(some: Server) -> None:
    some.api("PUT", "users/manager", {"password": "manager-pw", "tags": "management"})
    some.api("PUT", "permissions/many/manager", {"configure": "", "write": "", "read": ""})
    try:
        api = {"url": some.management_url, "username": "manager", "password": "manager-pw"}
        result = probe("rabbitmq", url=some.url_of(vhost="many"), management=api)
        assert (result.outcome, result.reason) == ("degraded", "management_auth")
        assert '401 for /api/nodes: {"error":"not_authorised","reason":"Not monitor user"}' in result.detail
        assert ready(readings(result))["many/q4"] == 4
        own = {"url": some.management_url.replace("//", "//manager:manager-pw@")}
        assert probe("rabbitmq", url=some.url_of(vhost="many"), management=own).reason == "management_auth"
    finally:
        some.api("DELETE", "users/manager")


def test_a_wrong_password_is_tried_once_a_run() -> None:
    with told(overview=hostile.says(b"HTTP/1.1 401 Unauthorized\r\n\r\n"), nodes=[A]) as fields:
        result = probe("rabbitmq", **fields)
    assert (result.outcome, result.reason) == ("degraded", "management_auth")
    assert not any("node" in name for name in readings(result))


def test_the_api_is_asked_over_tls_too(rabbitmq_server: Server) -> None:
    port = int(rabbitmq_server.management_url.rpartition(":")[2])
    with tlsfront.before(port, certificates.pair().context()) as front:
        api = {"url": f"https://{front.address}", "tls": {"ca_file": str(certificates.authority())}}
        result = probe("rabbitmq", url=rabbitmq_server.url, management=api)
        assert (result.outcome, result.detail) == ("healthy", "")
        result = probe("rabbitmq", url=rabbitmq_server.url, management={"url": f"https://{front.address}"})
    assert (result.outcome, result.reason) == ("degraded", "management")


@contextmanager
def told(**answers: Any) -> Iterator[dict[str, Any]]:
    """A broker and an API that answers /mq/api/NAME with the JSON (or bytes, or by the function) of that name."""

    def answer(connection: socket.socket, request: bytes) -> None:
        path = request.split(b" ")[1].decode()
        assert path.startswith("/mq/api/"), path
        said = answers.get(path.removeprefix("/mq/api/").partition("?")[0].partition("/")[0], {})
        if callable(said):
            said(connection, request)
        else:
            body = said if isinstance(said, bytes) else json.dumps(said).encode()
            hostile.says(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(body) + body)(connection, b"")

    with amqp.fake({})() as fields, hostile.serving(answer) as api:
        yield {**fields, "management": {"url": f"{api.url}mq/"}}


A = {"name": "rabbit@a.example", "running": True, "uptime": 2500, "mem_used": 30, "mem_limit": 40}
NODE = "stack_rabbitmq_node_running"


def test_nodes_go_by_their_short_names_where_these_differ() -> None:
    for names, shown in (
        (["rabbit@a.example", "rabbit@b.example"], ["rabbit@a", "rabbit@b"]),
        (["rabbit@mq.a", "rabbit@mq.b"], ["rabbit@mq.a", "rabbit@mq.b"]),
    ):
        with told(nodes=[{"name": name, "running": True} for name in names]) as fields:
            found = readings(probe("rabbitmq", **fields))
        assert [name for name in found if NODE in name] == [f'{NODE}{{node="{name}"}}' for name in shown]


def test_of_several_things_that_are_wrong_the_alarm_that_blocks_is_the_reason() -> None:
    nodes = [A | {"mem_alarm": True}, {"name": "rabbit@b.example", "running": False}]
    with told(nodes=nodes) as fields:
        result = probe("rabbitmq", **fields, canary=True, queues=["q"])
    assert (result.reason, result.detail) == (
        "memory_alarm",
        "rabbit@a.example uses 0 MB of memory, its limit is 0 MB",
    )
    found = readings(result)
    assert found['stack_rabbitmq_memory_ratio{node="rabbit@a"}'] == 0.75
    assert found['stack_rabbitmq_uptime_seconds{node="rabbit@a"}'] == 2.5
    assert [name for name in found if "rabbit@b" in name] == [f'{NODE}{{node="rabbit@b"}}']


@pytest.mark.parametrize("state", ["down", "stopped", "crashed", "minority"])
def test_a_queue_that_cannot_be_used_is_degraded_and_amqps_own_figures_stand(state: str) -> None:
    item = {"name": "q", "vhost": "/", "messages_ready": 99, "messages_unacknowledged": 5, "state": state}
    with told(queues={"filtered_count": 1, "items": [item]}) as fields:
        result = probe("rabbitmq", **fields, queues=["q"])
    assert (result.outcome, result.reason) == ("degraded", "queue_down")
    assert result.detail == f"the queue 'q' of '/' is {state}"
    assert ready(readings(result)) == {"//q": 7}
    assert readings(result)['stack_rabbitmq_queue_messages_unacknowledged{vhost="/",queue="q"}'] == 5


def test_pages_are_read_up_to_the_cap() -> None:
    asked: list[str] = []

    def pages(connection: socket.socket, request: bytes) -> None:
        line = request.split(b" ")[1].decode()
        asked.append(line)
        page = int(line.partition("&page=")[2].partition("&")[0])
        items = [{"name": f"{page}-{n}", "vhost": "/", "messages_ready": n} for n in range(100)]
        body = json.dumps({"filtered_count": 5000, "items": items}).encode()
        hostile.says(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(body) + body)(connection, b"")

    with told(queues=pages) as fields:
        fields["management"]["max_queues"] = 250
        found = readings(probe("rabbitmq", **fields))
    assert [line.partition("&page=")[2][0] for line in asked] == ["1", "2", "3"]
    assert (len(ready(found)), found["stack_rabbitmq_queues_left_out"]) == (250, 4750)


@pytest.mark.parametrize(
    "odd",
    [
        {"overview": [], "nodes": {}, "queues": []},
        {
            "overview": {"queue_totals": [], "message_stats": [], "object_totals": []},
            "nodes": [[]],
            "queues": {"items": 5},
        },
        {"overview": None, "nodes": [None, {}, {"name": 5}], "queues": {"items": [None, {}, {"name": 1, "vhost": 2}]}},
        {
            "overview": {"message_stats": {"publish": "many", "ack": -1}},
            "nodes": [{"name": "n", "running": "yes", "mem_used": "unknown", "mem_limit": 0, "partitions": "none"}],
            "queues": {
                "items": [{"name": "q", "vhost": "/", "messages_ready": None, "state": ["down"]}],
                "filtered_count": "x",
            },
        },
        {"overview": b'{"queue_totals":{"messages_ready":1e999}}', "nodes": [{"name": "n", "mem_used": True}]},
    ],
)
def test_whatever_figure_is_missing_or_odd_the_others_are_read(odd: dict[str, Any]) -> None:
    with told(**odd) as fields:
        result = probe("rabbitmq", **fields)
    assert result.reason in ("", "management"), result.detail
    assert not any("memory_ratio" in name for name in readings(result))


@pytest.mark.parametrize("bad", [b"{", b"\xff", b"[" * 100_000, b"<html>"])
def test_what_is_no_json_is_degraded(bad: bytes) -> None:
    with told(overview=bad) as fields:
        result = probe("rabbitmq", **fields)
    assert (result.outcome, result.reason) == ("degraded", "management")


def test_an_api_that_never_answers_does_not_make_the_broker_look_dead() -> None:
    with told(nodes=hostile.mute, overview={"object_totals": {"channels": 3}}) as fields:
        result = probe("rabbitmq", timeout=1, **fields)
    assert (result.outcome, result.reason) == ("degraded", "management")
    assert result.detail.endswith("the management API did not answer in time")
    assert readings(result)["stack_rabbitmq_channels"] == 3


def test_an_error_of_the_api_is_quoted_without_a_password() -> None:
    def fails(connection: socket.socket, request: bytes) -> None:
        hostile.says(b"HTTP/1.1 500 Oops\r\n\r\nplanted-canary and " + request)(connection, b"")

    with told(overview=fails) as fields:
        result = probe("rabbitmq", **fields)
    assert (result.outcome, result.reason) == ("degraded", "management")
    assert "500 for /api/overview: [REDACTED] and GET" in result.detail
    assert "planted" not in result.detail
