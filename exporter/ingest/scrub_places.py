"""Texts and keys of a tree, and what is put in their places."""

from typing import Any

from exporter.ingest import scrub_known
from exporter.ingest.scrub_texts import WITHHELD, Book, Budget
from exporter.ingest.text import LONGEST

_OVERLAP = 256
"""Characters at the end of a text that was cut, which may be the first of what no pattern knows any more."""


class Texts:
    """Texts of a tree and the places where they stand."""

    __slots__ = ("add", "found")

    def __init__(self) -> None:
        self.found: list[tuple[str, Any, Any]] = []
        self.add = self.found.append

    def finish(self, book: Book, budget: Budget, harmless: scrub_known.Texts) -> None:
        """Put the scrubbed texts in their places, but for those that are known not to change."""
        known = harmless.known
        found = [one for one in self.found if one[0] not in known]
        if not found:
            return
        texts = [text for text, _, _ in found]
        if max(map(len, texts)) >= LONGEST:
            texts = [text[:LONGEST] for text in texts]
        scrubbed = book.scrub(texts, budget)
        if scrubbed is texts:
            scrubbed = [text for text, _, _ in found]
        for (old, into, key), new in zip(found, scrubbed, strict=True):
            if len(old) >= LONGEST:
                into[key] = new[: min(len(new), LONGEST) - _OVERLAP] + "…" if len(new) > _OVERLAP else new
            elif old is not new and old != new:
                into[key] = new
            else:
                harmless.learn(old)


def renamed(into: dict[str, Any], changed: dict[str, str]) -> dict[str, str]:
    """Keys in their places among the others; a second of the same name gets a number. What each is called now."""
    names: dict[str, str] = {}
    times: dict[str, int] = {}
    items = list(into.items())
    into.clear()
    for key, each in items:
        name = new = changed.get(key, key)
        if new == WITHHELD:
            into[WITHHELD] = WITHHELD
            names[key] = WITHHELD
            continue
        while name in into:
            times[new] = times.get(new, 1) + 1
            name = f"{new} {times[new]}"
        into[name] = each
        names[key] = name
    return names
