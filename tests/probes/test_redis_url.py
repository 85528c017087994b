"""The forms in which a Redis address is taken, and those that are refused without a word of what was written."""

from typing import Any

import msgspec
import pytest

from exporter.probes import _redis_url
from tests import probing

SECRET = "planted-canary"
FORMS = "expected a URL such as redis://user:password@host:6379/0, rediss://host or unix:///path?db=0"
ENCODED = f"{FORMS}; special characters in a password are percent-encoded"


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("redis://", ("localhost", 6379, "", False, "", "", 0)),
        ("redis://cache", ("cache", 6379, "", False, "", "", 0)),
        ("rediss://cache:6380/2", ("cache", 6380, "", True, "", "", 2)),
        ("valkeys://me:a%40b@cache/2", ("cache", 6379, "", True, "me", "a@b", 2)),
        ("redis://:a@b:c@cache/?db=4", ("cache", 6379, "", False, "", "a@b:c", 4)),
        ("redis://[::1]:7000/", ("::1", 7000, "", False, "", "", 0)),
        ("unix:///run/redis.sock", ("", 0, "/run/redis.sock", False, "", "", 0)),
        ("unix://me:pw@/run/redis.sock?db=3", ("", 0, "/run/redis.sock", False, "me", "pw", 3)),
        ("redis+socket:///run/redis.sock?virtual_host=5", ("", 0, "/run/redis.sock", False, "", "", 5)),
    ],
)
def test_a_url_is_read_as_redis_py_reads_it(url: str, expected: tuple[Any, ...]) -> None:
    found = _redis_url.parse(url)
    assert (
        found.host,
        found.port,
        found.path,
        found.encrypted,
        found.username,
        found.password,
        found.db,
    ) == expected


@pytest.mark.parametrize(
    ("fields", "problem"),
    [
        ({"url": f"http://:{SECRET}@cache"}, FORMS),
        ({"url": SECRET}, FORMS),
        ({"url": f"redis://:{SECRET}@cache:0"}, ENCODED),
        ({"url": f"redis://:{SECRET}@cache:port"}, ENCODED),
        ({"url": f"redis://:[{SECRET}@cache"}, ENCODED),
        ({"url": f"redis://:{SECRET}@one:1:2"}, ENCODED),
        ({"url": f"redis://:{SECRET}@cache/main"}, "the database is a number, such as the 0 in redis://host:6379/0"),
        ({"url": f"unix://{SECRET}"}, FORMS),
        ({"url": "redis://cache", "tls": {}}, "tls needs a URL with rediss"),
        ({"url": "redis://cache", "db": -1}, "Expected `int` >= 0 - at `$.db`"),
        ({"url": "rediss://cache?ssl_ca_certs=/nonexistent.pem"}, "/nonexistent.pem: No such file or directory"),
    ],
)
def test_what_is_wrong_is_said_without_what_was_written(fields: dict[str, Any], problem: str) -> None:
    with pytest.raises(msgspec.ValidationError) as caught:
        probing.component("redis", **fields)
    assert str(caught.value) == problem


def test_a_component_shows_no_secret() -> None:
    component = probing.component("redis", url=f"redis://:{SECRET}@127.0.0.1:1", password=SECRET)
    result = probing.probe("redis", url=f"redis://:{SECRET}@127.0.0.1:1")
    assert result.reason == "refused"
    assert SECRET not in repr((component, result, component.probe._target))
