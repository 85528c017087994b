"""Secrets that a text names: password=…, "token": "…", Authorization: …, and sensitive values in query strings."""

import re
from collections.abc import Sequence

from exporter.ingest.scrub_keys import Keys
from exporter.ingest.scrub_rules import FILTERED, Rule

_STEMS = (
    rb"passw(?:or)?d|passphrase|secret|api[\-_. ]?key|private[\-_ ]?key|credential|mysql_pwd|token|auth|session_?id"
    rb"|csrf|xsrf|pgpass|pwd|jwt|two[\-_]?factor|otp"
)
_PART = rb"[\w.\-\[\]%\x80-\xff]*"
_QUOTED = (
    rb"\\+\"[^\"\x00]*\"?|\\+'[^'\x00]*'?"  # JSON or repr within a text of JSON: \"password\": \"…\"
    rb"|[bBrRuUfF]{0,2}(?:\"(?:[^\"\\\x00]|\\[^\x00])*\"?|'(?:[^'\\\x00]|\\[^\x00])*'?)"
)
# To white space; through & ; and , unless they lead to the next key, as in a=1,password=2,b=3. What ends it is matched
# too, and put back.
_BARE = (
    rb"(?:(?:bearer|basic|digest|negotiate|token|apikey|aws4-hmac-sha256)[ \t]+)?"
    rb"[^\x00-\x20&;,\"'=:>\\][^\x00-\x20&;,\"']*(?:[&;,]+[^\x00-\x20&;,\"'=:]*)*(?:[\x00-\x20&;,\"']|$)"
)
_GIVEN = rb"\\*[\"']?[ \t]*(?:=>|[=:])[ \t]*"
_QUERY = (
    rb"(?i)(?:[?&;\x00]|^)(?:otp|two[\-_]?factor|session|sid|sig|[\w\-]*signature|x-amz-(?:credential|security-token))"
    rb"=[^\x00-\x20&\"'<>;#]+"
)
_QUOTE = re.compile(rb"[bBrRuUfF]{0,2}\\{0,8}[\"']")
_AROUND = bytes(range(0x21)) + b"&;,\"'.)}]>"
_LONGEST = 200


def assigned(keys: Keys, *, quoted: bool) -> Rule:
    """`quoted`: in source code, where token = find() holds no secret and token = "…" does."""
    own = [re.escape(key.encode()) for key in keys.own if re.fullmatch(r"[\w.\- ]{1,200}", key)]
    stems = b"|".join((_STEMS, *own))
    value = _QUOTED if quoted else _QUOTED + b"|" + _BARE

    def take(data: bytes, start: int, end: int) -> bytes | None:
        return _taken(data[start:end], keys)

    return Rule("key", rb"(?i)" + _PART + rb"(?:" + stems + rb")" + _PART + _GIVEN + rb"(?:" + value + rb")", take)


def query() -> Rule:
    """Names that are too short for a text at large."""

    def take(data: bytes, start: int, end: int) -> bytes | None:
        name, _, value = data[start:end].partition(b"=")
        return None if value.startswith(FILTERED) else name + b"=" + FILTERED

    return Rule("key", _QUERY, take)


def _taken(found: bytes, keys: Keys) -> bytes | None:
    sign = _first(found, (b"=", b":"))
    key = found[:sign].rstrip(b" \t\\\"'")
    rest = found[sign + 1 :]
    value = rest.lstrip(b"> \t") if rest[:1] == b">" else rest.lstrip(b" \t")
    if len(value) < len(rest) and found[sign : sign + 2] == b"=>":
        sign += 1
    head = found[: len(found) - len(value)]
    opened = _QUOTE.match(value)
    told = opened is None and found[sign : sign + 1] == b":"
    text = value.rstrip(_AROUND).decode(errors="replace")
    if not keys.assigned(key[-_LONGEST:].decode(errors="replace"), text[:_LONGEST], told=told):
        return None
    return head + (_within(value, opened[0]) if opened else _bare(value)) if not _gone(value, opened) else None


def _first(found: bytes, signs: Sequence[bytes]) -> int:
    return min(at for sign in signs if (at := found.find(sign)) >= 0)


def _gone(value: bytes, opened: re.Match[bytes] | None) -> bool:
    inside = value[opened.end() :] if opened else value
    return (
        FILTERED in inside
        or inside.startswith(b"[withheld]")
        or (opened is not None and inside in (b"", opened[0][-1:]))
    )


def _within(value: bytes, opening: bytes) -> bytes:
    closing = opening.lstrip(b"bBrRuUfF")
    return opening + FILTERED + (closing if value.endswith(closing) and len(value) > len(opening) else b"")


def _bare(value: bytes) -> bytes:
    """What ends it stays, and brackets that close what stands around."""
    return FILTERED + value[len(value.rstrip(_AROUND)) :]
