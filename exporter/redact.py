"""Takes a probe's own secrets out of a text: servers quote what they are sent, and that goes into messages."""

import base64
import json
import re
from collections.abc import Iterator, Mapping
from contextlib import suppress
from typing import Any
from urllib.parse import quote, quote_plus, unquote

from msgspec import Struct

from exporter.values import Secret

SHORTEST = 5
"""Characters; what is shorter occurs in any text, and is taken out only of what a server said."""
CUT = 12
"""Characters of a word that stand for the whole: Redis cuts what it quotes."""
LONGEST = 4096
"""Characters of a secret in which words are looked for, and of what is looked for in other forms too."""
DEEPEST = 10
_SHOWN = "[REDACTED]"
_NAMED = re.compile(r"(?i)pass(?:word|wd)?=([^&\s]+)")
_CREDENTIALS = re.compile(r"://([^/?#\s]*)@")


def redacted(text: str, value: object) -> str:
    """The text with [REDACTED] in place of what the Secrets in a value hold, whole or by the word.

    However they are escaped; but not once they are cut: what a server said goes through `quoted` first.
    """
    found = sorted(_places(text, [word for word in _words(value) if len(word) >= SHORTEST]))
    return _without(text, found) if found else text


def quoted(said: str, value: object, longest: int = 160) -> str:
    """What a server said as one short line, without the Secrets in a value, even those of a few characters."""
    words = _words(value)
    found = list(_places(said, [word for word in words if len(word) >= SHORTEST]))
    short = "|".join(re.escape(word) for word in sorted(words, key=len, reverse=True) if len(word) < SHORTEST)
    if short:  # these only where they stand alone, or after an escape such as \n
        found += [match.span() for match in re.finditer(rf"(?i)(?:(?<!\w)|(?<=\\[nrt]))(?:{short})(?!\w)", said)]
    said = _without(said, sorted(found))[:longest]
    return said if said.isprintable() else "".join(c if c.isprintable() else " " for c in said)


def redact(error: BaseException, value: object) -> None:
    """The same as `redacted` for what an exception says, and those behind it."""
    for _ in range(DEEPEST):
        # Anyone's class, whose attributes may be anything.
        with suppress(AttributeError, TypeError):
            error.args = tuple(redacted(each, value) if isinstance(each, str) else each for each in error.args)
            if isinstance(error, OSError) and isinstance(error.strerror, str):  # it shows this, not its args
                error.strerror = redacted(error.strerror, value)
        behind = error.__cause__ or error.__context__
        if behind is None:
            return
        error = behind


def _places(text: str, words: list[str]) -> Iterator[tuple[int, int]]:
    """Where the words are in a text, in whatever case: host names lose theirs."""
    lower = text.lower()
    if len(lower) != len(text):
        lower = text
    for word in words:
        sought = word.lower() if lower is not text else word
        head = sought if "://" in word or len(word[:LONGEST].split()) > 1 else sought[:CUT]
        at = lower.find(head)
        while at >= 0:
            end = at + len(head)
            while end - at < len(sought) and lower[end : end + 1] == sought[end - at]:
                end += 1
            yield at, end
            at = lower.find(head, end)


def _without(text: str, found: list[tuple[int, int]]) -> str:
    parts, after = [], 0
    for at, end in found:
        if at >= after:
            parts += [text[after:at], _SHOWN]
        after = max(after, end)
    return "".join(parts) + text[after:]


def _words(value: object) -> set[str]:
    """All that a server can say of the secrets."""
    plain: set[str] = set()
    whole: set[str] = set()
    for secret in _secrets(value):
        text = secret.reveal()
        whole.add(text)
        plain.update(_words_of(text))
    encoded = {base64.b64encode(text[:LONGEST].encode(errors="replace")).decode().rstrip("=") for text in whole if text}
    return {form for word in plain | whole for form in _forms(word) if form} | encoded


def _words_of(text: str) -> Iterator[str]:
    text = text[:LONGEST]
    for found in _NAMED.finditer(text):
        yield from (found[1], unquote(found[1]))
    if credentials := _CREDENTIALS.search(text):
        password = credentials[1].partition(":")[2]
        yield from (password, unquote(password))
    elif "://" not in text:
        yield from (word for word in text.split() if len(word) >= SHORTEST or any(map(str.isalnum, word)))
    # Of a URL only what gives access: its host and path are what a message is about.


def _forms(word: str) -> set[str]:
    """It, and as URLs, JSON, Python and a wrong charset have it."""
    if len(word) > LONGEST or (word.isascii() and word.isalnum()):
        return {word}
    raw = word.encode(errors="replace")
    escaped = {json.dumps(word)[1:-1], json.dumps(word, ensure_ascii=False)[1:-1], repr(word)[1:-1], repr(raw)[2:-1]}
    escaped.add(word.replace("\\", r"\\").replace("'", r"\'"))
    return {word, quote(word, safe=""), quote_plus(word), raw.decode("latin-1"), *escaped}


def _secrets(value: Any) -> Iterator[Secret]:
    if isinstance(value, Secret):
        yield value
        credentials = _CREDENTIALS.search(value.reveal()[:LONGEST])
        if credentials and credentials[1].partition(":")[2]:
            yield Secret(unquote(credentials[1]))  # as basic authentication encodes them
    elif isinstance(value, Struct):
        for name in value.__struct_fields__:
            yield from _secrets(getattr(value, name))
        user, password = getattr(value, "username", None), getattr(value, "password", None)
        if isinstance(user, str) and isinstance(password, Secret) and password:
            yield Secret(f"{user}:{password.reveal()}")
    elif isinstance(value, Mapping):
        for each in value.values():
            yield from _secrets(each)
    elif isinstance(value, tuple | list):
        for each in value:
            yield from _secrets(each)
