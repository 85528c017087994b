"""The prober `icmp`: one echo, and how long it took."""

import errno
import os
import time

from exporter.blackbox.address import choose, source
from exporter.blackbox.family import DNS_LOOKUP_TIME, gauge
from exporter.blackbox.run import Run
from exporter.probes._icmp_echo import Echo, echo
from exporter.probes._icmp_socket import Forbidden

DURATION = gauge("probe_icmp_duration_seconds", "Duration of icmp request by phase", "phase")
HOP_LIMIT = gauge("probe_icmp_reply_hop_limit", "Replied packet hop limit (TTL for ipv4)")

SIZE = 28
"""Bytes that blackbox sends when none are asked for."""


async def probe(run: Run) -> bool:
    settings = run.module.icmp
    for phase in ("resolve", "setup", "rtt"):
        run.set(DURATION, 0.0, phase)
    address = await choose(run, run.target, settings)
    run.set(DURATION, run.values[DNS_LOOKUP_TIME, ()], "resolve")
    local = source(settings.source_ip_address)
    asked = Echo(
        wait=run.deadline - time.monotonic(),
        size=settings.payload_size or SIZE,
        ttl=settings.ttl,
        dont_fragment=settings.dont_fragment,
        source=local[0] if local else "",
    )
    began = time.monotonic()

    def opened() -> None:
        run.set(DURATION, time.monotonic() - began, "setup")
        run.debug("Writing out packet")

    run.debug("Creating socket")
    try:
        found = await echo(address, asked, run.deadline, opened=opened)
    except Forbidden as error:
        run.fail("Error listening to socket", err=error)
    except OSError as error:
        if error.errno == errno.EADDRNOTAVAIL:  # of the source
            run.fail("Error listening to socket", err=error.strerror)
        opened()  # blackbox finds out when it sends
        run.fail("Error writing to socket", err=error.strerror)
    if refusal := found.refusals.get(1):
        by = f"{refusal.by}: " if refusal.by else ""
        run.fail("Error reading from socket", err=f"{by}{os.strerror(refusal.error)}")
    if not found.times:
        run.fail("Timeout reading from socket")
    run.set(DURATION, found.times[1], "rtt")
    if found.ttl is not None:
        run.set(HOP_LIMIT, found.ttl)
    run.debug("Found matching reply packet")
    return True
