"""A response's body, decompressed within a limit as it comes."""

import importlib
from functools import cache
from typing import Any, Protocol

from isal import isal_zlib

from exporter.probe import Down

# A gzip stream may consist of many; without a bound 1 MiB of empty ones costs as much as a bomb.
MEMBERS = 100
# Those of IANA's registry of content codings, and what is older.
_REGISTERED = {"aes128gcm", "br", "compress", "dcb", "dcz", "exi", "pack200-gzip", "x-compress", "zstd"}
_CORRUPT: type[Exception] = vars(isal_zlib)["error"]  # whose type is missing in isal's stubs


class Body:
    """What came of it. `keep` is false when nobody is going to look at the text: then it is only measured."""

    __slots__ = ("_chunks", "_decoder", "_limit", "_where", "size")

    def __init__(self, encoding: str, limit: int, where: str, *, keep: bool) -> None:
        self.size = 0
        """Bytes so far, decompressed."""
        self._limit = limit
        self._where = where
        self._chunks: list[bytes] | None = [] if keep else None
        self._decoder = _decoder(encoding, where) if encoding else None

    def feed(self, data: bytes) -> None:
        """Take bytes from the wire. Raises Down."""
        if self._decoder is None:
            self._take(data)
            return
        try:
            while data:
                text, data = self._decoder.decode(data, self._limit + 1 - self.size)
                self._take(text)
        except (_CORRUPT, ValueError) as error:
            raise Down("encoding", f"{self._where}: {error}"[:200]) from None

    def end(self) -> bytes:
        """All of it, if it was kept. Raises Down."""
        if self._decoder is not None and not self._decoder.ended:
            raise Down("encoding", f"{self._where}: the compressed body ends before its end")
        return b"".join(self._chunks or ())

    def _take(self, text: bytes) -> None:
        self.size += len(text)
        if self.size > self._limit:
            raise Down("body_too_large", f"{self._where}: the body is larger than {self._limit} bytes")
        if self._chunks is not None:
            self._chunks.append(text)


def encodings() -> str:
    """Those that can be decoded here, as Accept-Encoding lists them."""
    return "gzip, deflate, br" if _brotli() else "gzip, deflate"


class _Decoder(Protocol):
    @property
    def ended(self) -> bool: ...
    def decode(self, data: bytes, most: int) -> tuple[bytes, bytes]:
        """At most that many bytes of text, and the input that is left."""


def _decoder(encoding: str, where: str) -> _Decoder | None:
    match encoding.strip().lower():
        case "" | "identity":
            return None
        case "gzip" | "x-gzip":
            return _Inflate(31)
        case "deflate":
            return _Inflate(0)
        case "br" if brotli := _brotli():
            return _Brotli(brotli.Decompressor(), brotli.error)
    known = encoding.strip().lower()
    shown = known if known in _REGISTERED else "of the body"  # what is no encoding may be what we sent
    raise Down("encoding", f"{where}: the encoding {shown} was not asked for")


class _Inflate:
    """gzip, or what servers call deflate: by RFC 9110 zlib's format, by some servers' misreading none at all."""

    def __init__(self, bits: int) -> None:
        self._bits = bits
        self._members = 0
        self._stream: Any = None

    @property
    def ended(self) -> bool:
        return self._stream is None or bool(self._stream.eof)

    def decode(self, data: bytes, most: int) -> tuple[bytes, bytes]:
        if self._stream is None or self._stream.eof:
            self._begin(data)
        text = self._stream.decompress(data, most)
        return text, self._stream.unused_data if self._stream.eof else self._stream.unconsumed_tail

    def _begin(self, data: bytes) -> None:
        self._members += 1
        if self._members > (MEMBERS if self._bits == 31 else 1):
            raise ValueError("data after the end of the compressed body")
        if self._bits == 0:
            self._bits = 15 if data[0] & 15 == 8 else -15  # 8 is the only method of RFC 1950; raw blocks seldom look so
        self._stream = isal_zlib.decompressobj(self._bits)


class _Brotli:
    def __init__(self, stream: Any, error: type[Exception]) -> None:
        self._stream = stream
        self._error = error

    @property
    def ended(self) -> bool:
        return bool(self._stream.is_finished())

    def decode(self, data: bytes, most: int) -> tuple[bytes, bytes]:
        try:
            text = self._stream.process(data, output_buffer_limit=most)
            while not self._stream.can_accept_more_data() and len(text) < most:
                text += self._stream.process(b"", output_buffer_limit=most - len(text))
        except self._error:
            raise ValueError("corrupt brotli stream") from None
        return text, b""


@cache
def _brotli() -> Any:
    """The module, if it is installed and can stop at a limit, which it can from 1.2 on."""
    try:
        brotli = importlib.import_module("brotli")
    except ImportError:
        return None
    return brotli if hasattr(brotli.Decompressor, "can_accept_more_data") else None
