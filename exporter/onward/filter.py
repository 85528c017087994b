r"""Where in a protobuf message something personal or secret could be: one pass of RE2 over its bytes, as they came.

What it finds is looked at closely; what it does not find, no rule of the scrubber would change. So it leaves out what
the rules ask of a text's neighbours (`\b`, `^`, `$`), as what stands before a text is its length, which may look like a
letter; it takes the beginning of a match for the whole; and it takes a key wherever it stands.
"""

import re
from collections.abc import Iterator
from typing import Any

import re2

from exporter.config.application import Scrub
from exporter.ingest import scrub_rules
from exporter.ingest.scrub_keys import Keys, sensitive
from exporter.ingest.scrub_rules import Rule, options

WINDOW = 256 * 1024
"""Bytes that are searched at once: 0.5 ms."""
_OVERLAP = 36 * 1024
"""The scrubber looks at the first 8,192 characters of a text, of up to four bytes; its match is as long at most."""
_MANY, _COARSE = 1_000, 256
"""Places in a window from which on each stands for so many bytes: 16 MiB of @ are a minute's work else."""
_FEW = 64
_MEMORY = 16 << 20

# Rules that are longer or slower than what tells that they could match. All others are taken as they are.
_SIMPLER = {
    "pem": rb"-----BEGIN",
    "jwt": rb"eyJ[A-Za-z0-9_\-]{4}",
    "email": rb"(?:@|%40)[A-Za-z0-9\x80-\xff\-]+\.",
    "cookie": rb"(?i:cookie)",
    "userpath": rb"[\\/](?:home|Users|Documents and Settings)[\\/]",
}
_AUTH = rb"(?i:(?:bearer|basic|digest|negotiate)(?:[ \t]|\\))"
_IP = (rb"[0-9](?:\.[0-9]{1,3}){2}\.[0-9]", rb"::|(?:[0-9A-Fa-f]:[0-9A-Fa-f]{0,3}){7}")
_QUERY = rb"(?i:(?:otp|two[\-_]?factor|session|sid|sig|signature|x-amz-credential|x-amz-security-token)=)"
_GAP = rb"[\-_. ]*"
_STEMS = (
    rb"pass|secret|credential|mysql_pwd|pwd|token|auth|sess|csrf|xsrf|jwt|cookie|remember|"
    + _GAP.join((b"a", b"p", b"i", b"k", b"e", b"y"))
    + rb"|private"
    + _GAP.join((b"", b"k", b"e", b"y"))
)
_HIDDEN = (
    # A number of 43 bits or more, which a card's may be: the tag int_value, or the end of one written longer.
    rb"[\x00\x18][\x80-\xff]{6}",
    # Letters and signs of ASCII that JSON in a text need not have escaped; and what becomes such a letter in lower
    # case: Kelvin's K and the dotted I.
    rb"(?i:\\u(?:00[2-7]|212a|0130))",
    rb"\xe2\x84\xaa|\xc4\xb0",
)
_ANCHORS = re.compile(r"\\[AzbBQ]|[$^]|\(\?")


class Suspicious:
    """The places where the rules in force could find something."""

    def __init__(self, config: Scrub) -> None:
        rules = (*scrub_rules.ALWAYS, *scrub_rules.PERSONAL, *scrub_rules.chosen(config.rules))
        found = [_looser(rule) for rule in rules if rule.name != "ip"]
        found += [_AUTH, _QUERY, *_HIDDEN, _keys(config), *(_IP if "ip" in config.rules else ())]
        found += [re.escape(f"[{name}]").encode() for name in config.patterns]
        chosen = options()
        chosen.max_mem = _MEMORY
        self._pattern: Any = re2.compile(b"|".join(dict.fromkeys(found)), chosen)
        self._own = [_own(pattern) for pattern in config.patterns.values()]
        self._everything = any(_ANCHORS.search(pattern) for pattern in config.patterns.values())
        """One's own pattern that asks for the begin or the end of a text may match any."""

    def steps(self, data: bytes) -> Iterator[list[tuple[int, int]]]:
        """Where each of these places begins and ends, a window at a time."""
        for begin in range(0, len(data), WINDOW):
            stop = min(begin + WINDOW + _OVERLAP, len(data))
            if self._everything:
                yield [(begin, stop)]
                continue
            found = _places(self._pattern, data, begin, stop)
            for own in self._own:
                found += _places(own, data, begin, stop)
            yield found
            if stop == len(data):
                return

    def few(self, data: bytes) -> Iterator[list[tuple[int, int]] | None]:
        """The same while they are few and none is an IPv4 address; None, and no more, where they are not."""
        for begin in range(0, len(data), WINDOW):
            stop = min(begin + WINDOW + _OVERLAP, len(data))
            if self._everything:
                yield None
                return
            found: list[tuple[int, int]] = []
            for pattern in (self._pattern, *self._own):
                for match in pattern.finditer(data, begin, stop):
                    start, end = match.span()
                    if len(found) >= _FEW or data[start + 1 : start + 2] == b".":
                        yield None
                        return
                    found.append((start, end))
            yield found
            if stop == len(data):
                return

    def __contains__(self, data: bytes) -> bool:
        return any(self.steps(data))


def _places(pattern: Any, data: bytes, begin: int, stop: int) -> list[tuple[int, int]]:
    found = [one.span() for _, one in zip(range(_MANY), pattern.finditer(data, begin, stop), strict=False)]
    if len(found) == _MANY:
        at = found[-1][1]
        while at < stop and (one := pattern.search(data, at, stop)):
            start, end = one.span()
            at = max(end, min(start + _COARSE, stop))
            found.append((start, at))
    return found


def _looser(rule: Rule) -> bytes:
    """What matches in whatever surroundings when the rule does in its own."""
    return _SIMPLER.get(rule.name) or rule.pattern.replace(rb"\b", b"")


def _own(pattern: str) -> Any:
    """In UTF-8, as the scrubber applies it: what is no UTF-8 around a text matches nothing."""
    chosen = re2.Options()
    chosen.never_capture = True
    chosen.log_errors = False
    chosen.max_mem = _MEMORY
    return re2.compile(pattern.encode(), chosen)


def _own_key(key: str) -> bytes:
    """As it may stand in a message, and in JSON in a text of it."""
    return b"".join(map(_sign, key))


def _sign(sign: str) -> bytes:
    if not sign.isascii():
        return rb"(?:[\x80-\xff]|\\+u[0-9a-f]{4})+"  # in upper case too
    if not sign.isprintable():
        return rb"(?:[\x00-\x1f\x7f]|\\+[a-z0-9]{1,5})"
    return (rb"\\*" if sign in '"/\\' else b"") + re.escape(sign.encode())


def _keys(config: Scrub) -> bytes:
    """Keys whose values go."""
    words = [re.escape(word.encode()).replace(b"_", rb"[_\-]") for word in sensitive()]
    words += [_own_key(key) for key in Keys(config.keys, ()).own]
    return b"(?i:" + b"|".join((_STEMS, *words)) + b")"
