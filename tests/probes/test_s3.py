"""How the kind s3 lists, writes and signs, at a real SeaweedFS and by Amazon's own examples; and what it refuses."""

import asyncio
from typing import Any

import msgspec
import pytest
import uvloop

from exporter.probes import _s3_sign, _s3_url
from tests import certificates, hostile, probing, servers
from tests.fakes.s3 import EMPTY, KEYS, answers, error, fake, response
from tests.probing import Memory, component, probe, readings
from tests.servers.seaweedfs import KEYS as ALL
from tests.servers.seaweedfs import Seaweedfs

pytestmark = pytest.mark.xdist_group("seaweedfs")


@pytest.mark.parametrize("loop", [asyncio.run, uvloop.run])
def test_a_bucket_is_listed_over_one_connection_and_the_clocks_are_compared(
    seaweedfs_server: Seaweedfs, loop: Any
) -> None:
    result = loop(probing.run("s3", **seaweedfs_server.fields()))
    assert (result.outcome, result.detail) == ("healthy", "")
    assert [phase.name for phase in result.phases] == ["connect", "list"]
    found = readings(result)
    assert found == {"stack_s3_clock_skew_seconds": pytest.approx(0.0, abs=1.0)}


def test_a_canary_is_put_read_compared_and_deleted(seaweedfs_server: Seaweedfs) -> None:
    memory = Memory()
    fields = {**seaweedfs_server.fields(), "url": "s3://uploads/a folder & more+/ü/", "canary": True, "memory": memory}
    for _ in range(2):
        result = probe("s3", **fields)
        assert (result.outcome, result.detail) == ("healthy", "")
        assert [phase.name for phase in result.phases] == ["connect", "list", "put", "get", "delete"]
    left = seaweedfs_server.signed("GET", "/uploads", "list-type=2&prefix=a%20folder").text
    assert "<KeyCount>0</KeyCount>" in left


def test_a_canary_has_always_the_same_key_so_that_none_pile_up() -> None:
    memory = Memory()
    parts = (response(200, EMPTY), response(200), response(200, b"something else"), response(204))
    with fake(*parts)() as fields:
        probe("s3", canary=True, memory=memory, **fields)
        first = memory.kept["canary"]
        assert probe("s3", canary=True, memory=memory, **fields).reason == "canary"
    assert (memory.kept["canary"], len(first)) == (first, 16)


def test_a_server_that_closes_after_each_answer_is_asked_anew() -> None:
    close = {"connection": "close"}
    parts = [response(200, EMPTY, **close), response(200, **close), error(500, "InternalError", **close)]
    with hostile.serving(*map(answers, parts)) as server:
        result = probe("s3", url="s3://uploads", endpoint=server.url, canary=True, **KEYS)
    assert (result.outcome, result.reason, server.connections) == ("unhealthy", "server_error", 3)


def test_https_has_a_verified_certificate_with_its_dates() -> None:
    pair = certificates.pair()
    with servers.seaweedfs(pair) as server:
        fields = {**server.fields(), "endpoint": f"https://localhost:{server.https_port}"}
        result = probe("s3", tls={"ca_file": str(certificates.authority())}, canary=True, timeout=5.0, **fields)
        assert (result.outcome, result.detail) == ("healthy", "")
        assert readings(result)["stack_s3_certificate_not_after_timestamp_seconds"] == pair.not_after
        assert [phase.name for phase in result.phases][:3] == ["resolve", "connect", "tls"]
        unverified = probe("s3", tls={"insecure_skip_verify": True}, **fields)
        assert (unverified.outcome, [name for name in readings(unverified) if "certificate" in name]) == ("healthy", [])


