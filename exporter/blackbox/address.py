"""The address of a target: resolved once, of the preferred family, checked, and what is connected to."""

import asyncio
import ipaddress
import time
from functools import lru_cache
from typing import Protocol

from exporter.blackbox.family import DNS_LOOKUP_TIME, IP_ADDR_HASH, IP_PROTOCOL
from exporter.blackbox.run import Failed, Run
from exporter.blackbox.tls_settings import IPProtocol
from exporter.probes import _lookup


class Preference(Protocol):
    """What every prober's settings have."""

    @property
    def preferred_ip_protocol(self) -> IPProtocol: ...
    @property
    def ip_protocol_fallback(self) -> bool: ...


async def choose(run: Run, host: str, preference: Preference) -> str:
    """The address to connect to; sets probe_ip_protocol, probe_ip_addr_hash and probe_dns_lookup_time_seconds.

    Raises Failed when there is none, TimeoutError at the deadline, Forbidden when it is not to be asked.
    """
    run.register(IP_PROTOCOL, DNS_LOOKUP_TIME, IP_ADDR_HASH)
    protocol = preference.preferred_ip_protocol or "ip6"
    run.debug("Resolving target address", target=host, ip_protocol=protocol)
    began = time.monotonic()
    try:
        address = _pick(await resolve(run, host), protocol, fallback=preference.ip_protocol_fallback)
    finally:
        run.set(DNS_LOOKUP_TIME, time.monotonic() - began)
    if address is None:
        raise Failed("Resolution with IP protocol failed", target=host, ip_protocol=protocol, err="no address")
    run.access.check(host, address)
    protocol_number, hashed = _facts(address)
    run.set(IP_PROTOCOL, protocol_number)
    run.set(IP_ADDR_HASH, hashed)
    run.debug("Resolved target address", target=host, ip=address)
    return address


async def resolve(run: Run, host: str) -> tuple[str, ...]:
    """All of a name's addresses, unchecked. Raises Failed, and TimeoutError at the deadline."""
    if _lookup.is_address(host):
        mapped = host.lower().startswith("::") and getattr(ipaddress.ip_address(host), "ipv4_mapped", None)
        return (str(mapped or host),)
    try:
        async with asyncio.timeout_at(run.deadline):
            return await _lookup.addresses(host)
    except TimeoutError:
        raise
    except (OSError, UnicodeError) as error:  # gaierror; a label of more than 63 letters, an empty one
        said = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
        raise Failed("Resolution with IP protocol failed", target=host, err=said) from None


def source(text: str) -> tuple[str, int] | None:
    """`source_ip_address` for create_connection; None when it is not set. Raises Failed."""
    if not text:
        return None
    if not _lookup.is_address(text):
        raise Failed("Error parsing source ip address", srcIP=text)
    return text, 0


def _pick(addresses: tuple[str, ...], protocol: str, *, fallback: bool) -> str | None:
    """The first of the family; with a fallback the last of the other one, as blackbox has it."""
    for address in addresses:
        if (":" in address) == (protocol == "ip6"):
            return address
    return addresses[-1] if fallback and addresses else None


@lru_cache(maxsize=4096)
def _facts(address: str) -> tuple[float, float]:
    """4 or 6, and the FNV-1a hash (32 bits) of its bytes; an IPv4 address within an IPv6 one counts as the former."""
    parsed = ipaddress.ip_address(address.partition("%")[0])
    if isinstance(parsed, ipaddress.IPv6Address) and parsed.ipv4_mapped:
        parsed = parsed.ipv4_mapped
    hashed = 0x811C9DC5
    for byte in parsed.packed:
        hashed = (hashed ^ byte) * 0x01000193 & 0xFFFFFFFF
    return float(parsed.version), float(hashed)
