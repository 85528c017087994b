"""A client that sends exactly the bytes it is given, and reads the answer strictly."""

import asyncio
import base64
import json
import ssl
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Reply:
    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        assert self.headers["content-type"] == "application/json; charset=utf-8"
        return json.loads(self.body)

    @property
    def text(self) -> str:
        return self.body.decode()


async def raw(port: int, sent: bytes, *, tls: ssl.SSLContext | None = None, host: str = "127.0.0.1") -> Reply:
    """The answer to `sent`, on a connection of its own."""
    reader, writer = await asyncio.open_connection(host, port, ssl=tls, server_hostname="localhost" if tls else None)
    try:
        writer.write(sent)
        return await read(reader, head=sent.startswith(b"HEAD"))
    finally:
        writer.close()


async def read(reader: asyncio.StreamReader, *, head: bool = False) -> Reply:
    async with asyncio.timeout(10):
        lines = (await reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
        pairs = [line.split(": ", 1) for line in lines[1:-2]]
        headers = {name.lower(): value for name, value in pairs}
        assert len(headers) == len(pairs), "a header came twice"
        body = b"" if head else await reader.readexactly(int(headers.get("content-length", 0)))
    return Reply(int(lines[0].split()[1]), headers, body)


def request(target: str, *lines: str, host: str = "localhost", body: bytes = b"") -> bytes:
    """`target` is method and path; `lines` are further headers."""
    given = [f"{target} HTTP/1.1", f"Host: {host}", *lines]
    if body or target.startswith("POST"):
        given.append(f"Content-Length: {len(body)}")
    return "\r\n".join([*given, "", ""]).encode("utf-8", "surrogateescape") + body


async def ask(
    port: int, target: str, *lines: str, host: str = "localhost", body: str | bytes = b"", **options: Any
) -> Reply:
    sent = body.encode("latin-1") if isinstance(body, str) else body
    return await raw(port, request(target, *lines, host=host, body=sent), **options)


def bearer(token: str) -> str:
    return f"Authorization: Bearer {token}"


def basic(user: str, password: str) -> str:
    return f"Authorization: Basic {base64.b64encode(f'{user}:{password}'.encode()).decode()}"
