"""A scrape of many series over HTTP, beside an exporter on client_golang; and rendering alone, beside prometheus_client."""

import gzip
import os
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from benchmarks import load, peers, usage
from benchmarks.pages import pushed
from benchmarks.probes import single
from benchmarks.row import Depth, Row, compare
from tests.servers import Server, free_port

PLAIN = {"Accept": "text/plain;version=0.0.4", "Accept-Encoding": "identity"}
GZIP = PLAIN | {"Accept-Encoding": "gzip"}


def scrape(depth: Depth) -> Iterator[Row]:
    """Every series has changed since the scrape before: the usual case, as probes are as frequent as scrapes."""
    yield from _rows(depth, "scrape", f"scrape of {depth.series} series, all changed", 1.0, 1 / 2, 1 / 3)
    found = compare(depth.rounds, lambda: single("render", depth.series), lambda: single("render_peer", depth.series))
    yield Row("scrape", f"rendering {depth.series} series, all changed", "prometheus_client", 1 / 15, *found, "s")


def changed(depth: Depth) -> Iterator[Row]:
    """One component in a hundred has changed."""
    yield from _rows(depth, "changed", f"scrape of {depth.series} series, 1 % changed", 0.01, 1 / 10, 1 / 15)


def _rows(depth: Depth, name: str, what: str, share: float, plain: float, zipped: float) -> Iterator[Row]:
    with peers.pushgateway() as gateway, page(depth.series, share) as ours:
        reply = gateway.request("PUT", "/metrics/job/bench", pushed(depth.series), {"Content-Type": "text/plain"})
        assert reply.status == 200, reply.text
        for headers, label, most in ((PLAIN, "plain", plain), (GZIP, "gzip", zipped)):
            for server in (ours, gateway):
                assert _samples(load.repeat(server.port, "/metrics", 5, headers)) >= depth.series, server.name
            scrapes = max(5, int(depth.seconds * 10))
            found = compare(
                depth.rounds,
                lambda: _cost(ours, scrapes * 2, headers),  # noqa: B023 - called within the round
                lambda: _cost(gateway, scrapes, headers),  # noqa: B023
            )
            yield Row(name, f"{what}, {label}", "pushgateway (client_golang)", most, *found, "s")


def _cost(server: Server, scrapes: int, headers: dict[str, str]) -> float:
    before = usage.cpu(server.pid)
    load.repeat(server.port, "/metrics", scrapes, headers)
    return (usage.cpu(server.pid) - before) / scrapes


def _samples(body: bytes) -> int:
    text = gzip.decompress(body) if body[:2] == b"\x1f\x8b" else body
    return sum(not line.startswith(b"#") for line in text.splitlines())


@contextmanager
def page(series: int, share: float) -> Iterator[Server]:
    """Our page in a process of its own."""
    with tempfile.TemporaryDirectory(prefix="page-") as made:
        port = free_port()
        command = [sys.executable, "-m", "benchmarks.page", str(port), str(series), str(share)]
        env = {"PYTHONPATH": str(peers.ROOT), "XDG_STATE_HOME": made}
        with peers.started("page", command, port, Path(made), env) as server:
            yield server
