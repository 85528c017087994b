"""What a client needs to know of a back end, and its certificates, read anew with each connection after a failure."""

import base64
import binascii
import re
import ssl
from collections.abc import Mapping
from pathlib import Path
from typing import Literal, NamedTuple, Protocol

from exporter.forward.ports import Signal
from exporter.values import Secret


class Peer(Protocol):
    """A back end, as targets are."""

    @property
    def endpoint(self) -> str:
        """Its URL; for HTTP with the path."""
        ...

    @property
    def signal(self) -> Signal: ...
    @property
    def headers(self) -> Mapping[str, Secret]: ...
    @property
    def timeout(self) -> float:
        """Seconds that a request may take in all."""
        ...

    @property
    def compression(self) -> Literal["gzip", "zstd", "none"]: ...
    @property
    def ca_file(self) -> str | None: ...
    @property
    def cert_file(self) -> str | None: ...
    @property
    def key_file(self) -> str | None: ...


class Pem(NamedTuple):
    """Contents of the three files."""

    authorities: bytes | None
    key: bytes | None
    certificate: bytes | None


def pem(peer: Peer) -> Pem:
    """Blocks. Raises OSError that names the file."""
    found = (Path(path).read_bytes() if path else None for path in (peer.ca_file, peer.key_file, peer.cert_file))
    return Pem(*found)


def context(peer: Peer) -> ssl.SSLContext:
    """Blocks: the system's authorities alone are 20 ms. Raises OSError, of which ssl.SSLError is one."""
    pem(peer)  # ssl does not say which of the files is missing
    made = ssl.create_default_context(cafile=peer.ca_file)
    if peer.cert_file:
        made.load_cert_chain(peer.cert_file, peer.key_file)
    return made


def hidden(peer: Peer) -> tuple[Secret, ...]:
    """What a back end may repeat of the headers it was sent, the password in basic authentication among it."""
    found = []
    for value in peer.headers.values():
        scheme, _, rest = value.reveal().partition(" ")
        found.append(value)
        if scheme.lower() == "basic":
            try:
                text = base64.b64decode(rest, validate=True).decode()
            except (binascii.Error, UnicodeDecodeError):
                continue
            found += [Secret(text), Secret(text.partition(":")[2])]
    return tuple(found)


def unfit(headers: Mapping[str, Secret], names: re.Pattern[str], *, ascii_only: bool = False) -> str:
    """What is wrong with the first of them that can't be sent; empty when all can."""
    for name, value in headers.items():
        text = value.reveal().strip()
        if not names.fullmatch(name.lower()) or not text.isprintable() or (ascii_only and not text.isascii()):
            return f"the header {name[:60]!r} can't be sent: a sign in its name or its value is not allowed"
    return ""
