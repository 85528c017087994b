"""CPU and memory of spans received, measured, spooled and forwarded; beside rotel, which receives and forwards them."""

import gzip
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from itertools import count

import grpc

from benchmarks import envelopes, usage
from benchmarks.row import FULL, Depth, Row, compare
from tests.otlp_load import Numbered
from tests.servers import Server, daemon, free_port, rotel
from tests.servers.arrivals import Arrivals, arrivals
from tests.servers.process import wait_until

PEER = "rotel, receiving and forwarding"
CONFIG = """
ingest: {{events_per_minute: 10000000, burst: 10000000, bytes_per_second: 1GB}}
forward: {{traces: [{{endpoint: "{url}", protocol: {protocol}, compression: {compression}}}]}}
"""
PATH = "/v1/traces"
EXPORT = "/opentelemetry.proto.collector.trace.v1.TraceService/Export"
RATE, SATURATED, FLOOD = 40.0, 400, 400.0
"""Requests a second: of the rounds; of a round that are sent as fast as they are answered; while the back end is away."""
AWAY, MOST = 25, 2.0 * 2**30
"""Seconds of the flood, and bytes of memory at which it ends sooner."""
ARRIVED, QUIET = 120.0, 6.0


@dataclass
class Way:
    """A receiver and the back end that it forwards to. What is sent through it has arrived when `cost` has ended."""

    server: Server
    port: int
    grpc_port: int
    back: Arrivals
    sent: int = 0

    def cost(self, bodies: Sequence[bytes], send: Callable[[], object]) -> float:
        """CPU of a span, from the first request until the back end has all."""
        before = usage.cpu(self.server.pid)
        send()
        self.sent += (spans := len(bodies) * envelopes.SPANS)
        wait_until(lambda: self.back.spans == self.sent, ARRIVED, f"{self.server.name} has forwarded all")
        return (usage.cpu(self.server.pid) - before) / spans


@contextmanager
def ours(compression: str, protocol: str = "http") -> Iterator[Way]:
    with arrivals() as back:
        url = back.url if protocol == "http" else f"http://127.0.0.1:{back.grpc_port}"
        config = CONFIG.format(url=url, protocol=protocol, compression=compression)
        grpc_port = free_port()
        with daemon(config, f"--ingest.grpc-listen-address=127.0.0.1:{grpc_port}") as server:
            yield Way(server, server.ingest_port, grpc_port, back)


@contextmanager
def theirs(compression: str, protocol: str = "http") -> Iterator[Way]:
    with arrivals() as back:
        url = back.url if protocol == "http" else f"http://127.0.0.1:{back.grpc_port}"
        args = ["--exporter", "otlp", "--otlp-exporter-endpoint", url, "--otlp-exporter-protocol", protocol]
        with rotel(*args, "--otlp-exporter-compression", compression, batch="200ms") as server:
            yield Way(server, server.port, server.grpc_port, back)


class Bodies:
    """Requests of which no two have a span in common, made before they are sent."""

    def __init__(self) -> None:
        self._first = count(0, 10_000_000)

    def some(self, number: int, *, clients: bool = False, packed: bool = False) -> list[bytes]:
        (template,) = envelopes.spans(1, queries=False, clients=clients)
        bodies = Numbered(template, number, next(self._first))
        return [gzip.compress(body) for body in bodies] if packed else list(bodies)


def forward(depth: Depth) -> Iterator[Row]:
    bodies = Bodies()
    with ExitStack() as stack:
        plain = stack.enter_context(ours("none")), stack.enter_context(theirs("none"))
        idle = usage.resident([plain[0].server.pid]), usage.resident([plain[1].server.pid])
        zipped = stack.enter_context(ours("gzip")), stack.enter_context(theirs("gzip"))
        ways = [
            ("plain in and out", plain, envelopes.OTLP, False),
            ("an address scrubbed in each", plain, envelopes.OTLP, True),
            ("gzip in", plain, envelopes.OTLP_GZIP, False),
            ("gzip out", zipped, envelopes.OTLP, False),
        ]
        for what, pair, headers, clients in ways if depth is FULL else ways[:2]:
            found = _paced(depth, bodies, pair, headers, clients=clients)
            yield Row("otlp-forward", f"CPU per span, {what}", PEER, 1.0, *found, "s")
        rates, held = _saturated(depth, bodies, plain)
        yield rates
    yield Row("otlp-forward", "memory, idle", PEER, 1.0, *idle, idle[0] / idle[1], "B")
    yield Row("otlp-forward", "memory, as fast as it answers", PEER, 1.0, *held, held[0] / held[1], "B")
    if depth is not FULL:
        return
    with ours("none", "grpc") as mine, theirs("none", "grpc") as peers:
        found = _paced(depth, bodies, (mine, peers), None)
        yield Row("otlp-forward", "CPU per span, gRPC in and out", PEER, 1.0, *found, "s")


