"""A response's body, decompressed within a limit as it comes."""

from exporter.decoding import CODINGS, Decoder, Unknown, decoder
from exporter.probe import Down

# Those of IANA's registry of content codings, and what is older.
_REGISTERED = {"aes128gcm", "br", "compress", "dcb", "dcz", "exi", "pack200-gzip", "x-compress", "zstd"}


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
        except ValueError as error:
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
    return ", ".join(CODINGS)


def _decoder(encoding: str, where: str) -> Decoder | None:
    try:
        return decoder(encoding)
    except Unknown:
        known = encoding.strip().lower()
        shown = known if known in _REGISTERED else "of the body"  # what is no encoding may be what we sent
        raise Down("encoding", f"{where}: the encoding {shown} was not asked for") from None
