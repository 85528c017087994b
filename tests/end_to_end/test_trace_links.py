"""An error, a slow operation's log line and an exemplar lead to a trace that was forwarded: through the daemon itself, by real clients' bytes."""

import json
import secrets
import time
from collections.abc import Iterator
from typing import Any

import pytest

from tests import servers
from tests.forward.sink import Sink, sink
from tests.ingest.otlp_made import failed, raised, span, traces
from tests.pages import parsed_openmetrics
from tests.servers.exporters import Daemon
from tests.servers.process import wait_until
from tests.servers.telemetry import prometheus
from tests.web.test_page import Parsed

pytestmark = pytest.mark.xdist_group("trace_links")

ADMIN = {"Authorization": "Bearer a-token-of-ours"}
OPENMETRICS = {"Accept": "application/openmetrics-text; version=1.0.0"}
CONFIG = """
web: {{admin_tokens: [a-token-of-ours]}}
forward:
  traces: [{{endpoint: "{url}", name: tempo}}]
  sample_ratio: 0.5
  trace_url: https://tempo.example/trace/{{trace_id}}
operations: {{GET /pay: {{slow: 1s}}}}
"""
DURATIONS = (0.003, 0.03, 0.3, 3.0)
SENT = 40


class Shop:
    """An application whose every request failed, and what became of it."""

    def __init__(self, daemon: Daemon, back_end: Sink) -> None:
        self.daemon = daemon
        self.back_end = back_end
        self.sent = [_trace_id(kept=n // 4 % 2 > 0) for n in range(SENT)]
        self._post("/v1/traces", traces(*map(self._span, range(SENT))), "application/x-protobuf")

    def _span(self, n: int) -> Any:
        end = time.time_ns()
        times = {"start_time_unix_nano": end - int(DURATIONS[n % 4] * 1e9), "end_time_unix_nano": end}
        attributes = {"http.request.method": "GET", "http.route": "/pay", "http.response.status_code": 500}
        event = raised("PaymentRefused", "no")
        event.time_unix_nano = end - 1
        ids = {"trace_id": self.sent[n], "span_id": secrets.token_bytes(8)}
        return span(attributes=attributes, events=[event], status=failed(), **ids, **times)

    def _post(self, path: str, body: bytes, content_type: str) -> None:
        headers = {"Content-Type": content_type}
        reply = self.daemon.request("POST", path, body, headers, port=self.daemon.ingest_port)
        assert reply.status == 200, reply.text

    def report(self, trace_id: str) -> None:
        """An error by Sentry's SDK, in this trace."""
        event = {
            "event_id": secrets.token_hex(16), "timestamp": time.time(), "platform": "python",
            "exception": {"values": [{"type": "CardDeclined", "value": "no"}]}, "contexts": {"trace": {"trace_id": trace_id}},
        }  # fmt: skip
        lines = ({"event_id": event["event_id"]}, {"type": "event"}, event)
        body = "\n".join(map(json.dumps, lines)).encode()
        self._post("/api/1/envelope/?sentry_version=7&sentry_key=public", body, "application/x-sentry-envelope")

    def data(self, path: str) -> Any:
        reply = self.daemon.get(path, ADMIN)
        assert reply.status == 200, reply.text
        return reply.json()["data"]

    def group(self, type_: str) -> dict[str, Any]:
        (found,) = [one for one in self.data("/api/v1/errors") if one["type"] == type_]
        return found

    @property
    def forwarded(self) -> set[str]:
        return {one.trace_id for one in self.back_end.spans}


def _trace_id(*, kept: bool) -> bytes:
    """Its last 56 bits are above or below half of what they may be."""
    return (
        secrets.token_bytes(9)
        + bytes([0x80 + secrets.randbelow(0x80) if kept else secrets.randbelow(0x80)])
        + secrets.token_bytes(6)
    )


@pytest.fixture(scope="module")
def shop() -> Iterator[Shop]:
    with sink() as back_end, servers.daemon(CONFIG.format(url=back_end.url)) as daemon:
        made = Shop(daemon, back_end)
        left_out = "stack_exporter_forward_sampled_out_total"
        wait_until(lambda: len(back_end.spans) + daemon.metrics()[left_out] == SENT, 10)
        assert len(made.forwarded) == SENT // 2
        yield made


def test_an_error_links_to_its_trace_where_that_was_kept(shop: Shop) -> None:
    found = shop.data(f"/api/v1/errors/{shop.group('PaymentRefused')['id']}/occurrences?limit=100")
    assert {one["trace_id"] for one in found} == {one.hex() for one in shop.sent}
    links = {one["trace_id"]: one["trace_url"] for one in found if one["trace_url"]}
    assert links == {one: f"https://tempo.example/trace/{one}" for one in shop.forwarded}


def test_a_group_links_to_the_trace_of_the_error_that_came_last_also_of_sentrys_sdk(shop: Shop) -> None:
    kept, left_out = sorted(shop.forwarded)[0], sorted({one.hex() for one in shop.sent} - shop.forwarded)[0]
    for trace_id, linked in ((left_out, False), (kept, True)):
        shop.report(trace_id)
        url = f"https://tempo.example/trace/{trace_id}"
        group = shop.group("CardDeclined")
        assert (group["trace_id"], group["trace_url"]) == (trace_id, url if linked else "")
        page = Parsed(shop.daemon.get("/", ADMIN).text)
        assert ({"href": url, "rel": "noreferrer noopener"} in [attributes for _, attributes in page.found]) is linked
        assert trace_id in page.text


def test_exemplars_are_traces_that_were_forwarded(shop: Shop) -> None:
    page = shop.daemon.get("/metrics", OPENMETRICS).text
    parsed_openmetrics(page)
    shown = [
        line
        for line in page.splitlines()
        if line.startswith("stack_http_server_request_duration_seconds_bucket") and " # " in line
    ]
    ids = {line.split('trace_id="')[1][:32] for line in shown}
    assert len(shown) == len(DURATIONS)
    assert ids <= shop.forwarded
    assert " # {" not in shop.daemon.get("/metrics").text


def test_the_log_line_of_what_was_slow_names_a_trace_that_was_forwarded(shop: Shop) -> None:
    (line,) = [json.loads(line) for line in shop.daemon.log.splitlines() if '"an operation was slow"' in line]
    assert (line["operation"], line["duration"]) == ("GET /pay", 3.0)
    assert line["trace_id"] in shop.forwarded


@pytest.mark.debian
def test_prometheus_stores_them(shop: Shop) -> None:
    began = time.time()
    target = f"127.0.0.1:{shop.daemon.port}"
    config = f"""
global: {{scrape_interval: 1s, scrape_timeout: 1s}}
scrape_configs: [{{job_name: stack, static_configs: [{{targets: ["{target}"]}}]}}]
"""
    name = "stack_http_server_request_duration_seconds_bucket"
    with prometheus(config) as server:
        query = f"/api/v1/query_exemplars?query={name}&start={began - 3600}&end={began + 60}"
        found = wait_until(lambda: server.get(query).json()["data"], 20, "there are exemplars")
    ids = {exemplar["labels"]["trace_id"] for one in found for exemplar in one["exemplars"]}
    assert len(ids) == len(DURATIONS)
    assert ids <= shop.forwarded


def test_the_page_says_that_it_delivers(shop: Shop) -> None:
    (one,) = shop.data("/api/v1/forwarding")
    assert (one["signal"], one["name"], one["state"], one["items"], one["durable"]) == (
        "traces",
        "tempo",
        "delivers",
        0,
        True,
    )
    assert one["last_success"] is not None
    assert "tempo" in shop.daemon.get("/", ADMIN).text
