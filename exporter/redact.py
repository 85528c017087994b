"""Takes a probe's own secrets out of a text: servers quote what they are sent, and that goes into messages."""

import re
from collections.abc import Iterator, Mapping
from contextlib import suppress
from typing import Any
from urllib.parse import unquote

from msgspec import Struct

from exporter.values import Secret

SHORTEST = 5
"""Characters; what is shorter occurs in any text."""
LONGEST = 4096
"""Characters; in a longer text no words are looked for."""
DEEPEST = 10
_NAMED = re.compile(r"(?i)pass(?:word|wd)?=([^&\s]+)")
_CREDENTIALS = re.compile(r"://([^/?#\s]*)@")


def redacted(text: str, value: Struct) -> str:
    """The text with [REDACTED] in place of what the Secrets in a struct hold, whole or by the word."""
    for word in _words(value):
        text = text.replace(word, "[REDACTED]")
    return text


def redact(error: BaseException, value: Struct) -> None:
    """The same for what an exception says, and those behind it: its traceback goes into the log."""
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


def _words_of(secret: Secret) -> set[str]:
    text = secret.reveal()
    if len(text) > LONGEST:
        return {text}
    passwords = [found[1] for found in _NAMED.finditer(text)]
    if credentials := _CREDENTIALS.search(text):
        passwords.append(credentials[1].partition(":")[2])
    elif "://" not in text:
        passwords += text.split()
    # Of a URL only what gives access: its host and path are what a message is about.
    return {text, *passwords, *map(unquote, passwords)}


def _words(value: Struct) -> list[str]:
    """The longest first, so that none is left that another began."""
    found = {word for secret in _secrets(value) for word in _words_of(secret) if len(word) >= SHORTEST}
    return sorted(found, key=len, reverse=True)


def _secrets(value: Any) -> Iterator[Secret]:
    if isinstance(value, Secret):
        yield value
    elif isinstance(value, Struct):
        for name in value.__struct_fields__:
            yield from _secrets(getattr(value, name))
    elif isinstance(value, Mapping):
        for each in value.values():
            yield from _secrets(each)
    elif isinstance(value, tuple | list):
        for each in value:
            yield from _secrets(each)
