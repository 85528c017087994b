"""GET /metrics: the format and the encoding that the client wants, strictly parsed."""

import gzip
import re

import pytest
from prometheus_client.openmetrics.parser import text_string_to_metric_families as openmetrics
from prometheus_client.parser import text_string_to_metric_families as text

from exporter.exposition import OPENMETRICS, TEXT
from exporter.web import negotiate
from tests.web.client import ask
from tests.web.stand import component, result, stand

PROMETHEUS_3 = (
    "application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.5,application/openmetrics-text;version=0.0.1;q=0.4,"
    "text/plain;version=1.0.0;escaping=allow-utf-8;q=0.3,text/plain;version=0.0.4;q=0.2,*/*;q=0.1"
)
PROMETHEUS_2 = "application/openmetrics-text;version=1.0.0,application/openmetrics-text;version=0.0.1;q=0.75,text/plain;version=0.0.4;q=0.5,*/*;q=0.1"
ACCEPTS = [
    (PROMETHEUS_3, True),
    (PROMETHEUS_2, True),
    ("application/openmetrics-text", True),
    ("application/openmetrics-text; version=1.0.0; charset=utf-8", True),
    ('Application/OpenMetrics-Text; Version="1.0.0"', True),
    ("application/openmetrics-text;q=0.5, text/plain;q=0.5", True),
    ("application/openmetrics-text;q=0.4, text/plain;q=0.5", False),
    ("application/openmetrics-text;q=0, */*", False),
    ("application/openmetrics-text;q=0.3, text/plain;q=0, */*;q=0.9", True),
    ("application/openmetrics-text;version=2.0.0", False),
    ("application/openmetrics-text;version=0.0.1", False),
    ("application/openmetrics-text;q=x", False),
    ("application/openmetrics-text;q=7", False),
    ("text/plain;version=0.0.4", False),
    ("text/html,application/xhtml+xml,*/*;q=0.8", False),
    ("*/*", False),
    ("application/*", False),
    ("", False),
    (";;,,q=;=", False),
]


@pytest.mark.parametrize(("accept", "wanted"), ACCEPTS)
def test_openmetrics_is_served_to_who_asks_for_it_at_least_as_much_as_for_text(accept: str, wanted: bool) -> None:
    assert negotiate.openmetrics(accept) is wanted


@pytest.mark.parametrize(
    ("accept", "wanted"),
    [("gzip", True), ("gzip, deflate, br", True), ("GZIP;q=0.5", True), ("*", True), ("", False), ("identity", False)]
    + [
        ("gzip;q=0", False),
        ("*;q=0", False),
        ("gzip;q=0, *", False),
        ("br", False),
        ("x-gzip", True),
        ("identity;q=1, *;q=0", False),
    ],
)
def test_gzip_is_sent_to_who_takes_it(accept: str, wanted: bool) -> None:
    assert negotiate.gzip(accept) is wanted


@pytest.mark.parametrize("encoding", ["identity", "gzip"])
@pytest.mark.parametrize("accept", [PROMETHEUS_3, "text/plain"])
async def test_both_formats_are_parsed_strictly_plain_and_compressed(accept: str, encoding: str) -> None:
    async with stand() as s:
        for name in ("db", 'we"ird\\name\nwith 100% of <all>'):
            s.add(component(name))
            s.take(result(name, traceparent="00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"))
        await ask(s.port, "GET /livez")
        reply = await ask(s.port, "GET /metrics", f"Accept: {accept}", f"Accept-Encoding: {encoding}")
        body = gzip.decompress(reply.body) if encoding == "gzip" else reply.body
        assert reply.headers.get("content-encoding") == ("gzip" if encoding == "gzip" else None)
        assert reply.headers["content-type"] == (OPENMETRICS if accept == PROMETHEUS_3 else TEXT)
        assert reply.headers["vary"] == "Accept, Accept-Encoding"
        parsed = list((openmetrics if accept == PROMETHEUS_3 else text)(body.decode()))
        names = [family.name for family in parsed]
        assert len(names) == len(set(names))
        assert {"stack_probe_success", "stack_component_status", "stack_exporter_http_requests"} <= set(names)
        assert {s.labels["component"] for f in parsed if f.name == "stack_probe_success" for s in f.samples} == {
            "db",
            'we"ird\\name\nwith 100% of <all>',
        }
        assert body.endswith(b"# EOF\n") == (accept == PROMETHEUS_3)
        assert (b"trace_id" in body) == (accept == PROMETHEUS_3)


@pytest.mark.parametrize("query", ["component=a&component=b", "component=a,b", "component=a,b&component=,a"])
async def test_a_filter_gives_the_named_components_alone(query: str) -> None:
    async with stand() as s:
        for name in ("a", "b", "c"):
            s.add(component(name))
            s.take(result(name))
        page = (await ask(s.port, f"GET /metrics?{query}")).text
        assert set(re.findall(r'component="(\w)"', page)) == {"a", "b"}
        assert "stack_exporter_http" not in page


async def test_an_unknown_component_is_404_and_named() -> None:
    async with stand() as s:
        s.add(component("a"))
        reply = await ask(s.port, "GET /metrics?component=a,nobody")
        assert (reply.status, reply.json["errors"]) == (404, ["nobody"])


async def test_a_scrape_is_joined_anew_each_time() -> None:
    async with stand() as s:
        s.add(component("a"))
        s.take(result("a"))
        assert 'stack_probe_success{component="a",kind="made_up"} 1' in (await ask(s.port, "GET /metrics")).text
        s.take(result("a", "unhealthy", "refused"))
        assert 'stack_probe_success{component="a",kind="made_up"} 0' in (await ask(s.port, "GET /metrics")).text
