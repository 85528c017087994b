"""The prober `tcp`: connects, with TLS if it should, and goes through a dialogue."""

import asyncio
import socket
from functools import lru_cache

from exporter.blackbox import tls
from exporter.blackbox.address import choose, source
from exporter.blackbox.connection import connected, failed
from exporter.blackbox.family import FAILED_DUE_TO_BYTES, FAILED_DUE_TO_REGEX, Family, gauge
from exporter.blackbox.regex import expand
from exporter.blackbox.run import Failed, Run, host_and_port
from exporter.blackbox.settings import TCP, QueryResponse
from exporter.blackbox.stream import Stream


@lru_cache(maxsize=64)
def expect_info(labels: tuple[str, ...]) -> Family:
    """probe_expect_info with the labels that a module gives it."""
    return gauge("probe_expect_info", "Explicit content matched", *labels)


async def probe(run: Run) -> bool:
    settings = run.module.tcp
    run.register(FAILED_DUE_TO_REGEX)  # as 0.23 has it; newer ones show it from the connection on
    try:
        host, port = host_and_port(run.target)
    except ValueError as error:
        run.fail("Error splitting target address and port", err=error)
    address = await choose(run, host, settings)
    sock = await connect(run, address, port, settings)
    if not settings.tls and not settings.query_response:
        sock.close()
        run.debug("Successfully dialed")
        run.register(FAILED_DUE_TO_BYTES)
        return True
    transport, stream = await asyncio.get_running_loop().create_connection(Stream, sock=sock)
    try:
        if settings.tls:
            transport = await tls.handshake(run, transport, stream, settings.tls_config, host)
            stream.connection_made(transport)
        run.debug("Successfully dialed")
        run.register(FAILED_DUE_TO_BYTES)
        if settings.tls:
            tls.show(run, transport, tls.TCP)
        async with asyncio.timeout_at(run.deadline):
            transport = await _talk(run, transport, stream, host)
    finally:
        transport.abort()
    return True


async def connect(run: Run, address: str, port: str, settings: TCP) -> socket.socket:
    """A new connection. Raises Failed, and TimeoutError at the deadline."""
    if not (port.isascii() and port.isdigit() and int(port) < 65536):
        run.fail("Error dialing TCP", err=f"{port!r} is not a port")
    local = source(settings.source_ip_address)
    run.debug("Dialing TCP with TLS" if settings.tls else "Dialing TCP without TLS")
    try:
        return await connected(address, int(port), local, run.deadline)
    except OSError as error:
        raise failed(error, "Error dialing TCP") from None


async def _talk(run: Run, transport: asyncio.Transport, stream: Stream, host: str) -> asyncio.Transport:
    """Go through the steps. The transport, which TLS changes. Raises Failed."""
    for number, step in enumerate(run.module.tcp.query_response):
        run.debug("Processing query response entry", entry_number=number)
        send = step.send.reveal()
        if step.regex is not None:
            groups = await _until(run, stream, step)
            run.set(FAILED_DUE_TO_REGEX, 0.0)
            send = expand(send, groups)
            if step.labels:
                found = {label.name: expand(label.value, groups) for label in step.labels}
                run.set(expect_info(tuple(found)), 1.0, *found.values())
        if step.expect_bytes:
            await _bytes(run, stream, step.expect_bytes.encode("utf-8", "surrogateescape"))
        if send:
            run.debug("Sending line", line=send)
            transport.write(send.encode("utf-8", "surrogateescape") + b"\n")
        if step.starttls:
            stream.clear()  # what came in the clear was not said over TLS
            transport = await tls.handshake(run, transport, stream, run.module.tcp.tls_config, host)
            stream.connection_made(transport)
            run.debug("TLS Handshake (client) succeeded.")
            tls.show(run, transport, tls.TCP)
    return transport


async def _until(run: Run, stream: Stream, step: QueryResponse) -> dict[str, str]:
    """Read lines until one matches; the groups of the match."""
    assert step.regex is not None  # noqa: S101 - the caller has asked
    line, count = "", 0
    while (raw := await stream.line()) is not None:
        line = raw.decode("utf-8", "replace")
        run.debug("Read line", line=line)
        if (groups := step.regex.groups(line)) is not None:
            run.debug("Regexp matched", regexp=step.expect, line=line)
            return dict(groups)
        count += 1
        if count % 64 == 0:
            await asyncio.sleep(0)  # thousands may be there at once
    run.set(FAILED_DUE_TO_REGEX, 1.0)
    raise Failed("Regexp did not match", regexp=step.expect, line=line)


async def _bytes(run: Run, stream: Stream, expected: bytes) -> None:
    data = await stream.exactly(len(expected))
    run.debug("Read bytes", bytes=data)
    if len(data) < len(expected):
        run.fail("Read less data than expected", expected=expected, bytes=data)
    if data != expected:
        run.set(FAILED_DUE_TO_BYTES, 1.0)
        run.fail("Bytes did not match", expected=expected, bytes=data)
    run.set(FAILED_DUE_TO_BYTES, 0.0)
