"""Content-Encoding undone piece by piece, never more than was asked for: a small body may hold a large one."""

import importlib
import sys
from functools import cache
from typing import Any, Protocol

from isal import isal_zlib

# A gzip stream may consist of many; without a bound 1 MiB of empty ones costs as much as a bomb.
MEMBERS = 100
WINDOW_LOG = 23
"""Zstandard's window, as a power of two of bytes: what RFC 9659 allows in HTTP."""
CODINGS = ("gzip", "deflate", "br", "zstd")
"""Those that can be undone here, as Accept-Encoding names them."""
_CORRUPT: type[Exception] = vars(isal_zlib)["error"]  # whose type is missing in isal's stubs


class Unknown(LookupError):  # noqa: N818 - says the fact
    """No coding of that name is known here."""


class Decoder(Protocol):
    """Of one body."""

    @property
    def ended(self) -> bool: ...
    def decode(self, data: bytes, most: int) -> tuple[bytes, bytes]:
        """At most that many bytes of text, and the input that is left. Raises ValueError when it is corrupt."""


def decoder(coding: str) -> Decoder | None:
    """For a Content-Encoding; None where there is nothing to undo. Raises Unknown."""
    match coding.strip().lower():
        case "" | "identity":
            return None
        case "gzip" | "x-gzip":
            return _Inflate(31)
        case "deflate":
            return _Inflate(0)
        case "br":
            return _Brotli()
        case "zstd":
            return _Zstd()
    raise Unknown(coding)


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
        try:
            text = self._stream.decompress(data, most)
        except _CORRUPT as error:
            raise ValueError(str(error)) from None
        return text, self._stream.unused_data if self._stream.eof else self._stream.unconsumed_tail

    def _begin(self, data: bytes) -> None:
        self._members += 1
        if self._members > (MEMBERS if self._bits == 31 else 1):
            raise ValueError("data after the end of the compressed body")
        if self._bits == 0:
            self._bits = 15 if data[0] & 15 == 8 else -15  # 8 is the only method of RFC 1950; raw blocks seldom look so
        self._stream = isal_zlib.decompressobj(self._bits)


class _Brotli:
    def __init__(self) -> None:
        brotli: Any = importlib.import_module("brotli")
        self._stream = brotli.Decompressor()
        self._error: type[Exception] = brotli.error

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


class _Zstd:
    def __init__(self) -> None:
        library = zstd()
        limits = {library.DecompressionParameter.window_log_max: WINDOW_LOG}
        self._stream = library.ZstdDecompressor(options=limits)
        self._error: type[Exception] = library.ZstdError

    @property
    def ended(self) -> bool:
        return bool(self._stream.eof)

    def decode(self, data: bytes, most: int) -> tuple[bytes, bytes]:
        if self._stream.eof:
            raise ValueError("data after the end of the compressed body")
        try:
            text = self._stream.decompress(data, most)
            while not self._stream.needs_input and not self._stream.eof and len(text) < most:
                text += self._stream.decompress(b"", most - len(text))
        except self._error:
            raise ValueError("corrupt zstd stream") from None
        return text, self._stream.unused_data if self._stream.eof else b""


@cache
def zstd() -> Any:
    """The standard library's since 3.14, and its backport before."""
    return importlib.import_module("compression.zstd" if sys.version_info >= (3, 14) else "backports.zstd")
