"""Which addresses may a request send us to? Metadata services never, private ones where they are allowed."""

import ipaddress
from collections.abc import Sequence
from functools import lru_cache

from exporter.probe import Down
from exporter.probes import _http_redirect

Network = ipaddress.IPv4Network | ipaddress.IPv6Network
_NAT64 = ipaddress.ip_network("64:ff9b::/96")


class Forbidden(Exception):  # noqa: N818 - an answer
    """The address is not asked; the message is for whoever named it."""


class Access:
    """What `probe.allow` lets in beyond the public addresses: networks, addresses, and names wherever they lead."""

    __slots__ = ("_allowed", "_names", "_networks", "allow")

    def __init__(self, allow: Sequence[str] = ()) -> None:
        self.allow = tuple(allow)
        self._names = frozenset(_plain(entry) for entry in allow if network(entry) is None)
        self._networks = tuple(found for entry in allow if (found := network(entry)) is not None)
        self._allowed = lru_cache(maxsize=4096)(self._judge)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Access) and other.allow == self.allow

    def __hash__(self) -> int:
        return hash(self.allow)

    def check(self, host: str, address: str) -> None:
        """Whether `address`, which `host` stands for, may be connected to. Raises Forbidden."""
        problem = self._allowed(_plain(host), address)
        if problem:
            raise Forbidden(f"{host[:100]}: {problem}")

    def check_name(self, host: str) -> None:
        """The same where another, such as a proxy, resolves the name: of addresses in any form. Raises Forbidden."""
        for address in _http_redirect.literal(host):
            self.check(host, address)
        if _plain(host) == "localhost" or _plain(host).endswith(".localhost"):
            self.check(host, "127.0.0.1")

    def _judge(self, host: str, text: str) -> str:
        try:
            _http_redirect.check((text,), host)
        except Down:
            return "link-local and metadata addresses are not probed"
        address = _inner(text)
        if address.is_global or host in self._names or any(address in allowed for allowed in self._networks):
            return ""
        return "the address is private and not in probe.allow"


def network(entry: str) -> Network | None:
    """An entry of `allow` as a network; None when it is a name."""
    try:
        return ipaddress.ip_network(entry, strict=False)
    except ValueError:
        return None


def _inner(text: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address:
    """The address that is reached in the end: an IPv4 one may be inside an IPv6 one."""
    address = ipaddress.ip_address(text.partition("%")[0])
    if isinstance(address, ipaddress.IPv6Address):
        if address in _NAT64:
            return ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
        teredo = address.teredo
        return address.ipv4_mapped or address.sixtofour or (teredo[1] if teredo else address)
    return address


def _plain(host: str) -> str:
    return host.lower().removesuffix(".").strip("[]")
