"""Walks a tree once: what stands under a sensitive key goes, texts and new keys are gathered for the patterns."""

from typing import Any

import msgspec

from exporter.ingest.scrub_keys import (
    COOKIES,
    EXEMPT,
    FRAMES,
    ID,
    KEPT,
    LONGEST_PAIRED,
    MODULES,
    PLAIN,
    SECRET,
    TOKENS,
    VERSION,
    Keys,
    figures,
    is_id,
)
from exporter.ingest.scrub_known import Frames, Mark, mark
from exporter.ingest.scrub_places import Texts, renamed
from exporter.ingest.scrub_texts import WITHHELD, Book, Budget
from exporter.ingest.text import DEEPEST, LONGEST_KEY

FILTERED = "[Filtered]"
_HARMLESS = frozenset(("", "true", "false", "null", "undefined", "none", FILTERED.lower(), WITHHELD))
_SOURCE = frozenset(("pre_context", "context_line", "post_context"))
_FILES = frozenset(("filename", "abs_path"))
_MOST_COOKIES = 200
_LARGEST = 7 * 10**15
_DEEPEST_JSON = 3
_ATTEMPT = 100
"""Characters more that a text of JSON counts as: reading one takes 2 µs at least."""
_BLANK = frozenset(" \t\n")


class Walk:
    """One event's."""

    def __init__(self, keys: Keys, known: dict[str, int], frames: Frames, numbers: int, budget: Budget) -> None:
        self.texts = Texts()
        self.versions = Texts()
        self.code = Texts()
        self._keys = keys
        self._known = known
        self._frames = frames
        self._fresh: list[tuple[Mark, dict[str, Any]]] = []
        self._numbers = numbers
        """From which on a number may be that of a card."""
        self._budget = budget
        self._new: dict[str, int] = {}
        self._held: list[tuple[str, dict[str, Any]]] = []
        self._pairs: dict[str, int] = {}
        self._folded: list[tuple[Any, Any, Any, Any]] = []
        self._json = 0
        self._names: dict[int, dict[str, str]] = {}

    def mapping(self, value: dict[str, Any], depth: int) -> Any:
        if depth > DEEPEST:
            return self._withheld()
        out = value.copy()
        known, new, held, add = self._known.get, self._new.get, self._held.append, self.texts.add
        pair = self._named(value) if len(value) == 2 and "value" in value else PLAIN
        for key, each in value.items():
            kind = known(key)
            if kind is None:
                if (kind := new(key)) is None:
                    kind = self._new[key] = self._keys.kind(key)
                held((key, out))
            if pair and key == "value":
                kind = pair
            if kind:
                self._special(kind, each, out, key, depth)
            elif type(each) is str:
                if len(each) > 2:
                    self._fold(each, out, key) if each[0] in "{[" else add((each, out, key))
            else:
                self._other(each, out, key, depth)
        return out

    def sequence(self, value: list[Any], depth: int) -> Any:
        if depth > DEEPEST:
            return self._withheld()
        out = value.copy()
        add = self.texts.add
        kind = self._paired(value[0]) if len(value) == 2 and type(value[0]) is str else PLAIN
        for index, each in enumerate(value):
            if index and kind:
                self._special(kind, each, out, index, depth)
            elif type(each) is str:
                if len(each) > 2:
                    self._fold(each, out, index) if each[0] in "{[" else add((each, out, index))
            else:
                self._other(each, out, index, depth)
        return out

    def changed(self, book: Book, budget: Budget) -> dict[str, str]:
        """Keys that are personal themselves, or too long, and what becomes of them."""
        names = list(self._new)
        scrubbed = zip(names, book.scrub(names, budget), strict=True)
        return {old: new[:LONGEST_KEY] for old, new in scrubbed if old != new or len(new) > LONGEST_KEY}

    def rename(self, changed: dict[str, str]) -> dict[str, int]:
        """Put these in their places, once the texts have theirs; the other new keys, with what they say."""
        for old in changed:
            del self._new[old]
        if changed:
            for into in {id(into): into for old, into in self._held if old in changed}.values():
                self._names[id(into)] = renamed(into, changed)
        return self._new

    def fold(self) -> None:
        """Put JSON that was carried as a text back into one, where something of it went; learn what is harmless."""
        for told, out in self._fresh:
            self._frames.learn(told, out)
        for parsed, scrubbed, into, key in reversed(self._folded):
            name = self._names.get(id(into), {}).get(key, key)
            if parsed != scrubbed[0] and name != WITHHELD:
                into[name] = msgspec.json.encode(scrubbed[0]).decode()

    def _fold(self, text: str, into: Any, key: Any) -> None:
        """JSON as a text: what it holds is walked like the rest."""
        if text[-1] in "}]" and text[1] in '"{[ \n\r\t':
            self._budget.json -= len(text) + _ATTEMPT
            if self._budget.json < 0 or self._json == _DEEPEST_JSON:
                into[key] = self._withheld()
                return
            try:
                parsed = msgspec.json.decode(text)
            except (msgspec.DecodeError, RecursionError, UnicodeError):
                parsed = None
            if parsed is not None:
                self._json += 1
                self._folded.append((parsed, scrubbed := [parsed], into, key))
                self._other(parsed, scrubbed, 0, DEEPEST - _DEEPEST_JSON * 8)
                self._json -= 1
                return
        self.texts.add((text, into, key))

    def _other(self, each: Any, out: Any, key: Any, depth: int) -> None:
        kind = type(each)
        if kind is dict:
            out[key] = self.mapping(each, depth + 1)
        elif kind is list or kind is tuple:
            out[key] = self.sequence(list(each), depth + 1)
        else:
            out[key] = each
            if kind is int and self._numbers <= each < _LARGEST:
                self.texts.add((str(each), out, key))
            elif kind is str:
                self.texts.add((each, out, key))

    def _special(self, kind: int, each: Any, out: Any, key: Any, depth: int) -> None:
        if kind == SECRET:
            out[key] = self._filtered(each)
        elif kind == TOKENS:
            out[key] = each if figures(each) else self._filtered(each)
        elif kind == COOKIES:
            out[key] = self._cookies(each, depth)
        elif kind == FRAMES and type(each) is list and all(type(frame) is dict for frame in each):
            out[key] = [self._frame(frame, depth + 2) for frame in each]
        elif kind == EXEMPT or (kind == ID and is_id(each)) or (kind == KEPT and not isinstance(each, dict)):
            out[key] = each
        elif kind == VERSION and type(each) is str:
            out[key] = each
            self.versions.add((each, out, key))
        elif kind == MODULES and type(each) is dict:
            texts, self.texts = self.texts, self.versions
            out[key] = self.mapping(each, depth + 1)
            self.texts = texts
        else:
            self._other(each, out, key, depth)

    def _frame(self, frame: dict[str, Any], depth: int) -> Any:
        """Its file stays, for grouping and owners; its source is code, in which a name and an = are no secret."""
        rest = frame.copy()
        source = [(key, rest.pop(key)) for key in _SOURCE if key in rest]
        variables = {"vars": rest.pop("vars")} if "vars" in rest else {}
        if (told := mark(rest, variables=bool(variables))) in self._frames and depth < DEEPEST:
            out: Any = rest
            for key, each in variables.items():
                self._other(each, out, key, depth)
        else:
            files = [(key, rest.pop(key)) for key in _FILES if key in rest]
            out = self.mapping(rest | variables, depth)
            if type(out) is not dict:
                return out
            out.update((key, each if type(each) is str else None) for key, each in files)
            if self._keys.kind("vars") == PLAIN:
                self._fresh.append((told, out))
        for key, lines in source:
            if type(lines) is list:
                out[key] = copy = [each if type(each) is str else None for each in lines]
                for index, each in enumerate(copy):
                    if each:
                        self.code.add((each, copy, index))
            elif type(lines) is str:
                out[key] = lines
                self.code.add((lines, out, key))
        return out

    def _cookies(self, cookies: Any, depth: int) -> Any:
        if type(cookies) is str:
            return ";".join(self._cookie(part) for part in cookies.split(";"))
        if type(cookies) in (dict, list) and len(cookies) > _MOST_COOKIES:
            return self._filtered(cookies, "cookie")
        if type(cookies) is list:
            pairs = (each for each in cookies if type(each) is list and len(each) == 2 and _name(each[0]))
            cookies = dict(pairs)
        out = self.mapping(cookies, depth + 1) if type(cookies) is dict else None
        if type(out) is dict:
            for name in cookies:
                if self._keys.cookie(name):
                    out[name] = self._filtered(cookies[name], "cookie")
        return out

    def _cookie(self, part: str) -> str:
        name, equals, value = part.partition("=")
        return f"{name}={self._filtered(value, 'cookie')}" if equals and self._keys.cookie(name) else part

    def _filtered(self, value: Any, rule: str = "key") -> Any:
        if value is None or type(value) is bool or value in ([], {}):
            return value
        if type(value) is str and value.lower() in _HARMLESS:
            return value
        self._budget.count(rule)
        return FILTERED

    def _paired(self, name: str) -> int:
        """What the first of two texts says of the other, where it can be its key."""
        if not _name(name) and name.lower() not in self._keys.own:
            return PLAIN
        kind = self._pairs.get(name)
        if kind is None:
            kind = self._pairs[name] = self._keys.kind(name)
        return kind

    def _named(self, value: dict[str, Any]) -> int:
        """The same of {"key": …, "value": …}."""
        name = value.get("key", value.get("name"))
        return self._paired(name) if type(name) is str else PLAIN

    def _withheld(self) -> str:
        self._budget.count("withheld")
        return WITHHELD


def _name(name: Any) -> bool:
    return type(name) is str and 0 < len(name) <= LONGEST_PAIRED and not _BLANK.intersection(name)
