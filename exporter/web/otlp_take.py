"""Takes OTLP requests in, whichever way they came: rate, parsing with pauses, intake, then the measurements.

Imported with the first request: with protobuf it is 5 MB and 80 ms that a daemon without OTLP does not need.
"""

import asyncio
import time
from collections.abc import Callable, Iterable
from typing import Any

from google.protobuf.message import DecodeError  # type: ignore[import-untyped]
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest

from exporter.ingest import otlp_fields, otlp_json_pieces, otlp_whole, otlp_wire
from exporter.ingest.intake import Intake
from exporter.ingest.limit import Buckets
from exporter.ingest.otlp import Parser, Parsing
from exporter.ingest.otlp_errors import Echoes
from exporter.ingest.otlp_wire import Malformed, Piece, TooMany
from exporter.ingest.ports import Refusing
from exporter.ingest.refusals import limited
from exporter.ingest.values import Batch
from exporter.web.call import Refused, Services
from exporter.web.otlp_pass import Passing
from exporter.web.otlp_reply import Signal, Taken
from exporter.web.unpack import LARGEST

AT_ONCE = 0.005
"""Seconds for which the loop is held at most between two pauses."""
MEASURED_AT_ONCE = 1_000
INVALID = "spans without a valid trace id, span id, or with an end before their start were left out"
SOURCE = "otlp"
_LATER = "nothing more can be kept now; send it again later"


