"""A body, compressed or large, piece by piece: bounded on the wire, unpacked, in time, and over all requests."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from typing import Literal

from aiohttp import web

from exporter.decoding import CODINGS, Decoder, Unknown, decoder
from exporter.web.body import WITHIN
from exporter.web.call import Call, Full, Refused

LARGEST = 16 * 1024 * 1024
"""Bytes of a body that is kept whole, on the wire and unpacked."""
STREAM_WIRE, STREAM = 20 * 1024 * 1024, 100 * 1024 * 1024
"""The same of a body whose parts are thrown away as they come: what Sentry allows of an envelope."""
PIECE = 256 * 1024
"""Bytes unpacked at once: a megabyte takes the loop some 2 ms."""
SMALL = 8 * 1024
"""Bytes on the wire of a body that is waited for without room: the connection buffers as much."""


async def unpacked(call: Call, most: int = LARGEST) -> bytes:
    """The whole body; its room is free again when the request is answered. Raises Refused."""
    came = await arrived(call)
    if came is not None and (text := at_once(call, came)) is not None and len(text) <= most:
        call.hold(len(text))
        return text
    parts = []
    async for part in chunks(call, wire=most, most=most, came=came):
        call.hold(len(part))
        parts.append(part)
    return parts[0] if len(parts) == 1 else b"".join(parts)


async def arrived(call: Call) -> bytes | None:
    """A body whole as it is on the wire, if it is small or has come; None, and nothing of it is read, for any other.

    Neither a stream of pieces nor, mostly, a timer: both cost as much as all that is in it. Raises Refused.
    """
    request = call.request
    content, length = request.content, request.content_length
    if not length or length > PIECE:
        return None
    if not content.is_eof():
        if length > SMALL:
            return None
        await asyncio.sleep(0)  # it comes right behind its headers
    if content.exception() is not None:
        return None
    if not content.is_eof():
        try:
            async with asyncio.timeout(WITHIN):
                await content.wait_eof()
        except TimeoutError:
            raise Refused(408, f"the body did not come within {WITHIN:g} s") from None
        except (web.RequestPayloadError, ConnectionError):
            raise Refused(400, "the body is malformed or not complete") from None
    return content.read_nowait()


def at_once(call: Call, came: bytes) -> bytes | None:
    """What that is unpacked; None where it is corrupt or large, which `chunks` finds out. Raises Refused."""
    undo = _decoder(call)
    if undo is None:
        return came
    try:
        text, left = undo.decode(came, PIECE)
    except ValueError:
        return None
    return text if not left and undo.ended and len(text) < PIECE else None


async def chunks(
    call: Call, *, wire: int = STREAM_WIRE, most: int = STREAM, came: bytes | None = None
) -> AsyncIterator[bytes]:
    """The body in pieces, for who throws them away again, or holds room for what is kept. Raises Refused.

    `came`: all of it, where it has arrived.
    """
    request = call.request
    undo = _decoder(call)
    if (request.content_length or 0) > wire:
        raise _large(wire)
    size = unpacked_size = 0
    try:
        async with asyncio.timeout(WITHIN):
            async for data in _whole(came) if came is not None else request.content.iter_any():
                size += len(data)
                if size > wire:
                    raise _large(wire)
                for text in _pieces(data, undo, most + 1 - unpacked_size) if undo else (data,):
                    unpacked_size += len(text)
                    if unpacked_size > most:
                        raise _large(most)
                    yield text
                    if undo and unpacked_size > len(data):
                        await asyncio.sleep(0)
    except TimeoutError:
        raise Refused(408, f"the body did not come within {WITHIN:g} s") from None
    except (web.RequestPayloadError, ConnectionError):
        raise Refused(400, "the body is malformed or not complete") from None
    except ValueError:
        raise Refused(400, "the compressed body is corrupt") from None
    if undo is not None and size and not undo.ended:
        raise Refused(400, "the compressed body ends before its end")


async def _whole(came: bytes) -> AsyncIterator[bytes]:
    yield came


def _decoder(call: Call) -> Decoder | None:
    try:
        return decoder(",".join(call.request.headers.getall("Content-Encoding", ())))
    except Unknown:
        accepted = ", ".join(CODINGS)
        headers = {"Accept-Encoding": accepted}
        raise Refused(415, f"this Content-Encoding is not known: send {accepted}, or none", headers=headers) from None


def outcome(refused: Refused) -> Literal["limited", "invalid", ""]:
    """What has become of what a body held that is refused here, as intake counts it; empty for who may not send."""
    if isinstance(refused, Full):
        return "limited"
    return "invalid" if refused.status in (400, 408, 413, 415) else ""


def _pieces(data: bytes, undo: Decoder, most: int) -> Iterator[bytes]:
    """Raises ValueError for what is corrupt."""
    while most > 0:
        text, data = undo.decode(data, min(PIECE, most))
        most -= len(text)
        if text:
            yield text
        if not data and (len(text) < PIECE or undo.ended):
            return


def _large(most: int) -> Refused:
    return Refused(413, f"the body is larger than {most} bytes")
