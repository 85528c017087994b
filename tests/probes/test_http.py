"""What http asks, what it reads, and what it expects."""

import base64
import json

import pytest

from exporter.schedule import run_once
from tests import certificates, hostile, probing
from tests.probing import Memory, probe, readings

OK = b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 5\r\n\r\nready"


def body_of(value: object) -> bytes:
    text = json.dumps(value).encode()
    return b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%b" % (len(text), text)


def headers_of(request: bytes) -> dict[str, str]:
    lines = request.partition(b"\r\n\r\n")[0].decode().split("\r\n")[1:]
    return dict(line.split(": ", 1) for line in lines)


def test_a_healthy_answer_is_read_and_timed() -> None:
    with hostile.serving(hostile.says(OK)) as server:
        result = probe("http", url=server.url + "status?full=1#top")
    assert (result.outcome, result.reason, result.detail) == ("healthy", "", "")
    assert readings(result) == {
        "stack_http_status_code": 200,
        "stack_http_redirects": 0,
        "stack_http_response_bytes": 5,
    }
    assert [phase.name for phase in result.phases] == ["connect", "processing", "transfer"]
    (request,) = server.requests
    assert request.startswith(b"GET /status?full=1 HTTP/1.1\r\n")
    assert headers_of(request) == {
        "Host": server.address,
        "User-Agent": "stack-exporter/0.1.0",
        "Accept": "*/*",
        "Connection": "close",
        "Accept-Encoding": "gzip, deflate, br, zstd",
    }


def test_a_verified_certificate_shows_its_dates_and_a_name_is_resolved() -> None:
    pair = certificates.pair()
    with hostile.serving(hostile.says(OK), tls=pair.context()) as server:
        result = probe("http", url=f"https://localhost:{server.port}/", tls={"ca_file": str(certificates.authority())})
    found = readings(result)
    assert found.pop("stack_http_certificate_remaining_seconds") == pytest.approx(
        pair.not_after - result.started, abs=5
    )
    assert found == {
        "stack_http_certificate_not_before_timestamp_seconds": pair.not_before,
        "stack_http_certificate_not_after_timestamp_seconds": pair.not_after,
        "stack_http_certificate_verified": 1.0,
        "stack_http_status_code": 200,
        "stack_http_redirects": 0,
        "stack_http_response_bytes": 5,
    }
    assert [phase.name for phase in result.phases] == ["resolve", "connect", "tls", "processing", "transfer"]


def test_method_headers_body_and_credentials_are_sent() -> None:
    with hostile.serving(hostile.says(OK)) as server:
        fields = {"method": "PUT", "headers": {"X-Tenant": "acme", "Host": "app.example"}, "body": "é"}
        assert probe("http", url=server.url, basic_auth={"username": "u", "password": "p:w"}, **fields).up
        assert probe("http", url=server.url.replace("//", "//us%65r:p%40ss@")).up
        assert probe("http", url=server.url, bearer_token="t0ken").up
    put, userinfo, bearer = server.requests
    assert put.startswith(b"PUT / HTTP/1.1\r\n")
    assert put.endswith("\r\n\r\né".encode())
    sent = headers_of(put)
    assert (sent["Host"], sent["X-Tenant"], sent["Content-Length"]) == ("app.example", "acme", "2")
    assert base64.b64decode(sent["Authorization"].removeprefix("Basic ")) == b"u:p:w"
    assert base64.b64decode(headers_of(userinfo)["Authorization"].removeprefix("Basic ")) == b"user:p@ss"
    assert headers_of(bearer)["Authorization"] == "Bearer t0ken"


async def _traced(url: str) -> None:
    memory = Memory()
    trace = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
    assert (await run_once(probing.component("http", url=url), memory, memory, traceparent=trace)).up


def test_the_trace_context_goes_along() -> None:
    import asyncio

    with hostile.serving(hostile.says(OK)) as server:
        asyncio.run(_traced(server.url))
    assert headers_of(server.requests[0])["traceparent"] == "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"


