"""Which forms of a broker's URL and which fields the kind celery takes, and what it says of those that it does not."""

import asyncio
from typing import Any

import msgspec
import pytest

from exporter.probes import _celery_url
from exporter.probes._celery_url import Place
from tests import certificates, probing, servers
from tests.probes.rounds import Rounds


def place(host: str = "mq", port: int = 5672, **more: Any) -> Place:
    fields = {"username": "guest", "password": "guest", "vhost": "/", "ca_file": "", "unverified": False}
    return Place(host=host, port=port, encrypted=False, **{**fields, **more})


@pytest.mark.parametrize(
    ("url", "target"),
    [
        ("amqp://", place("localhost")),
        ("amqp://mq", place()),
        ("pyamqp://mq:5673/", place(port=5673)),
        ("librabbitmq://mq//", place()),
        ("AMQP://mq/shop", place(vhost="shop")),
        ("amqp://mq//shop", place(vhost="/shop")),
        ("amqp://mq/%2Fshop%20x", place(vhost="/shop x")),
        ("amqp://me@mq", place(username="me", password="")),
        ("amqp://m%40:p%2F:w@mq/v", place(username="m@", password="p/:w", vhost="v")),
        ("amqp://me:p@ss@mq", place(username="me", password="p@ss")),
        ("amqp://[::1]:5673/v", place("::1", 5673, vhost="v")),
    ],
)
def test_a_url_is_read_as_kombu_reads_it(url: str, target: Place) -> None:
    assert _celery_url.parse(url) == (target,)


def test_amqps_has_its_own_port_and_says_how_it_verifies() -> None:
    (target,) = _celery_url.parse("amqps://mq/?ssl_cert_reqs=CERT_NONE")
    assert (target.port, target.encrypted, target.unverified) == (5671, True, True)
    assert _celery_url.tls(target).insecure_skip_verify
    assert _celery_url.tls(_celery_url.parse("amqp://mq")[0]) is None


def test_the_redis_forms_are_those_of_the_kind_redis() -> None:
    for url, where, db in (
        ("redis://h:1/3", "h:1", 3),
        ("rediss://h", "h:6379", 0),
        ("redis+socket:///run/r.sock?virtual_host=2", "/run/r.sock", 2),
    ):
        (target,) = _celery_url.parse(url)
        assert (target.where, target.db) == (where, db)


SECRET = "hunter2-hunter2"
BAD = {
    f"sqs://{SECRET}@": "the transport sqs is not supported",
    f"amqp://me:{SECRET}@mq/{'v' * 256}": "a virtual host has 255 bytes at most",
    "memory://": "the transport memory is not supported",
    f"sentinel://:{SECRET}@h:26379;sentinel://i:26379": "the transport sentinel is not supported",
    f"amqp://me:{SECRET}@mq;h2": "expected the URL of a broker",
    f"amqp://me:{SECRET}@mq:port": "percent-encoded",
    f"amqp://me:{SECRET}@mq:99999": "percent-encoded",
    f"amqp://me:{SECRET}@[::1": "percent-encoded",
    f"redis://:{SECRET}@h/x": "the database is a number",
    SECRET: "expected the URL of a broker",
    "": "expected the URL of a broker",
    " ; ": "expected the URL of a broker",
}


@pytest.mark.parametrize("url", BAD)
def test_a_bad_url_is_refused_without_being_shown(url: str) -> None:
    with pytest.raises(msgspec.ValidationError) as refused:
        probing.component("celery", url=url)
    assert BAD[url] in str(refused.value)
    assert SECRET not in str(refused.value)


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({}, "missing required field `url`"),
        ({"tls": {}}, "tls needs a URL with rediss or amqps"),
        ({"queues": [""]}, "length >= 1"),
        ({"queues": ["ü" * 200]}, "queues: a name has 200 bytes at most"),
        ({"control_exchange": "c" * 201}, "control_exchange: a name has 200 bytes at most"),
        ({"min_workers": -1}, ">= 0"),
        ({"events_per_second": 0}, ">= 1"),
        ({"task_names": 1000}, "<= 150"),
        ({"priority_steps": []}, "length >= 1"),
        ({"beat": {"task": "t"}}, "missing required field `within`"),
        ({"beat": {"within": "5m"}}, "missing required field `task`"),
        ({"stuck_after": 5}, "expected a duration with its unit"),
        ({"events": False, "events_required": True}, "events_required needs events"),
        ({"queue": "celery"}, "unknown field `queue`"),
    ],
)
def test_a_bad_field_is_refused(fields: dict[str, Any], said: str) -> None:
    with pytest.raises(msgspec.ValidationError, match=said):
        probing.component("celery", **({"url": "redis://h"} if fields else {}), **fields)


def test_a_url_whose_authorities_are_not_there_is_refused() -> None:
    with pytest.raises(msgspec.ValidationError, match=r"nowhere\.pem"):
        probing.component("celery", url="amqps://mq/?ssl_ca_certs=nowhere.pem")
    assert probing.component("celery", url=f"amqps://mq/?ssl_ca_certs={certificates.authority()}")


def test_of_several_brokers_one_is_asked_until_it_fails_and_then_the_next() -> None:
    async def story(url: str, port: int) -> None:
        rounds = Rounds(url=f"redis://127.0.0.1:{port};{url}", min_workers=0)
        reasons = [(await rounds.run()).reason for _ in range(3)]
        assert reasons == ["refused", "", ""], "one attempt a run, and it stays where it is well"

    with servers.valkey() as server:
        asyncio.run(story(server.url, servers.free_port()))
