"""What is personal or secret by its look, wherever it stands: RE2 over bytes, so that no text takes long."""

import ipaddress
import re
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import re2
from msgspec import Struct

FILTERED = b"[Filtered]"
Take = Callable[[bytes, int, int], bytes | None]
"""What stands in place of data[start:end]; None: it stays."""


class Rule(Struct, frozen=True):
    """What matches, less what a closer look lets pass, becomes something else. No match holds a NUL."""

    name: str
    pattern: bytes
    """RE2's syntax over Latin-1, whose automata are a hundredth of UTF-8's: 25 steps instead of 5,000 for an address of
    mail. What is not ASCII is \\x80-\\xff."""
    take: Take


def always(marker: bytes) -> Take:
    """Every match goes."""
    return lambda _data, _start, _end: marker


def compiled(pattern: bytes) -> Any:
    return re2.compile(pattern, options())


def options() -> Any:
    """Of patterns that say where they match, not what their groups hold: that takes 30 times as long."""
    chosen = re2.Options()
    chosen.encoding = re2.Options.Encoding.LATIN1
    chosen.never_capture = True
    chosen.log_errors = False
    return chosen


def _email(data: bytes, start: int, end: int) -> bytes | None:
    """All but logo@2x.png and main@1.4.js."""
    return None if data[start:end].rsplit(b".", 1)[-1].lower() in _FILES else b"[email]"


_FILES = frozenset(b"png jpg jpeg gif svg webp ico css js mjs cjs ts tsx jsx map html py rb php java".split())


def _credentials(data: bytes, start: int, end: int) -> bytes | None:
    parts = data[start:end].split(b"://")
    changed = [parts[0], *(_without_user(part) for part in parts[1:])]
    return None if changed == parts else b"://".join(changed)


def _without_user(part: bytes) -> bytes:
    """What follows `://`, without user and password, though the password holds / ? # or @ that nobody escaped."""
    authority = re.split(rb"[/?#]", part, maxsplit=1)[0]
    user, at, host = authority.rpartition(b"@")
    if at and (b"@" not in part[len(authority) :] or b"." in host or b":" in host or host == b"localhost"):
        return part if user == b"[auth]" else b"[auth]@" + part[len(user) + 1 :]
    first, colon, rest = authority.partition(b":")
    if b"@" not in part or not (at or (colon and not rest.isdigit() and not first.startswith(b"["))):
        return part  # the @ is in the path: https://shop.example:8080/@bob
    return b"[auth]@" + part.rpartition(b"@")[2]


def _bearer(data: bytes, start: int, end: int) -> bytes | None:
    """Not `basic understanding`, nor `Bearer token`."""
    scheme, token = data[start:end].split(None, 1)
    return None if token.isalpha() and (token.islower() or token.istitle()) else scheme + b" " + FILTERED


def _cookie(data: bytes, start: int, end: int) -> bytes | None:
    head, sep, value = data[start:end].partition(b":")
    quoted = value.lstrip(b" \t")
    quote = quoted[:1] if quoted[:1] in (b'"', b"'") else b""
    if quoted[len(quote) :].startswith(FILTERED):
        return None
    return head + sep + value[: len(value) - len(quoted)] + quote + FILTERED


def _iban(data: bytes, start: int, end: int) -> bytes | None:
    """By each country's length, of https://www.swift.com/standards/data-standards/iban."""
    found = data[start:end]
    wanted = _IBAN.get(found[:2])
    if wanted is None:
        return None
    if b" " not in found:
        return b"[iban]" if len(found) == wanted else None
    seen = 0
    for index, each in enumerate(found):
        seen += each != 0x20
        if seen == wanted and found[index + 1 : index + 2] in (b"", b" "):
            return b"[iban]" + found[index + 1 :]
    return None


