"""Bodies made small: by Zstandard, and by what a body like it has said already."""

import importlib
import sys
from typing import Any

# The standard library's from Python 3.14 on, by the same author; in the package before.
_zstd: Any = importlib.import_module("compression.zstd" if sys.version_info >= (3, 14) else "backports.zstd")

LEVEL, ALIKE = 3, 1
"""Of what is like a sample level 3 finds no more than 1, and takes a third longer."""
LONGEST_SAMPLE = 128 * 1024


class Dictionary:
    """A body as a prefix: with one of its group, one of 6.6 kB takes 240 bytes and 20 µs instead of 2.7 kB and 37."""

    __slots__ = ("content", "length")

    def __init__(self, content: bytes) -> None:
        self.length = len(content)
        self.content = _zstd.ZstdDict(content, is_raw=True).as_prefix if len(content) >= 8 else None


def compressed(data: bytes, sample: Dictionary | None = None) -> bytes:
    like = sample and sample.content
    made: bytes = _zstd.compress(data, ALIKE if like else LEVEL, zstd_dict=like)
    return made


def decompressed(data: bytes, sample: Dictionary | None = None) -> bytes:
    """Raises ValueError for what is damaged."""
    try:
        made: bytes = _zstd.decompress(data, zstd_dict=sample and sample.content)
    except _zstd.ZstdError as error:
        raise ValueError(f"damaged: {error}") from None
    return made
