"""A few ICMP echoes to one address: which came back, how fast, and what became of the others."""

import asyncio
import os
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from exporter.probes._icmp_socket import EchoSocket, Refusal, Reply

_HEARD = 32
"""Bytes of a payload by which ours are told from others'."""


@dataclass(frozen=True, slots=True)
class Echo:
    """What to send: `count` packets, one each `spacing` seconds; `wait` seconds for the last reply."""

    count: int = 1
    spacing: float = 0.1
    wait: float = 1.0
    size: int = 56
    ttl: int = 0
    """0 leaves it to the system."""
    dont_fragment: bool = False
    source: str = ""


@dataclass(slots=True)
class Echoes:
    """What became of them. `times`: seconds each took; `ttl`: hops that the newest reply had left."""

    sent: int = 0
    times: dict[int, float] = field(default_factory=dict)
    ttl: int | None = None
    duplicates: int = 0
    corrupt: int = 0
    """Replies that were ours, but did not carry what was sent."""
    refusals: dict[int, Refusal] = field(default_factory=dict)


async def echo(address: str, asked: Echo, until: float, *, opened: Callable[[], None] | None = None) -> Echoes:
    """Send them and listen till `until` (on time.monotonic's clock) at the latest; `opened` hears that it can begin.

    Raises Forbidden where the system forbids ICMP, OSError where there is no way to the address.
    """
    loop, found = asyncio.get_running_loop(), Echoes()
    payload = os.urandom(min(asked.size, _HEARD)).ljust(asked.size, b"\x55")
    sock = EchoSocket(address, ttl=asked.ttl, dont_fragment=asked.dont_fragment, source=asked.source)
    answered = asyncio.Event()

    def read() -> None:
        for each in sock.read():
            _note(found, each, payload)
        if len({*found.times, *found.refusals}) >= asked.count:
            answered.set()

    try:
        loop.add_reader(sock.fileno(), read)
        if opened is not None:
            opened()
        for sequence in range(1, asked.count + 1):
            read()  # an error that waits would be taken for one of this packet
            found.sent += 1
            try:
                sock.send(sequence, payload)
            except OSError as error:
                found.refusals[sequence] = Refusal(sequence, error.errno or 0)
                read()
            if sequence < asked.count:
                await asyncio.sleep(min(asked.spacing, max(until - time.monotonic(), 0)))
                if time.monotonic() >= until:
                    break
        try:
            async with asyncio.timeout(min(asked.wait, max(until - time.monotonic(), 0))):
                await answered.wait()
        except TimeoutError:
            pass  # the others are lost
        return found
    finally:
        loop.remove_reader(sock.fileno())
        sock.close()


def _note(found: Echoes, each: Reply | Refusal, payload: bytes) -> None:
    if isinstance(each, Refusal):
        found.refusals.setdefault(each.sequence, each)
    elif each.payload != payload:
        found.corrupt += 1
    elif each.sequence in found.times:
        found.duplicates += 1
    else:
        found.times[each.sequence] = each.at
        found.ttl = each.ttl if each.ttl is not None else found.ttl
