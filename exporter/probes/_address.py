"""Where to connect, as people write it: host:port, [::1]:port, and host alone for a kind with a port of its own."""

import re

_ADDRESS = re.compile(
    r"(?:\[(?P<bracketed>[0-9A-Fa-f:.]+(?:%[\w.-]+)?)\]|(?P<host>[^\s:/@\[\]]+))(?::(?P<port>[0-9]{1,5}))?"
)
_BARE = re.compile(r"[0-9A-Fa-f:]*:[0-9A-Fa-f:.]*:[0-9A-Fa-f:.]*(?:%[\w.-]+)?")


def parse(address: str, port: int = 0) -> tuple[str, int]:
    """Host and port; `port` is that of an address without one. Raises ValueError, which doesn't show the address."""
    if port and _BARE.fullmatch(address):  # an IPv6 address has no port without its brackets
        return address, port
    match = _ADDRESS.fullmatch(address)
    found = int(match["port"] or port) if match is not None else 0
    if match is None or not 0 < found < 65536:
        raise ValueError("expected host or host:port" if port else "expected host:port")
    return match["bracketed"] or match["host"], found


def joined(host: str, port: int) -> str:
    """Both in one text, as `parse` takes it."""
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
