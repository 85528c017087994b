"""By what a place in a log is known again, in whatever file it is: hashes of its beginning and of what is before it.

Hashes, because the place is kept on disk, where nothing of what a log says belongs.
"""

from dataclasses import dataclass
from hashlib import blake2b
from typing import Any, Literal

HEAD = 1024
"""Bytes at the beginning of a file, and…"""
TAIL = 256
"""…bytes before the place, by which it is known."""
_STEPS = (64, 256, HEAD)

Relation = Literal["same", "short", "other"]


@dataclass(frozen=True, slots=True)
class Print:
    """A place: `offset` bytes into a log, which begins as `heads` say, and with `tail` just before it."""

    offset: int
    heads: tuple[str, ...]
    tail: str

    def begins(self, head: bytes) -> bool | None:
        """Whether a file that begins with `head` (its first HEAD bytes) is this log; None when that can't be said."""
        for step, expected in reversed(tuple(zip(_STEPS, self.heads, strict=False))):
            if len(head) >= step:
                return digest(head[:step]) == expected
        return None

    def follows(self, tail: bytes) -> bool:
        """Whether what a file has before `offset` (TAIL bytes, or all there are) is what this log has."""
        return digest(tail) == self.tail

    def as_list(self) -> list[Any]:
        return [self.offset, list(self.heads), self.tail]


def taken(offset: int, head: bytes, tail: bytes) -> Print:
    # A hole says nothing: every log that was truncated under a writer that does not append begins with one.
    heads = () if head.startswith(b"\0") else tuple(digest(head[:step]) for step in _STEPS if len(head) >= step)
    return Print(offset, heads, digest(tail))


def restored(kept: list[Any]) -> Print:
    """Raises ValueError or TypeError for what was not kept by `as_list`."""
    offset, heads, tail = kept
    return Print(int(offset), tuple(map(str, heads)), str(tail))


def relation(place: Print, head: bytes, size: int, tail: bytes) -> Relation:
    """What a file of `size` bytes, with `tail` before the place, is to the log that `place` is in.

    "short" is what begins like it and ends before the place: a copy that is being made, or was made before it.
    """
    begins = place.begins(head)
    if begins is False or (begins is None and not place.offset):
        return "other"
    if size < place.offset:
        return "short" if begins else "other"
    return "same" if place.follows(tail) else "other"


def digest(text: bytes) -> str:
    return blake2b(text, digest_size=12).hexdigest()
