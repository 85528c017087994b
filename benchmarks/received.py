"""CPU of what applications send: envelopes parsed, errors fully processed, spans measured; each beside a peer."""

import gzip
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from benchmarks import bugsink, envelopes, peers, usage
from benchmarks.row import FULL, Depth, Row, compare
from tests.servers import Server, daemon, free_port, rotel

CONFIG = "ingest: {events_per_minute: 10000000, burst: 10000000}\n"
PATH = "/api/1/envelope/"
PARSED, AT_ONCE = 500, 100_000.0
"""Envelopes for each second of a round, sent as fast as they are taken."""
WHOLE_RATE, BUGSINK_RATE = 200.0, 12.0
"""Events a second, which fill half of a core."""
SPAN_RATE = 40.0


class Receiver(Server):
    def ready(self) -> bool:
        return self.post(PATH, envelopes.envelopes(1)[0], envelopes.SENTRY).status == 200


def parsed(depth: Depth) -> Iterator[Row]:
    bodies = envelopes.envelopes(int(PARSED * depth.seconds))

    def cost(server: Server) -> float:
        return _cost(server.pid, server.port, PATH, bodies, envelopes.SENTRY, AT_ONCE)

    with _receiver("ours") as ours, _receiver("stock") as stock:
        found = compare(depth.rounds, lambda: cost(ours), lambda: cost(stock))
    yield Row("sentry-parse", "CPU per envelope, 10 KB gzip, parsed", "aiohttp and json", 1.0, *found, "s")


def whole(depth: Depth) -> Iterator[Row]:
    """Bugsink is installed for this, which takes a minute: not in a quick run."""
    if depth is not FULL:
        return
    seeds = iter(range(1, 1_000))
    with bugsink.running() as theirs, daemon(CONFIG) as ours:

        def bodies(rate: float) -> list[bytes]:
            return envelopes.envelopes(int(rate * depth.seconds * 2), next(seeds))

        def cost() -> float:
            return _cost(ours.pid, ours.ingest_port, PATH, bodies(WHOLE_RATE), envelopes.SENTRY, WHOLE_RATE)

        def peers_cost() -> float:
            sent = bodies(BUGSINK_RATE)
            theirs.rest()
            before = theirs.spent()
            envelopes.send(theirs.port, theirs.path, sent, theirs.headers, BUGSINK_RATE)
            theirs.rest()
            return (theirs.spent() - before) / len(sent)

        found = compare(depth.rounds, cost, peers_cost)
        yield Row("sentry-whole", "CPU per error, fully processed", f"Bugsink {theirs.version}", 1 / 30, *found, "s")
        held = usage.resident([ours.pid]), usage.resident([theirs.pid])
        yield Row("sentry-whole", "memory after them", f"Bugsink {theirs.version}", 0.5, *held, held[0] / held[1], "B")


def spans(depth: Depth) -> Iterator[Row]:
    """The peer receives them and sends them on, to what throws them away; ours measures requests and queries.

    Each case is a request's worth of SPANS spans, sent to both in turn, as many a second to the one as to the other.
    """
    with daemon(CONFIG) as ours, rotel("--exporter", "blackhole") as sink:
        with rotel("--exporter", "otlp", "--otlp-exporter-endpoint", f"http://127.0.0.1:{sink.grpc_port}") as theirs:
            for what, queries, headers in (
                ("to request histograms", False, envelopes.OTLP),
                ("the same by gzip", False, envelopes.OTLP_GZIP),
                ("half of them queries", True, envelopes.OTLP),
            ):
                bodies = envelopes.spans(int(SPAN_RATE * depth.seconds), queries=queries)
                bodies = [gzip.compress(body) for body in bodies] if headers is envelopes.OTLP_GZIP else bodies
                for port in (ours.ingest_port, theirs.port):  # the first requests import and connect
                    envelopes.send(port, "/v1/traces", bodies[:8], headers, SPAN_RATE)
                found = _span_costs(depth, bodies, headers, ours, theirs)
                yield Row("otlp-spans", f"CPU per span, {what}", "rotel, receiving and forwarding", 1.0, *found, "s")


def _span_costs(
    depth: Depth, bodies: Sequence[bytes], headers: Mapping[str, str], ours: Server, theirs: Server
) -> tuple[float, float, float]:
    def cost(server: Server, port: int) -> float:
        return _cost(server.pid, port, "/v1/traces", bodies, headers, SPAN_RATE) / envelopes.SPANS

    return compare(depth.rounds, lambda: cost(ours, ours.ingest_port), lambda: cost(theirs, theirs.port))


def _cost(pid: int, port: int, path: str, bodies: Sequence[bytes], headers: Mapping[str, str], rate: float) -> float:
    before = usage.cpu(pid)
    envelopes.send(port, path, bodies, headers, rate)
    return (usage.cpu(pid) - before) / len(bodies)


@contextmanager
def _receiver(which: str) -> Iterator[Receiver]:
    with tempfile.TemporaryDirectory(prefix="receiver-") as made:
        port = free_port()
        command = [sys.executable, "-m", "benchmarks.receivers", which, str(port)]
        env = {"PATH": "/usr/bin:/bin", "HOME": made, "PYTHONPATH": str(peers.ROOT)}
        with Receiver(which, command, port, Path(made), url=f"http://127.0.0.1:{port}", env=env) as server:
            yield server
