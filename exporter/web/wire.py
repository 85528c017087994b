"""An Answer as the bytes of a whole response, as aiohttp would write them."""

from http import HTTPStatus
from typing import NamedTuple, cast

from aiohttp.helpers import rfc822_formatted_time
from aiohttp.web import Response

from exporter.web.answer import HEADERS
from exporter.web.call import Answer


class Written(NamedTuple):
    """`close`: nothing more is answered on its connection."""

    status: int
    data: bytes
    close: bool = False


_TAKEN = "\r\n".join(["HTTP/1.1 200 OK", *(f"{name}: {value}" for name, value in HEADERS.items()), "X-Request-ID: "])


def taken(answer: Answer, body: bytes, request_id: str) -> Written:
    """One of status 200 without headers of its own, of which an SDK gets hundreds a second."""
    head = (
        f"{_TAKEN}{request_id}\r\nContent-Type: {answer.content_type}\r\n"
        f"Content-Length: {len(body)}\r\nDate: {rfc822_formatted_time()}\r\n\r\n"
    )
    return Written(200, head.encode() + body)


def written(response: Response) -> Written:
    """Any other."""
    body, close = cast("bytes", response.body or b""), response.keep_alive is False
    lines = [f"HTTP/1.1 {response.status} {HTTPStatus(response.status).phrase}"]
    lines += [f"{name}: {_line(value)}" for name, value in response.headers.items()]
    if close:
        lines.append("Connection: close")
    lines.append(f"Content-Length: {len(body)}\r\nDate: {rfc822_formatted_time()}\r\n\r\n")
    return Written(response.status, "\r\n".join(lines).encode() + body, close)


def _line(value: str) -> str:
    return value if value.isprintable() else value.replace("\r", " ").replace("\n", " ")
