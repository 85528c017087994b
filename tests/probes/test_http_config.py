"""Which configurations of http are refused, in words that show no secret; and where secrets do not go."""

from typing import Any

import msgspec
import pytest

from exporter.probes.http import HTTP
from exporter.values import decode
from tests import hostile
from tests.probing import component, probe

BAD: list[tuple[dict[str, Any], str]] = [
    ({"url": "ftp://u:hunter2@a/"}, "url: the URL's scheme is neither http nor https"),
    ({"url": "http://u:hunter2@/"}, "url: the URL has no valid host"),
    ({"url": "http://u:hunter2@[::1/"}, "url: not a URL"),
    ({"url": "http://u:a/hunter2@b:c/"}, "url: not a URL"),
    ({"url": "http://a:99999/hunter2"}, "url: not a URL"),
    ({"url": "http://a/hunter2\r\nX: y"}, "url: a URL has no spaces or control characters"),
    ({"url": "http://u:p@a/", "basic_auth": {"username": "u", "password": "hunter2"}}, "url holds credentials"),
    (
        {"url": "http://a/", "bearer_token": "hunter2", "basic_auth": {"username": "u", "password": "p"}},
        "one of basic_auth and bearer_token",
    ),
    ({"url": "http://a/", "bearer_token": "hunter2\r\nX: y"}, "the value of Authorization has control characters"),
    ({"url": "http://a/", "headers": {"X-Key": "hunter2\n"}}, "the value of X-Key has control characters"),
    ({"url": "http://a/", "headers": {"X Key": "hunter2"}}, "'X Key' is not the name of a header"),
    ({"url": "http://a/", "headers": {"Content-Length": "7"}}, "Content-Length is set by the probe"),
    ({"url": "http://a/", "method": "GET /"}, "method: expected a method such as GET"),
    ({"url": "http://a/", "method": "CONNECT"}, "method: expected a method such as GET, HEAD or POST"),
    ({"url": "http://a/", "tls": {}}, "tls needs a url that begins with https"),
    ({"url": "https://a/", "tls": {"ca_file": "/no/such"}}, "/no/such: No such file or directory"),
    ({"url": "https://a/", "tls": {"key_file": "/no/such"}}, "key_file needs cert_file"),
    (
        {"url": "https://a/", "tls": {"ca_file": __file__}},
        "ca_file, cert_file or key_file: no certificate or crl found",
    ),
    ({"url": "https://a/", "tls": {"min_version": "TLS14"}}, "Invalid enum value 'TLS14'"),
    ({"url": "http://a/", "body_limit": "65MiB"}, "body_limit: expected 1B to 64MiB"),
    ({"url": "http://a/", "proxy": "https://u:hunter2@p/"}, "proxy: only one that is spoken to over http"),
    ({"url": "http://a/", "proxy": "socks5://u:hunter2@p/"}, "proxy: the URL's scheme is neither http nor https"),
    ({"url": "http://a/", "expect": {"status": [42]}}, "status: expected a status such as 204"),
    ({"url": "http://a/", "expect": {"status": ["6xx"]}}, "or a class such as 2xx"),
    ({"url": "http://a/", "expect": {"status": []}}, "status: at least one is expected"),
    ({"url": "http://a/", "expect": {"body": "("}}, "body: not a regular expression: missing )"),
    (
        {"url": "http://a/", "expect": {"body": "(?=x)y"}},
        "body: not a regular expression: invalid perl operator: (?= (there is neither look-around nor backreference",
    ),
    ({"url": "http://a/", "expect": {"body_absent": r"(a)\1"}}, "invalid escape sequence: \\1 (there is neither"),
    ({"url": "http://a/", "expect": {"headers": {"Server": "(?:a{1000}){1000}"}}}, "invalid repetition size"),
    ({"url": "http://a/", "expect": {"headers": {"Server": "["}}}, "headers.Server: not a regular expression"),
    ({"url": "http://a/", "expect": {"json": {"up": "a ="}}}, "json.up: not a JMESPath expression"),
    ({"url": "http://a/", "expect": {"json": {"Is it up?": "a"}}}, "json: 'Is it up?' is not a name"),
    ({"url": "http://a/", "expect": {"jason": {}}}, "unknown field `jason`"),
]


@pytest.mark.parametrize("fields,message", BAD, ids=[message for _, message in BAD])
def test_a_bad_configuration_is_refused_and_shows_no_secret(fields: dict[str, Any], message: str) -> None:
    with pytest.raises(msgspec.ValidationError) as refused:
        component("http", **fields)
    assert message in str(refused.value)
    assert "hunter2" not in str(refused.value)


def test_secrets_show_in_neither_the_component_nor_a_result() -> None:
    secrets = {"headers": {"X-Key": "hunter2"}, "body": "hunter2", "proxy": "http://u:hunter2@127.0.0.1:1/"}
    url = f"http://u:hunter2@127.0.0.1:{hostile.unused()}/"
    assert "hunter2" not in repr(component("http", url=url, **secrets).probe)
    assert "hunter2" not in repr(probe("http", url=url, **secrets))
    assert "hunter2" not in repr(probe("http", url=url))


def test_the_same_fields_are_an_equal_component() -> None:
    """So that a reload leaves it alone, also once its caches are filled."""
    fields = {"url": "http://u:p@127.0.0.1:1/", "expect": {"body": "x"}}
    one = component("http", **fields)
    assert one.probe._first.target.port == 1  # type: ignore[attr-defined]
    assert one == component("http", **fields)
    assert one != component("http", **fields | {"url": "http://u:q@127.0.0.1:1/"})


def test_the_fields_have_a_schema() -> None:
    from exporter.values import schema

    found = msgspec.json.schema(HTTP, schema_hook=schema)
    assert {"url", "proxy", "expect"} <= set(found["$defs"]["HTTP"]["properties"])


def test_a_name_that_is_not_ascii_is_asked_for_as_dns_has_it() -> None:
    url = msgspec.convert({"url": "http://bücher.example/ä?ö=%20"}, HTTP, dec_hook=decode)._first
    assert (url.target.host, url.target.asked) == ("xn--bcher-kva.example", "/%C3%A4?%C3%B6=%20")
    assert b"Host: xn--bcher-kva.example\r\n" in url.head
