"""Which URLs and fields the kind rabbitmq takes, and what it says of those that it does not."""

from typing import Any

import msgspec
import pytest

from exporter.probes._rabbitmq_url import parse
from tests import probing


@pytest.mark.parametrize(
    ("url", "host", "port", "encrypted", "user", "password", "vhost"),
    [
        ("amqp://mq", "mq", 5672, False, "", "", "/"),
        ("amqp://mq/", "mq", 5672, False, "", "", "/"),
        ("amqp://mq//", "mq", 5672, False, "", "", "/"),
        ("amqp://mq/%2F", "mq", 5672, False, "", "", "/"),
        ("amqp://mq/shop", "mq", 5672, False, "", "", "shop"),
        ("amqp://mq/a%2Fb", "mq", 5672, False, "", "", "a/b"),
        ("amqp://mq//shop", "mq", 5672, False, "", "", "/shop"),
        ("amqps://mq", "mq", 5671, True, "", "", "/"),
        ("AMQPS://MQ.Example:1/x?heartbeat=5", "mq.example", 1, True, "", "", "x"),
        ("pyamqp://u:p@mq", "mq", 5672, False, "u", "p", "/"),
        ("amqp://u:p%40s%2Fs@mq:7/v", "mq", 7, False, "u", "p@s/s", "v"),
        ("amqp://u:p@ss@mq", "mq", 5672, False, "u", "p@ss", "/"),
        ("amqp://u@mq", "mq", 5672, False, "u", "", "/"),
        ("amqp://[::1]:7/v", "::1", 7, False, "", "", "v"),
    ],
)
def test_a_url_is_read_as_celery_and_pika_read_it(
    url: str, host: str, port: int, encrypted: bool, user: str, password: str, vhost: str
) -> None:
    target = parse(url)
    found = (target.host, target.port, target.encrypted, target.username, target.password, target.vhost)
    assert found == (host, port, encrypted, user, password, vhost)
    assert "password" not in repr(target)


MQ = {"url": "amqp://mq"}


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({}, "missing required field `url`"),
        ({"url": "mq:5672"}, "expected a URL such as amqp://"),
        ({"url": "redis://planted@mq"}, "expected a URL such as amqp://"),
        ({"url": "amqp://"}, "expected a URL such as amqp://"),
        ({"url": "amqp://mq:0"}, "expected a URL such as amqp://"),
        ({"url": "amqp://mq:65536"}, "expected a URL such as amqp://"),
        ({"url": "amqp://u:planted#1@mq"}, "expected a URL such as amqp://"),
        ({"url": "amqp://::1/v"}, "expected a URL such as amqp://"),
        ({"url": "amqp://mq/" + "v" * 256}, "virtual host"),
        ({"url": "amqp://u:planted%00@mq"}, "NUL"),
        ({**MQ, "tls": {}}, "tls needs a URL with amqps"),
        ({"url": "amqps://mq", "mechanism": "EXTERNAL"}, "mechanism: EXTERNAL needs tls.cert_file"),
        ({**MQ, "mechanism": "AMQPLAIN"}, "Invalid enum value"),
        ({**MQ, "queues": [""]}, "length >= 1"),
        ({**MQ, "queues": ["é" * 200]}, "queues: a name has 255 bytes at most"),
        ({**MQ, "queues": ["q"] * 101}, "length <= 100"),
        ({**MQ, "queues": "orders"}, "Expected `array`"),
        ({**MQ, "canary_prefix": "é" * 150}, "canary_prefix: expected 200 bytes at most"),
        ({**MQ, "management": {}}, "missing required field `url`"),
        ({**MQ, "management": {"url": "mq:15672"}}, "url: "),
        ({**MQ, "management": {"url": "http://mq", "tls": {}}}, "tls needs a URL with https"),
        ({**MQ, "management": {"url": "http://mq", "password": "planted"}}, "password needs username"),
        ({**MQ, "management": {"url": "http://mq", "max_queues": 0}}, "`int` >= 1"),
        ({**MQ, "management": {"url": "http://mq", "max_queues": 1001}}, "`int` <= 1000"),
    ],
)
def test_a_bad_configuration_is_refused_without_its_secrets(fields: dict[str, Any], message: str) -> None:
    with pytest.raises((ValueError, msgspec.ValidationError)) as refused:
        probing.component("rabbitmq", **fields)
    assert message in str(refused.value)
    assert "planted" not in str(refused.value)
