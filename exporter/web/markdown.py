"""Markdown of our own pages as HTML, with blocks of code that one click selects whole."""

import re
from collections.abc import Collection, Mapping, MutableMapping, Sequence
from typing import Any

from exporter.web.markup import Markup, join, tag

_PAGE = re.compile(r"([A-Za-z0-9_-]+)\.md")
_WORD = re.compile(r"\b[A-Z][A-Za-z0-9]+\b")
_ELSEWHERE = ("https://", "http://", "/", "#")


def rendered(text: str, names: Collection[str] = ()) -> Markup:
    """HTML that is in it stays text. A link to another page beside it loses its .md; one that leads nowhere goes.

    Of `names`, pages beside it, each that stands in the text leads there.
    """
    # Here, because it takes 40 ms, and a daemon may live without anybody reading a runbook.
    from markdown_it import MarkdownIt  # noqa: PLC0415

    reader = MarkdownIt("commonmark", {"html": False}).enable("table")
    reader.add_render_rule("fence", _fence)
    reader.add_render_rule("text", _text)
    tokens = reader.parse(text)
    for token in tokens:
        for child in token.children or ():
            if child.type == "link_open":
                _lead(child.attrs)
    return Markup(reader.renderer.render(tokens, reader.options, {"names": names}))


def _lead(attributes: MutableMapping[str, Any]) -> None:
    href = str(attributes.pop("href", ""))
    if page := _PAGE.fullmatch(href):
        attributes["href"] = page[1]
    elif href.startswith(_ELSEWHERE):
        attributes["href"] = href
        attributes["rel"] = "noreferrer noopener"


def _text(_: object, tokens: Sequence[Any], place: int, __: object, known: Mapping[str, Collection[str]]) -> Markup:
    said = str(tokens[place].content)
    depth = sum({"link_open": 1, "link_close": -1}.get(token.type, 0) for token in tokens[:place])
    parts, at = [], 0
    for word in _WORD.finditer(said):
        if not depth and word[0] in known["names"]:
            parts += [said[at : word.start()], tag("a", word[0], href=word[0])]
            at = word.end()
    return join(*parts, said[at:])


def _fence(_: object, tokens: Sequence[Any], place: int, *__: object) -> Markup:
    language = tokens[place].info.strip()
    code = tag("pre", tag("code", tokens[place].content.rstrip("\n")), tabindex="0")
    return tag("figure", tag("figcaption", language) if language else None, code, class_="code")