def test_keys_come_from_the_environment_when_none_are_given(
    seaweedfs_server: Seaweedfs, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", ALL[0])
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", ALL[1] + "\n")
    assert probe("s3", url="s3://uploads", endpoint=seaweedfs_server.url).outcome == "healthy"
    monkeypatch.setenv("AWS_REGION", "eu-west-3")
    with hostile.serving(answers(error(403, "AccessDenied", f"<RequestId>{ALL[1]}</RequestId>"))) as server:
        result = probe("s3", url="s3://uploads", endpoint=server.url)
    assert b"/eu-west-3/s3/aws4_request" in server.requests[0]
    assert result.reason == "permission"


def test_a_server_that_quotes_the_keys_shows_none(monkeypatch: pytest.MonkeyPatch) -> None:
    said = f"{KEYS['access_key_id']} and {KEYS['secret_access_key']} and the-token-of-it"
    answer = response(403, f"<Code>SignatureDoesNotMatch</Code><Message>{said}</Message>".encode())
    with fake(answer, session_token="the-token-of-it")() as fields:
        result = probe("s3", **fields)
    assert result.detail.endswith("SignatureDoesNotMatch: [REDACTED] and [REDACTED] and [REDACTED]")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", KEYS["access_key_id"])
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", KEYS["secret_access_key"])
    with fake(answer)() as fields:
        result = probe("s3", url="s3://uploads", endpoint=fields["endpoint"])
    assert "EXAMPLE" not in result.detail


# Keys, request and signature of "GET Bucket (List Objects)" in "Signature Calculations for the Authorization Header:
# Transferring Payload in a Single Chunk", Amazon S3's API reference.
EXAMPLE = _s3_sign.Keys("AKIAIOSFODNN7EXAMPLE", "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY")


def test_a_signature_is_that_of_amazons_example() -> None:
    host, asked = "examplebucket.s3.amazonaws.com", _s3_sign.query({"prefix": "J", "max-keys": "2"})
    at = 1369353600.0  # 20130524T000000Z
    found = _s3_sign.headers("GET", host, "/", asked, b"", EXAMPLE, "us-east-1", at)
    assert asked == "max-keys=2&prefix=J"
    assert found["authorization"].endswith("34b48302e7b5fa45bde8084f4b7868a86f0a534bc59db6670ed5711ef69dc6f7")
    assert "[REDACTED]" in repr(EXAMPLE)


def test_a_session_token_is_sent_and_signed() -> None:
    with hostile.serving(answers(response(200, EMPTY))) as server:
        probe("s3", url="s3://uploads", endpoint=server.url, session_token="the-token-of-it", **KEYS)
    assert b"\r\nx-amz-security-token: the-token-of-it\r\n" in server.requests[0]
    assert b"SignedHeaders=host;x-amz-content-sha256;x-amz-date;x-amz-security-token," in server.requests[0]


PLACES: dict[tuple[str, str, bool | None], str] = {
    ("", "eu-west-3", None): "https://shop.s3.eu-west-3.amazonaws.com/a%20b",
    ("", "cn-north-1", None): "https://shop.s3.cn-north-1.amazonaws.com.cn/a%20b",
    ("", "eu-west-3", True): "https://s3.eu-west-3.amazonaws.com/shop/a%20b",
    ("https://minio:9000", "us-east-1", None): "https://minio:9000/shop/a%20b",
    ("https://minio:9000/", "us-east-1", False): "https://shop.minio:9000/a%20b",
    ("https://x.example/storage/v1/s3", "us-east-1", None): "https://x.example/storage/v1/s3/shop/a%20b",
    ("https://x.example/storage/v1/s3", "us-east-1", False): "https://shop.x.example/storage/v1/s3/a%20b",
}


@pytest.mark.parametrize("given", PLACES)
def test_a_bucket_is_in_the_host_name_or_in_the_path(given: tuple[str, str, bool | None]) -> None:
    endpoint, region, path_style = given
    found = _s3_url.address("shop", endpoint, region, path_style=path_style)
    assert f"{found.to.scheme}://{found.to.authority}{found.path('a b')}" == PLACES[given]
    assert _s3_url.address("a.b", "", "eu-west-3", path_style=None).to.host == "s3.eu-west-3.amazonaws.com"


REFUSED: dict[str, dict[str, Any]] = {
    "url: expected s3://bucket/prefix": {"url": "https://uploads"},
    "url: expected s3://": {"url": "s3://a bucket"},
    "url: a key, and so": {"url": "s3://uploads/" + "x" * 1025},
    "endpoint: the URL's scheme": {"url": "s3://uploads", "endpoint": "minio:9000"},
    "endpoint: expected https://host:port, keys": {"url": "s3://uploads", "endpoint": "https://me:secret1@minio"},
    "endpoint: expected https://host:port": {"url": "s3://uploads", "endpoint": "https://minio/?x=1"},
    "region: expected a name": {"url": "s3://uploads", "region": "Frankfurt am Main"},
    "access_key_id: it and secret_access_key": {"url": "s3://uploads", "access_key_id": "AKIDEXAMPLE"},
    "session_token: it goes with": {"url": "s3://uploads", "session_token": "x"},
    "access_key_id: has characters": {"url": "s3://uploads", **KEYS, "access_key_id": "secret1\r\nX-Injected: 1"},
    "session_token: has characters": {"url": "s3://uploads", **KEYS, "session_token": "secret1 "},
    "tls: the endpoint is http": {"url": "s3://uploads", "endpoint": "http://minio", "tls": {}},
    "options: only for gs:// and az://": {"url": "s3://uploads", "options": {"account_name": "x"}},
    "region: only for s3://": {"url": "gs://uploads", "region": "eu"},
    "tls: only for s3://": {"url": "az://uploads", "tls": {}},
    "path_style: only for s3://": {"url": "az://uploads", "path_style": False},
    "options: ": {"url": "az://uploads", "options": {"no_such_option": "secret1"}},
    "Expected `int` >= 1": {"url": "s3://uploads", "usage_budget": 0},
    "Expected `str` of length >= 1": {"url": "s3://uploads", "canary_prefix": ""},
    "expected a size with its unit": {"url": "s3://uploads", "prefixes": {"a/": "5"}},
    "missing required field `url`": {},
}


@pytest.mark.parametrize("message", REFUSED)
def test_a_bad_configuration_is_refused_without_its_secrets(message: str) -> None:
    with pytest.raises(msgspec.ValidationError) as refused:
        component("s3", **REFUSED[message])
    assert message in str(refused.value)
    assert "secret1" not in str(refused.value)
