"""Does a host answer ICMP echo (ping), how fast, and how many packets get lost?"""

import errno
import ipaddress
import os
import time
from collections.abc import Mapping
from typing import Annotated, ClassVar, Literal

from msgspec import Meta

from exporter.metric import counter, gauge
from exporter.probe import Down, Probe, Readings, Signal
from exporter.probes import _net
from exporter.probes._icmp_echo import Echo, Echoes, echo
from exporter.probes._icmp_socket import LARGEST, Forbidden, Refusal
from exporter.probes._lookup import resolve
from exporter.values import Duration

LOSS = gauge("stack_icmp_loss_ratio", "Part of the run's packets that were not answered.", "component")
MIN = gauge("stack_icmp_round_trip_min_seconds", "The fastest round trip of the run.", "component")
MEAN = gauge("stack_icmp_round_trip_mean_seconds", "The mean round trip of the run.", "component")
MAX = gauge("stack_icmp_round_trip_max_seconds", "The slowest round trip of the run.", "component")
TTL = gauge(
    "stack_icmp_reply_ttl", "TTL (hop limit) that the newest reply had left: it tells of another way.", "component"
)
DUPLICATES = gauge("stack_icmp_duplicate_replies", "Replies of the run that came more than once.", "component")
PACKETS = counter(
    "stack_icmp_packets_total", "Packets sent, by what became of them: answered or lost.", "component", "outcome"
)

_MARGIN = 0.05
"""Seconds before its deadline that a run gives its answer, so that lost packets are counted and no time-out."""


class ICMP(Probe, kw_only=True, frozen=True):
    """Sends a few packets each run: by the socket that needs no privilege, or by a raw one where that is forbidden."""

    reasons: ClassVar[Mapping[str, str]] = {
        **{reason: _net.REASONS[reason] for reason in ("resolve", "nameserver", "unreachable")},
        "permission": "The system lets this process send no ICMP: see net.ipv4.ping_group_range.",
        "no_reply": "No packet was answered: the host is down, or ICMP is filtered on the way.",
        "too_big": "The packet is too big for a network on the way, and may not be fragmented.",
        "hops": "The packet's hops ran out on the way: a loop of routes, or too small a ttl.",
        "protocol": "The replies did not carry what was sent.",
    }
    signals: ClassVar[tuple[Signal, ...]] = (
        Signal("loss", LOSS, "ratio", "Part of the packets that got lost.", warning=0.1, critical=0.5),
        Signal("round_trip", MEAN, "seconds", "The mean round trip.", warning=0.5, critical=2.0),
    )
    latency: ClassVar[tuple[float | None, float | None]] = (None, None)  # a run takes as long as it has packets

    host: Annotated[str, Meta(description="Name or address.", examples=["gateway.example"], min_length=1)]
    family: Annotated[Literal["any", "ipv4", "ipv6"], Meta(description="Which of its addresses to take.")] = "any"
    count: Annotated[int, Meta(ge=1, le=100, description="Packets a run.")] = 3
    spacing: Annotated[Duration, Meta(description="Time between two packets; at least 10ms.")] = 0.1
    wait: Annotated[Duration, Meta(description="How long to wait for the last reply.")] = 1.0
    payload: Annotated[int, Meta(ge=0, le=LARGEST, description="Bytes that each packet carries.")] = 56
    ttl: Annotated[int, Meta(ge=0, le=255, description="Hops that a packet may take; 0 leaves it to the system.")] = 0
    dont_fragment: Annotated[bool, Meta(description="Do not let packets be fragmented.")] = False
    source: Annotated[str, Meta(description="Address to send from.")] = ""

    def __post_init__(self) -> None:
        if any(mark in self.host for mark in "/@ ") or not self.host.isprintable():
            raise ValueError("host: expected a name or an address")
        if self.spacing < 0.01:
            raise ValueError("spacing: expected 10ms at least")
        if self.source:
            try:
                ipaddress.ip_address(self.source)
            except ValueError:
                raise ValueError("source: expected an address") from None

    async def run(self, out: Readings) -> None:
        address = self._one(await resolve(out, self.host.strip("[]")))
        asked = Echo(
            count=self.count,
            spacing=self.spacing,
            wait=self.wait,
            size=self.payload,
            ttl=self.ttl,
            dont_fragment=self.dont_fragment,
            source=self.source,
        )
        with out.phase("echo"):
            try:
                found = await echo(address, asked, max(out.deadline - _MARGIN, time.monotonic()))
            except Forbidden as error:
                raise Down("permission", str(error)) from None
            except OSError as error:
                raise Down("unreachable", f"{self.host}: {error.strerror or type(error).__name__}") from None
        self._report(out, found)
        if not found.times:
            raise self._why(found)

    def _one(self, addresses: tuple[str, ...]) -> str:
        for address in addresses:
            if self.family == "any" or (":" in address) == (self.family == "ipv6"):
                return address
        raise Down("resolve", f"{self.host} has no address of the family {self.family}")

    def _report(self, out: Readings, found: Echoes) -> None:
        times, lost = list(found.times.values()), found.sent - len(found.times)
        out.count(PACKETS, len(times), "answered")
        out.count(PACKETS, lost, "lost")
        out.set(LOSS, lost / found.sent)
        out.set(DUPLICATES, found.duplicates)
        if times:
            out.set(MIN, min(times))
            out.set(MEAN, sum(times) / len(times))
            out.set(MAX, max(times))
        if found.ttl is not None:
            out.set(TTL, found.ttl)

    def _why(self, found: Echoes) -> Down:
        """What the answer is when no packet was answered."""
        if found.refusals:
            return self._refused(next(iter(found.refusals.values())))
        if found.corrupt:
            return Down("protocol", f"{self.host}: {found.corrupt} replies with another payload than was sent")
        return Down("no_reply", f"{self.host} answered none of {found.sent} packets")

    def _refused(self, refusal: Refusal) -> Down:
        if not refusal.by:
            reason = "too_big" if refusal.error == errno.EMSGSIZE else "unreachable"
            return Down(reason, f"{self.host}: {os.strerror(refusal.error)}")
        message = f"ICMP type {refusal.type}, code {refusal.code}"
        if refusal.error == errno.EMSGSIZE:
            return Down("too_big", f"{self.host}: {refusal.by} says that the packet is too big ({message})")
        if refusal.type == (3 if ":" in refusal.by else 11):  # RFC 4443, 3.3; RFC 792
            return Down("hops", f"{self.host}: {refusal.by} says that the packet's hops ran out ({message})")
        return Down("unreachable", f"{self.host}: {refusal.by} says that there is no way to it ({message})")
