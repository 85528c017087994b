"""Bodies in every encoding, and bodies that would rather be a gigabyte."""

import gzip
import resource
import time
import zlib
from collections.abc import Callable

import brotli
import pytest

from tests import hostile
from tests.probing import probe, readings

TEXT = b"all is well " * 1000


def raw_deflate(text: bytes) -> bytes:
    stream = zlib.compressobj(wbits=-15)
    return stream.compress(text) + stream.flush()


def encoded(encoding: str, body: bytes) -> hostile.Answer:
    return hostile.says(b"HTTP/1.1 200 OK\r\nContent-Encoding: %b\r\n\r\n" % encoding.encode(), body)


@pytest.mark.parametrize(
    "encoding,body",
    [
        ("identity", TEXT),
        ("gzip", gzip.compress(TEXT)),
        ("x-gzip", gzip.compress(TEXT[:5000]) + gzip.compress(TEXT[5000:])),
        ("deflate", zlib.compress(TEXT)),
        ("deflate", raw_deflate(TEXT)),
        ("br", brotli.compress(TEXT)),
        ("GZIP", b""),
    ],
    ids=["identity", "gzip", "two gzip members", "deflate", "raw deflate", "br", "nothing"],
)
def test_every_encoding_is_read(encoding: str, body: bytes) -> None:
    with hostile.serving(encoded(encoding, body)) as server:
        result = probe("http", url=server.url, expect={"body": "^(all is well )*$"})
    assert result.outcome == "healthy", result.detail
    assert readings(result)["stack_http_response_bytes"] == (len(TEXT) if body else 0)


@pytest.mark.parametrize(
    "encoding,body",
    [
        ("br", brotli.compress(TEXT)[:-5]),
        ("br", b"\xff" * 100),
        ("deflate", zlib.compress(TEXT) + b"more"),
        ("gzip", gzip.compress(b"") * 200),
        ("zstd", TEXT),
    ],
    ids=["br cut short", "br garbage", "more than deflate", "gzip members", "not asked for"],
)
def test_a_corrupt_body_has_the_reason_encoding(encoding: str, body: bytes) -> None:
    with hostile.serving(encoded(encoding, body)) as server:
        assert probe("http", url=server.url).reason == "encoding"


@pytest.mark.parametrize(
    "answer",
    [
        # Made by the test, not by each worker that collects it; 1 MB that unpacks to 1 GiB.
        lambda: encoded("gzip", gzip.compress(bytes(64 << 20), 9) * 16),
        lambda: encoded("br", brotli.compress(bytes(256 << 20), quality=5)),
        lambda: hostile.floods(
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", b"10000\r\n" + b"x" * 65536 + b"\r\n"
        ),
        lambda: hostile.floods(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1;", b"extension" * 8000),
        lambda: hostile.says(b"HTTP/1.1 200 OK\r\nContent-Length: 10000000000\r\n\r\n", bytes(2 << 20)),
    ],
    ids=["gzip bomb", "brotli bomb", "endless chunks", "endless chunk extension", "10 GB"],
)
def test_what_is_too_large_is_left_early_and_costs_no_memory(answer: Callable[[], hostile.Answer]) -> None:
    made = answer()
    before, began = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, time.monotonic()
    with hostile.serving(made) as server:
        result = probe("http", url=server.url, timeout=5)
    assert result.reason == "body_too_large", (result.reason, result.detail)
    assert time.monotonic() - began < 2
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 16 * 1024  # KiB; the server's part included


def test_a_body_of_just_the_limit_is_taken() -> None:
    with hostile.serving(hostile.says(b"HTTP/1.1 200 OK\r\n\r\n" + bytes(1000))) as server:
        assert probe("http", url=server.url, body_limit="1000B").up
        assert probe("http", url=server.url, body_limit="999B").reason == "body_too_large"