class Taker:
    """One for the daemon: what it remembers outlasts a request."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._echoes = Echoes()
        self._made_of: tuple[object, ...] = ()
        self._parser: Parser | None = None
        self._buckets = Buckets(0.0, 0.0)
        self._passing = Passing()

    async def take(self, signal: Signal, body: bytes, sender: str, services: Services, *, json: bool) -> Taken:
        """Raises Refused."""
        intake = services.intake
        if intake is None:
            raise Refused(503, "nothing is taken in here now", headers={"Retry-After": "1"})
        try:
            pieces: Iterable[Piece] = otlp_json_pieces.cut(body, signal) if json else await _cut(body, signal)
            self._limit(pieces, len(body), sender, services, intake)
            if self._passing.taking(signal, services) is not None and json:
                pieces = await _converted(pieces)
            passed = None if json else body
            if signal == "metrics":
                return await self._metrics(list(pieces), passed, services, intake)
            return await self._telemetry(signal, pieces, passed, sender, services, intake)
        except Malformed as error:
            intake.count(SOURCE, "invalid")
            raise Refused(413 if isinstance(error, TooMany) else 400, str(error)) from None
        except Refusing as refusing:
            raise Refused(429, _LATER, headers=_retry(refusing.retry_after)) from None

    async def _telemetry(
        self,
        signal: Signal,
        pieces: Iterable[Piece],
        body: bytes | None,
        sender: str,
        services: Services,
        intake: Intake,
    ) -> Taken:
        """Raises Malformed, Refused and Refusing."""
        parsing = Parsing(self._current(services, intake), time.time(), self._echoes)
        step = parsing.spans if signal == "traces" else parsing.records
        pauses = Pauses()
        for piece in pieces:
            step(piece)
            await pauses.rest()
        echoed = parsing.settle()
        batch = parsing.batch
        if batch.occurrences and (wait := intake.wait(sender, len(batch.occurrences), SOURCE)):
            intake.count(SOURCE, "limited", batch.events - len(batch.occurrences))
            raise _later(wait)
        if self._passing.taking(signal, services) is not None:
            await self._pass(signal, body, list(pieces), services, intake, batch, pauses)
        measured, batch.measured = batch.measured, []
        await intake.take(batch, SOURCE)
        self._echoes.add(echoed)
        for begin in range(0, len(measured), MEASURED_AT_ONCE):
            await intake.take(Batch(measured=measured[begin : begin + MEASURED_AT_ONCE]), SOURCE)
            await pauses.rest()
        for held, seen in parsing.observed.items():
            for begin in range(0, len(seen), MEASURED_AT_ONCE):
                held.many(seen[begin : begin + MEASURED_AT_ONCE])
                await pauses.rest()
        return Taken(batch.invalid, INVALID if batch.invalid else "")

    async def _metrics(self, pieces: list[Piece], body: bytes | None, services: Services, intake: Intake) -> Taken:
        """Raises Malformed, and then no part of the request has been taken; Refused and Refusing."""
        taking = services.otlp_metrics
        if taking is None:
            raise Refused(503, "no metrics are taken in here", headers={"Retry-After": "60"})
        pauses = Pauses()
        for piece in pieces:
            _message(piece)
            await pauses.rest()
        await self._passing.on("metrics", body, pieces, services, intake, pauses.rest, valid=True)
        rejected, why = 0, ""
        for piece in pieces:
            so_far = (0, "")
            for step in taking.steps(_message(piece), time.time()):  # one metric may hold 100,000 points
                so_far = step
                await pauses.rest()
            rejected, why = rejected + so_far[0], why or so_far[1]
        return Taken(rejected, why)

    async def _pass(
        self,
        signal: Signal,
        body: bytes | None,
        pieces: list[Piece],
        services: Services,
        intake: Intake,
        batch: Batch,
        pauses: "Pauses",
    ) -> None:
        """Onward before anything is kept or counted here: what is refused then will come again. Raises Refusing."""
        try:
            valid = not batch.invalid
            await self._passing.on(signal, body, pieces, services, intake, pauses.rest, valid=valid)
        except Refusing:
            intake.count(SOURCE, "invalid", batch.invalid)
            intake.count(SOURCE, "refused", batch.events - batch.invalid)
            raise

    def _current(self, services: Services, intake: Intake) -> Parser:
        """The parser for the configuration in force."""
        config = services.config
        sampled = config.forward.sample_ratio < 1 and self._passing.taking("traces", services) is not None
        made_of = (intake.parts, config.operations, services.service, services.environment, sampled, config.forward)
        if self._parser is None or self._made_of != made_of:
            parts = intake.parts
            operations = frozenset(config.operations)
            given = (parts.scrubber, parts.meter.hold, operations, services.service, services.environment)
            if sampled:
                self._parser = Parser(*given, kept=self._passing.rewriter(services, intake).kept)
            else:
                self._parser = Parser(*given)
            self._made_of = made_of
        return self._parser

    def _limit(self, pieces: Iterable[Piece], size: int, sender: str, services: Services, intake: Intake) -> None:
        """By bytes: what a request holds is known only when it has been parsed. Raises Refused."""
        rate = float(services.config.ingest.bytes_per_second)
        if self._buckets.rate != rate:
            self._buckets = Buckets(rate, max(2 * rate, LARGEST))
        if wait := self._buckets.wait(sender, size, self._clock()):
            intake.count(SOURCE, "limited", items := sum(piece.items for piece in pieces))
            intake.refusals.tell(limited(SOURCE, sender), items, of="events")
            raise _later(wait)


class Pauses:
    """Gives the loop to others when it has been held for long enough."""

    def __init__(self) -> None:
        self._began = time.perf_counter()

    async def rest(self) -> None:
        if time.perf_counter() - self._began > AT_ONCE:
            await asyncio.sleep(0)
            self._began = time.perf_counter()


async def _cut(body: bytes, signal: Signal) -> list[Piece]:
    """All pieces, before the first is worked on: what is malformed is refused as a whole. Raises Malformed."""
    if signal == "traces" and (whole := otlp_whole.whole(body)):
        return whole
    found, pauses = [], Pauses()
    for piece in otlp_wire.pieces(body):
        found.append(piece)
        await pauses.rest()
    return found


async def _converted(pieces: Iterable[Piece]) -> list[Piece]:
    found, pauses = [], Pauses()
    for piece in pieces:
        found.append(piece)
        await pauses.rest()
    return found


def _message(piece: Piece) -> Any:
    try:
        return ExportMetricsServiceRequest.FromString(otlp_fields.request(piece))
    except DecodeError:
        raise Malformed("a metric is malformed") from None


def _later(wait: float) -> Refused:
    return Refused(429, "too much from this sender; send it again later", headers=_retry(wait))


def _retry(wait: float) -> dict[str, str]:
    return {"Retry-After": str(max(1, int(wait) + 1))}