_IBAN = {
    pair[:2]: int(pair[2:])
    for pair in (
        b"AD24 AE23 AL28 AT20 AZ28 BA20 BE16 BG22 BH22 BI27 BR29 BY28 CH21 CR22 CY28 CZ24 DE22 DJ27 DK18 DO28 EE20 "
        b"EG29 ES24 FI18 FK18 FO18 FR27 GB22 GE22 GI23 GL18 GR27 GT28 HN28 HR21 HU28 IE22 IL23 IQ23 IS26 IT27 JO30 "
        b"KW30 KZ20 LB28 LC32 LI21 LT20 LU20 LV21 LY25 MC27 MD24 ME22 MK19 MN20 MR27 MT31 MU30 NI28 NL18 NO15 OM23 "
        b"PK24 PL28 PS29 PT25 QA29 RO24 RS22 RU33 SA24 SC31 SD18 SE24 SI19 SK24 SM27 SO23 ST25 SV28 TL23 TN24 TR26 "
        b"UA29 VA22 VG24 XK20 YE30"
    ).split()
}


_AMEX, _USUAL = 15, 16


def _card(data: bytes, start: int, end: int) -> bytes | None:
    """Sixteen digits and American Express's fifteen as they are; other lengths by their check digit (ISO/IEC 7812)."""
    if start and data[start - 1] == 0x2E:
        return None  # 0.4571234567890111
    digits = [each - 48 for each in data[start:end] if 48 <= each <= 57]
    if len(digits) == _AMEX:  # a telephone's IMEI has 15 too, and begins with 35
        return b"[card]" if data[start : start + 2] in (b"34", b"37") else None
    if len(digits) == _USUAL:
        return b"[card]"
    doubled = sum(sum(divmod(2 * each, 10)) for each in digits[-2::-2])
    return b"[card]" if (doubled + sum(digits[-1::-2])) % 10 == 0 else None


def _ssn(data: bytes, start: int, end: int) -> bytes | None:
    return None if b"-" in (data[start - 1 : start] if start else b"", data[end : end + 1]) else b"[ssn]"


def _ip4(data: bytes, start: int, end: int) -> bytes | None:
    """Four numbers below 256, and no more of them: 1.3.6.1.4 is none."""
    if (start and data[start - 1] == 0x2E) or (data[end : end + 1] == b"." and data[end + 1 : end + 2].isdigit()):
        return None
    return b"[ip]" if all(int(part) < 256 for part in data[start:end].split(b".")) else None


def _ip6(data: bytes, start: int, end: int) -> bytes | None:
    around = (data[start - 1 : start] if start else b"") + data[end : end + 1]
    if any(chr(each).isalnum() or each in b":_" or each > 0x7F for each in around):
        return None  # std::vec, Foo::Bar
    if not any(0x30 <= each <= 0x39 for each in data[start:end]):
        return None  # a::b
    try:
        ipaddress.IPv6Address(data[start:end].decode("ascii"))
    except ValueError:
        return None
    return b"[ip]"


def _userpath(data: bytes, start: int, end: int) -> bytes | None:
    """The name alone; not the path of a URL, whose host stands before it, nor a route's {name}."""
    if start and chr(data[start - 1]).isalnum() and data[start] != 0x3A and data[start + 1 : start + 2] != b":":
        return None
    found = data[start:end]
    tail = found[len(found.rstrip(b"\\/")) :]
    name = re.split(rb"[\\/]", found[: len(found) - len(tail)])[-1]
    if name[:1] in (b"{", b"(", b"["):
        return None
    return found[: len(found) - len(tail) - len(name)] + b"[user]" + tail


