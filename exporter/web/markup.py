"""HTML by elements: a text becomes markup only by being escaped, so no input can be an element or an attribute."""

import re
from typing import Any

_ESCAPES = str.maketrans({"&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;", "'": "&#39;"})
_VOID = frozenset({"meta", "link"})
# Controls, and what turns or splits the line that it stands in (U+202E, U+2028), as a visible mark.
_UNSEEN = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028\u2029\u202a-\u202e\u2066-\u2069\ud800-\udfff]"
)


class Markup(str):
    """A text that is markup already."""

    __slots__ = ()


def escape(value: object) -> Markup:
    if isinstance(value, Markup):
        return value
    return Markup(_UNSEEN.sub("\N{REPLACEMENT CHARACTER}", str(value)).translate(_ESCAPES))


def tag(element: str, /, *children: object, **attributes: Any) -> Markup:
    """An element. Attributes: `class_` for class, `_` for `-`; None and False are left out, True has no value."""
    pairs = [
        f" {key.strip('_').replace('_', '-')}" + ("" if value is True else f'="{escape(value)}"')
        for key, value in attributes.items()
        if value is not None and value is not False
    ]
    opened = f"<{element}{''.join(pairs)}>"
    return Markup(opened if element in _VOID else f"{opened}{join(*children)}</{element}>")


def head(title: str, style: Markup, *more: Markup) -> Markup:
    """Of a page of ours."""
    return tag(
        "head",
        tag("meta", charset="utf-8"),
        tag("meta", name="viewport", content="width=device-width, initial-scale=1"),
        tag("meta", name="color-scheme", content="light dark"),
        *more,
        tag("title", title),
        tag("style", style),
    )


def join(*children: object) -> Markup:
    """One after the other; what is None or empty is left out."""
    return Markup("".join(escape(child) for child in children if child is not None and child != ""))
