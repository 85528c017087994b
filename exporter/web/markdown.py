"""Markdown of our own pages as HTML, with blocks of code that one click selects whole."""

import re
from collections.abc import MutableMapping, Sequence
from typing import Any

from exporter.web.markup import Markup, tag

_PAGE = re.compile(r"([A-Za-z0-9_-]+)\.md")
_ELSEWHERE = ("https://", "http://", "/", "#")


def rendered(text: str) -> Markup:
    """HTML that is in it stays text. A link to another page beside it loses its .md; one that leads nowhere goes."""
    # Here, because it takes 40 ms, and a daemon may live without anybody reading a runbook.
    from markdown_it import MarkdownIt  # noqa: PLC0415

    reader = MarkdownIt("commonmark", {"html": False}).enable("table")
    reader.add_render_rule("fence", _fence)
    tokens = reader.parse(text)
    for token in tokens:
        for child in token.children or ():
            if child.type == "link_open":
                _lead(child.attrs)
    return Markup(reader.renderer.render(tokens, reader.options, {}))


def _lead(attributes: MutableMapping[str, Any]) -> None:
    href = str(attributes.pop("href", ""))
    if page := _PAGE.fullmatch(href):
        attributes["href"] = page[1]
    elif href.startswith(_ELSEWHERE):
        attributes["href"] = href
        attributes["rel"] = "noreferrer noopener"


def _fence(_: object, tokens: Sequence[Any], place: int, *__: object) -> Markup:
    language = tokens[place].info.strip()
    code = tag("pre", tag("code", tokens[place].content.rstrip("\n")), tabindex="0")
    return tag("figure", tag("figcaption", language) if language else None, code, class_="code")
