"""A request's body, bounded in size and time: aiohttp itself waits for one without end."""

import asyncio

from aiohttp import web

from exporter.web.call import Refused

WITHIN = 10.0
"""Seconds in which a body must have come, however large."""


async def body(request: web.BaseRequest, most: int) -> bytes:
    """The request's body as it came over the wire. Raises Refused: larger than `most`, too slow, malformed."""
    if (request.content_length or 0) > most:
        raise Refused(413, f"the body is larger than {most} bytes")
    parts, size = [], 0
    try:
        async with asyncio.timeout(WITHIN):
            async for chunk in request.content.iter_any():
                size += len(chunk)
                if size > most:
                    raise Refused(413, f"the body is larger than {most} bytes")
                parts.append(chunk)
    except TimeoutError:
        raise Refused(408, f"the body did not come within {WITHIN:g} s") from None
    except (web.RequestPayloadError, ConnectionError):
        raise Refused(400, "the body is malformed or not complete") from None
    return b"".join(parts)