_BLANK = rb"[ \t]*"
_NAME = rb"[^\\/\x00-\x20\"'<>:*?|,;)]+"
_LABEL = rb"[A-Za-z0-9\x80-\xff\-]+"
_HEX = rb"[0-9A-Fa-f]{1,4}"
_SPACED = rb"[^\\/\x00-\x1f\"'<>:*?|]{1,64}[\\/]+"
EMAIL = (
    rb"[^\x00-\x20\"'<>()\[\]{},;:\\@=&?/|][^\x00-\x20\"<>()\[\]{},;:\\@=&?/|]*(?:@|%40)(?:"
    + _LABEL
    + rb"\.)+(?:xn--[A-Za-z0-9\-]+|[A-Za-z\x80-\xff]{2,})"
)
ALWAYS = (
    Rule(
        "pem",
        rb"-----BEGIN [A-Z0-9 ]*PRIVATE KEY[A-Z ]*-----(?:[^\x00]*?-----END [A-Z0-9 ]*KEY[A-Z ]*-----|[^\x00]*)",
        always(b"[pem]"),
    ),
    Rule("jwt", rb"\beyJ[A-Za-z0-9_\-]{4,}(?:\.[A-Za-z0-9_\-]*){1,4}", always(b"[jwt]")),
    Rule(
        "key",  # AWS, GitHub, GitLab, Slack, Stripe, Google, SendGrid, npm, OpenAI: as their secret scanning knows them
        rb"\b(?:A(?:KIA|SIA|ROA|IDA|BIA|CCA|GPA|NPA|NVA|PKA)[A-Z0-9]{16}|gh[opsur]_[A-Za-z0-9]{30,}"
        rb"|github_pat_[A-Za-z0-9_]{22,}|glpat-[\w\-]{20,}|xox[a-z]-[A-Za-z0-9\-]{10,}|[rs]k_(?:live|test)_\w{10,}"
        rb"|AIza[\w\-]{35}|SG\.[\w\-]{16,}\.[\w\-]{16,}|npm_[A-Za-z0-9]{36}|sk-[A-Za-z0-9_\-]{20,})\b",
        always(b"[key]"),
    ),
    Rule("auth", rb"://[^\x00-\x20\"'<>]*@[^\x00-\x20\"'<>]*", _credentials),
    Rule("cookie", rb"(?i)\b(?:set-)?cookie[\"']?" + _BLANK + rb":" + _BLANK + rb"[\"']?[^\r\n\x00\"']+", _cookie),
)
BEARER = Rule("auth", rb"(?i)\b(?:bearer|basic|digest|negotiate)[ \t]+[A-Za-z0-9._~+/=\-]{4,}", _bearer)
"""After what names it: Authorization: Bearer …"""
PERSONAL = (
    Rule("email", EMAIL, _email),
    Rule("iban", rb"\b[A-Z]{2}[0-9]{2}(?:[A-Z0-9]{11,30}|(?: [A-Z0-9]{4}){2,7}(?: [A-Z0-9]{1,4})?)\b", _iban),
    Rule(
        "card",
        rb"\b(?:4[0-9]{3}|5[0-9]{3}|2[2-7][0-9]{2}|6[0-9]{3}|35[0-9]{2}|3[068][0-9]{2})"
        rb"(?:[ \-]?[0-9]{4}){2}[ \-]?[0-9]{1,7}\b|\b3[47][0-9]{2}[ \-]?[0-9]{6}[ \-]?[0-9]{5}\b",
        _card,
    ),
    Rule("ssn", rb"\b[0-9]{3}-[0-9]{2}-[0-9]{4}\b", _ssn),
)
CHOSEN = {
    "userpath": (
        Rule(
            "userpath",
            rb"[A-Za-z]:[\\/]+(?:Users|Documents and Settings)[\\/]+(?:" + _SPACED + rb"|" + _NAME + rb")"
            rb"|[\\/]+(?:home|Users)[\\/]+" + _NAME,
            _userpath,
        ),
    ),
    "mac": (Rule("mac", rb"\b[0-9A-Fa-f]{2}(?:(?::[0-9A-Fa-f]{2}){5}|(?:-[0-9A-Fa-f]{2}){5})\b", always(b"[mac]")),),
    "imei": (Rule("imei", rb"\b[0-9]{2}-?[0-9]{6}-?[0-9]{6}-?[0-9]{1,2}\b", always(b"[imei]")),),
    "uuid": (Rule("uuid", rb"\b[0-9A-Fa-f]{8}(?:-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}\b", always(b"[uuid]")),),
    "ip": (
        Rule(
            "ip",
            rb"(?:" + _HEX + rb":){7}" + _HEX + rb"|(?:" + _HEX + rb"(?::" + _HEX + rb"){0,6})?::"
            rb"(?:" + _HEX + rb"(?::" + _HEX + rb"){0,6})?(?:[:.][0-9.]+)?",
            _ip6,
        ),
        Rule("ip", rb"\b[0-9]{1,3}(?:\.[0-9]{1,3}){3}\b", _ip4),
    ),
}


def chosen(names: Sequence[str]) -> Iterator[Rule]:
    """Those of these names, the longer before what could be a part of it."""
    return (rule for name, rules in CHOSEN.items() if name in names for rule in rules)
