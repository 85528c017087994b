"""How ids, times, texts and bodies are written, and read again."""

import base64
import binascii
import hashlib
import itertools
import secrets
from typing import Any

import msgspec

from exporter.ingest.values import SEVERITIES, Level, Occurrence, Severity
from exporter.store.compression import Dictionary, decompressed
from exporter.store.rows import State

LEVELS: tuple[Level, ...] = ("debug", "info", "warning", "error", "fatal")
STATUSES: tuple[State, ...] = ("unresolved", "resolved", "ignored")
_LATEST = (1 << 43) - 1
_LOW = (1 << 20) - 1
_HEXADECIMAL = frozenset("0123456789abcdef")
_counter = itertools.count(secrets.randbelow(_LOW))

Body = tuple[str, str, str, str, dict[str, Any]]
"""Transaction, user, trace id, message, detail."""


def binary(id_: str) -> bytes:
    """16 bytes of an id: those that it spells, else a hash."""
    if len(id_) == 32:
        try:
            return bytes.fromhex(id_)
        except ValueError:
            pass
    return hashlib.blake2b(id_.encode("utf-8", "replace"), digest_size=16).digest()


def short(id_: bytes) -> bytes:
    """8 bytes, for ids of which nothing else is kept; not the first, which in some forms of id are the time."""
    return hashlib.blake2b(id_, digest_size=8).digest()


def person(user: str) -> bytes:
    """8 bytes that tell one user from another."""
    return hashlib.blake2b(user.encode("utf-8", "replace"), digest_size=8).digest()


def key(at: float) -> int:
    """A key of that time that no other of this process has; one that another replica has is tried again."""
    return floor(at) | next(_counter) & _LOW


def floor(at: float) -> int:
    """No key of that time or later is smaller."""
    return min(int(number(at) * 1000), _LATEST) << 20


def time_of(key_: int) -> float:
    return (key_ >> 20) / 1000


def number(value: float) -> float:
    """A time that SQL can order: of NaN and infinities none."""
    return value if 0 <= value < 1e11 else 0.0


def text(value: str, most: int = 200) -> str:
    """As both databases take it: no NUL, no lone surrogate, of bounded length."""
    short = value[:most].replace("\x00", "")
    return short if short.isascii() else short.encode("utf-8", "replace").decode()


def trace(given: str) -> str:
    """A trace id as W3C has it, in lower case; empty where it is none."""
    id_ = given.lower()
    return id_ if len(id_) == 32 and _HEXADECIMAL.issuperset(id_) and id_.strip("0") else ""


def folded(*texts: str) -> str:
    """To look texts up in, whatever their case."""
    return "\n".join(text(one, 1000) for one in texts if one).casefold()


def like(wanted: str) -> str:
    """A pattern for LIKE ... ESCAPE '!' that finds it within a folded text."""
    return f"%{escaped(text(wanted, 200).casefold())}%"


def escaped(plain: str) -> str:
    return plain.replace("!", "!!").replace("%", "!%").replace("_", "!_")


def severity(value: int) -> Severity:
    return SEVERITIES[value]


def body(occurrence: Occurrence) -> bytes:
    message = occurrence.message or (occurrence.raised[-1].value if occurrence.raised else "")
    return encoded(
        (
            text(occurrence.transaction, 500),
            text(occurrence.user, 100),
            text(occurrence.trace_id, 64),
            text(message, 8192),
            occurrence.detail,
        )
    )


def encoded(value: Any) -> bytes:
    """JSON; what msgspec has no form for, as an integer of a thousand digits, as its text."""
    try:
        return msgspec.json.encode(value, enc_hook=str)
    except (ValueError, OverflowError, RecursionError, TypeError):
        return msgspec.json.encode(_plain(value, 64))


def _plain(value: Any, depth: int) -> Any:
    if depth == 0:
        return "…"
    if isinstance(value, dict):
        return {text(str(name), 1000): _plain(inner, depth - 1) for name, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(inner, depth - 1) for inner in value]
    if isinstance(value, str):
        return text(value, len(value))
    if value is None or isinstance(value, bool | float) or (isinstance(value, int) and value.bit_length() < 64):
        return value
    return f"{value!r:.1000}" if not isinstance(value, int) else "a number too large"


def opened(data: bytes, sample: Dictionary | None, form: Any = Any) -> Any:
    """What `encoded` made, compressed; None when it is damaged, which must not hide what it is listed with."""
    try:
        return msgspec.json.decode(decompressed(data, sample), type=form)
    except (ValueError, msgspec.DecodeError):
        return None


def cursor(sort: str, value: float, key_: int) -> str:
    return base64.urlsafe_b64encode(msgspec.json.encode([sort, value, key_])).decode().rstrip("=")


def position(given: str, sort: str) -> tuple[float, int] | None:
    """Where the page before ended. Raises ValueError for what `cursor` did not give."""
    if not given:
        return None
    try:
        data = base64.b64decode(given + "=" * (-len(given) % 4), altchars=b"-_", validate=True)
        of, value, key_ = msgspec.json.decode(data, type=tuple[str, float | int, int])
    except (msgspec.DecodeError, binascii.Error, UnicodeError, ValueError):
        raise ValueError("the cursor is not one of ours") from None
    if of != sort or not 0 <= key_ < 1 << 63 or not 0 <= value < 1 << 63:
        raise ValueError("the cursor is of another question")
    return value, key_