def _paced(
    depth: Depth, bodies: Bodies, pair: tuple[Way, Way], headers: Mapping[str, str] | None, *, clients: bool = False
) -> tuple[float, float, float]:
    """Without headers over gRPC."""

    def cost(way: Way, seconds: float = depth.seconds) -> float:
        made = bodies.some(int(RATE * seconds), clients=clients, packed=headers is envelopes.OTLP_GZIP)
        if headers is None:
            return way.cost(made, lambda: _call(way.grpc_port, made, RATE))
        return way.cost(made, lambda: envelopes.send(way.port, PATH, made, headers, RATE))

    for way in pair:  # the first requests import and connect
        cost(way, 0.2)
    return compare(depth.rounds, lambda: cost(pair[0]), lambda: cost(pair[1]))


def _saturated(depth: Depth, bodies: Bodies, pair: tuple[Way, Way]) -> tuple[Row, tuple[float, float]]:
    """Spans for each second of CPU while four clients wait for nothing but answers; and the most memory meanwhile."""
    most = [0.0, 0.0]

    def cost(which: int) -> float:
        way, made = pair[which], bodies.some(int(SATURATED * depth.seconds))
        with _watching(way.server.pid) as seen:
            spent = way.cost(made, lambda: envelopes.send(way.port, PATH, made, envelopes.OTLP, 1e6))
        most[which] = max(most[which], *seen)
        return spent

    mine, peers, ratio = compare(depth.rounds, lambda: cost(0), lambda: cost(1))
    row = Row("otlp-forward", "spans/s of a core, as fast as it answers", PEER, 1.0, 1 / mine, 1 / peers, ratio, "/s")
    return row, (most[0], most[1])


def away(depth: Depth) -> Iterator[Row]:
    """The back end is not there while spans come; both are killed, and then it is there again."""
    seconds = AWAY if depth is FULL else 3
    with ours("none") as mine, theirs("none") as peers:
        held, lost = zip(*(_lost(way, seconds) for way in (mine, peers)), strict=True)
    what = f"after {seconds} s of {int(FLOOD) * envelopes.SPANS:,} spans/s to a back end that is away"
    yield Row("otlp-away", f"memory {what}", PEER, 1.0, *held, held[0] / held[1], "B")
    ratio = lost[0] / lost[1] if lost[1] else float(lost[0] > 0)
    yield Row("otlp-away", "acknowledged spans that kill -9 then loses", PEER, 0.0, *lost, ratio, "spans")


def _lost(way: Way, seconds: int) -> tuple[float, float]:
    """The most memory, and how many acknowledged spans did not arrive."""
    bodies = Numbered(envelopes.spans(1, queries=False)[0], int(FLOOD) * seconds)
    answered: Counter[int] = Counter()
    held = 0.0
    way.back.stop()
    for second in range(seconds):
        some = bodies[second * int(FLOOD) : (second + 1) * int(FLOOD)]
        envelopes.send(way.port, PATH, some, envelopes.OTLP, FLOOD, (200, 429, 503), answered)
        held = max(held, usage.resident([way.server.pid]))
        if held > MOST:
            break
    way.server.kill()
    way.back.start()
    way.server.start()
    acknowledged = answered[200] * envelopes.SPANS
    return held, float(acknowledged - _arrived(way.back, acknowledged))


def _arrived(back: Arrivals, all_: int) -> int:
    """How many spans, when it has all or QUIET seconds brought no more."""
    before, since = back.spans, time.monotonic()
    while before < all_ and time.monotonic() - since < QUIET:
        time.sleep(0.5)
        if (now := back.spans) > before:
            before, since = now, time.monotonic()
    return before


def _call(port: int, bodies: Sequence[bytes], rate: float) -> None:
    """Over gRPC, as `envelopes.send` over HTTP."""
    start = time.monotonic() + 0.01

    def work(first: int) -> None:
        with grpc.insecure_channel(f"127.0.0.1:{port}", [("grpc.use_local_subchannel_pool", 1)]) as channel:
            export = channel.unary_unary(EXPORT)
            for number in range(first, len(bodies), envelopes.WORKERS):
                time.sleep(max(0.0, start + number / rate - time.monotonic()))
                export(bodies[number], timeout=10)

    threads = [threading.Thread(target=work, args=(first,)) for first in range(envelopes.WORKERS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


@contextmanager
def _watching(pid: int) -> Iterator[list[float]]:
    """Its memory, looked at now and then."""
    seen, ended = [usage.resident([pid])], threading.Event()

    def watch() -> None:
        while not ended.wait(0.1):
            seen.append(usage.resident([pid]))

    watcher = threading.Thread(target=watch)
    watcher.start()
    try:
        yield seen
    finally:
        ended.set()
        watcher.join()
