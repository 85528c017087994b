"""OTLP/HTTP: POST /v1/traces, /v1/metrics and /v1/logs, in protobuf and JSON (OTLP specification, "OTLP/HTTP").

Whatever is answered comes in the encoding that the request came in, errors as google.rpc.Status.
"""

import asyncio
import logging
from typing import TYPE_CHECKING

from exporter.web.call import Answer, Call, Refused, Services
from exporter.web.otlp_reply import Signal, Taken, response, status
from exporter.web.sender import sender
from exporter.web.unpack import outcome, unpacked

if TYPE_CHECKING:
    from exporter.web.otlp_take import Taker

log = logging.getLogger(__name__)

PROTOBUF, JSON = "application/x-protobuf", "application/json"


class Otlp:
    """The three routes; also what OTLP/gRPC hands its requests to."""

    def __init__(self) -> None:
        self._taker: Taker | None = None
        self._importing = asyncio.Lock()

    async def traces(self, call: Call) -> Answer:
        return await self._answer(call, "traces")

    async def metrics(self, call: Call) -> Answer:
        return await self._answer(call, "metrics")

    async def logs(self, call: Call) -> Answer:
        return await self._answer(call, "logs")

    async def take(self, signal: Signal, body: bytes, of: str, services: Services, *, json: bool = False) -> Taken:
        """Take in a request of a sender who may send. Raises Refused."""
        if self._taker is None:
            async with self._importing:
                if self._taker is None:
                    self._taker = await asyncio.to_thread(_taker)
        return await self._taker.take(signal, body, of, services, json=json)

    async def _answer(self, call: Call, signal: Signal) -> Answer:
        kind = call.request.headers.get("Content-Type", "").partition(";")[0].strip().lower()
        json = kind == JSON
        type_ = JSON if json else PROTOBUF
        try:
            of = sender(call)
            if not json and kind != PROTOBUF:
                raise Refused(415, f"send {PROTOBUF} or {JSON}")  # noqa: TRY301 - answered as all that is refused
            taken = await self.take(signal, await _read(call), of, call.services, json=json)
        except Refused as refused:
            said = status(refused.status, refused.message, json=json)
            return Answer(refused.status, body=said, content_type=type_, headers=dict(refused.headers))
        except Exception:
            log.exception("an OTLP request failed", extra={"request_id": call.id})
            said = status(500, "internal error; its cause is in the log under this request's id", json=json)
            return Answer(500, body=said, content_type=type_)
        return Answer(body=response(taken, signal, json=json), content_type=type_)


async def _read(call: Call) -> bytes:
    try:
        return await unpacked(call)
    except Refused as refused:
        if call.services.intake is not None:
            call.services.intake.count("otlp", outcome(refused))
        raise


def _taker() -> "Taker":
    from exporter.web.otlp_take import Taker  # noqa: PLC0415

    return Taker()