@pytest.mark.parametrize("head", [b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n", b"HTTP/1.1 204 No Content\r\n\r\n"])
def test_an_answer_without_a_body_ends_with_its_headers(head: bytes) -> None:
    with hostile.serving(hostile.holds(head)) as server:
        result = probe("http", url=server.url, method="HEAD" if b"200" in head else "GET", timeout=1)
    assert result.up, result.detail


@pytest.mark.parametrize(
    "answer,size",
    [
        (b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n" + OK, 5),
        (b"HTTP/1.0 200 OK\r\n\r\nuntil the end", 13),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3;x=y\r\nabc\r\n0\r\nTrailer: 1\r\n\r\n", 3),
    ],
)
def test_each_way_to_frame_a_body_is_read(answer: bytes, size: int) -> None:
    with hostile.serving(hostile.says(answer)) as server:
        result = probe("http", url=server.url)
    assert (result.outcome, readings(result)["stack_http_response_bytes"]) == ("healthy", size), result.detail


def test_each_expectation_that_fails_is_counted_by_its_name() -> None:
    expect = {
        "status": [204, "3xx"],
        "headers": {"Content-Type": "json", "X-Release": "^v"},
        "body": "all good",
        "body_absent": "database",
        "json": {"database_up": "checks.db == 'ok'", "queue_short": "queue < `100`", "typed": "contains(queue, 'x')"},
    }
    memory = Memory()
    with hostile.serving(hostile.says(body_of({"checks": {"db": "down"}, "queue": 7, "error": "database"}))) as server:
        result = probe("http", url=server.url, memory=memory, expect=expect)
    counted = {labels[0]: n for (name, labels), n in memory.counts.items() if name.endswith("failures_total")}
    assert counted == {
        "status": 1,
        "header:content-type": 1,
        "header:x-release": 1,
        "body": 1,
        "body_absent": 1,
        "database_up": 1,
        "queue_short": 0,
        "typed": 1,
    }
    assert result.reason == "status"
    assert "status 200, expected 204, 3xx; no header content-type" in result.detail
    assert len(result.detail) <= 200


def test_expectations_that_hold_leave_it_healthy() -> None:
    expect = {
        "status": ["2xx"],
        "headers": {"content-LENGTH": r"^\d+$"},
        "body": '"ok"',
        "body_absent": "(?i)traceback",
        "json": {"database_up": "checks.db == 'ok'", "zero_is_a_value": "errors"},
    }
    with hostile.serving(hostile.says(body_of({"checks": {"db": "ok"}, "errors": 0}))) as server:
        assert probe("http", url=server.url, expect=expect).outcome == "healthy"


def test_a_body_that_is_not_json_fails_every_json_expectation() -> None:
    memory = Memory()
    deep = b"HTTP/1.1 200 OK\r\n\r\n" + b"[" * 100_000
    with hostile.serving(hostile.says(deep)) as server:
        result = probe("http", url=server.url, memory=memory, expect={"json": {"one": "a", "two": "b"}})
    assert result.reason == "json"
    assert "not JSON" in result.detail
    assert [memory.counts["stack_http_expectation_failures_total", (name,)] for name in ("one", "two")] == [1, 1]


def test_a_certificate_near_its_end_degrades_by_the_signal() -> None:
    (signal,) = type(probing.component("http", url="http://a/").probe).signals
    assert (signal.name, signal.direction, signal.unit, signal.metric.unit) == (
        "certificate",
        "below",
        "seconds",
        "seconds",
    )
    assert (signal.warning, signal.critical) == (20 * 86400, 3 * 86400)


def test_a_run_leaves_no_socket_behind() -> None:
    import psutil

    with hostile.serving(hostile.says(OK)) as server:
        probe("http", url=server.url)
        before = psutil.Process().num_fds()
        for _ in range(20):
            probe("http", url=server.url)
        assert psutil.Process().num_fds() <= before + 2


def test_an_exchange_outlives_no_cancellation() -> None:
    import asyncio

    async def cancelled(url: str) -> int:
        before = len(asyncio.all_tasks())
        task = asyncio.create_task(probing.run("http", url=url, timeout=10))
        await asyncio.sleep(0.1)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        await asyncio.sleep(0)
        return len(asyncio.all_tasks()) - before

    with hostile.serving(hostile.mute) as server:
        assert asyncio.run(cancelled(server.url)) == 0


def test_readings_of_an_unexpected_answer_are_kept() -> None:
    with hostile.serving(hostile.says(b"HTTP/1.1 500 Oops\r\nContent-Length: 3\r\n\r\nno!")) as server:
        found = readings(probe("http", url=server.url))
    assert found == {"stack_http_status_code": 500, "stack_http_redirects": 0, "stack_http_response_bytes": 3}
