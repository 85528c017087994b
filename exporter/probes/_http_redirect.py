"""Where may a response send us, and what do we take along?"""

import ipaddress
import socket

from exporter.probe import Down
from exporter.probes._http_request import Target, target

MOST = 10
STATUSES = frozenset({301, 302, 303, 307, 308})

# Link-local, where clouds keep their metadata and credentials, and the metadata addresses that are elsewhere:
# Azure's wire server, Alibaba's, Amazon's by IPv6, Oracle's by 192.0.0.192; and what is no host's address.
_FORBIDDEN = [
    ipaddress.ip_network(text)
    for text in (
        "169.254.0.0/16",
        "fe80::/10",
        "168.63.129.16/32",
        "100.100.100.200/32",
        "192.0.0.192/32",
        "fd00:ec2::/32",
        "0.0.0.0/8",
        "::/128",
        "224.0.0.0/3",
        "ff00::/8",
    )
]
_NAT64 = ipaddress.ip_network("64:ff9b::/96")


def follow(location: str, base: Target, redirects: int) -> Target:
    """Where it leads. Raises Down; credentials in the location are dropped."""
    if redirects > MOST:
        raise Down("redirect", f"{base.where}: more than {MOST} redirects")
    try:
        return target(location, base=base.url)
    except ValueError as error:
        raise Down("redirect", f"{base.where} redirects to what is not followed: {error}") from None


def method_after(asked: str, status: int) -> str:
    """The method after a redirect (RFC 9110, 15.4): as browsers do, POST becomes GET unless 307 or 308 forbid it."""
    if (status == 303 and asked != "HEAD") or (status in {301, 302} and asked == "POST"):
        return "GET"
    return asked


def check(addresses: tuple[str, ...], where: str) -> None:
    """Refuse a target of a redirect by its addresses: those that will be connected to, so no name server can cheat."""
    for address in addresses:
        if _forbidden(address):
            raise Down("forbidden_address", f"a redirect leads to {where}, whose address {address} is not asked")


def literal(host: str) -> tuple[str, ...]:
    """The address that a host is in any of the forms a resolver takes, such as 0xa9fea9fe; empty for a name."""
    try:
        return (socket.inet_ntoa(socket.inet_aton(host)),)
    except (OSError, ValueError):
        return (host,) if ":" in host else ()


def _forbidden(text: str) -> bool:
    address = ipaddress.ip_address(text.partition("%")[0])
    if isinstance(address, ipaddress.IPv6Address):
        inner = address.ipv4_mapped or address.sixtofour
        if address in _NAT64:
            inner = ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
        if inner is not None:
            address = inner
    return any(address in network for network in _FORBIDDEN)
