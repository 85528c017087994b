"""What becomes of texts, attributes and values that look suspicious, by the scrubber; remembered by their bytes."""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from google.protobuf.message import DecodeError  # type: ignore[import-untyped]

from exporter.ingest.otlp_attributes import LARGEST
from exporter.ingest.otlp_fields import tagged
from exporter.ingest.otlp_wire import messages
from exporter.ingest.ports import Scrubber
from exporter.ingest.scrub_texts import WITHHELD
from exporter.onward.edits import ATTRIBUTE, TEXT, Kind, Leaf
from exporter.onward.values import as_tree, put

AT_ONCE = 8 * 1024
"""Bytes that are scrubbed in one step, for a match takes 2 to 5 µs."""
_EACH = 100
"""Bytes more that each counts as: reading and writing it takes 10 µs."""
REMEMBERED, REMEMBERED_BYTES = 4_096, 256
"""Verdicts, and bytes of the longest: 2 MB at most. Beyond it all are forgotten."""
_COUNTED = 1_000
"""Leaves that are counted in one step."""
LEARNED = 64
"""Requests after which all is forgotten that changes: what is personal is not kept for long."""
Key = tuple[Kind, bytes]


class Verdicts:
    """By one scrubber. Of what changes it remembers only what comes twice in a request, and not for long."""

    def __init__(self, scrubber: Scrubber) -> None:
        self._scrubber = scrubber
        self._same: set[Key] = set()
        self._changed: dict[Key, bytes | None] = {}
        self.fields: dict[bytes, bytes] = {}
        """Attributes that are known, as fields of what they belong to."""
        self._requests = 0
        self._types = messages()

    def judging(self, leaves: Iterable[Leaf]) -> "Judging":
        self._requests += 1
        if self._requests >= LEARNED:
            self._requests = 0
            self._changed.clear()
            self.fields.clear()
        return Judging(self, leaves)

    def one(self, kind: Kind, content: bytes) -> bytes | None:
        """Of a single one, which is not remembered."""
        return self.several(kind, [content])[0]

    def known(self, key: Key) -> bool:
        return key in self._same or key in self._changed

    def of(self, key: Key) -> bytes | None:
        return self._changed.get(key, key[1])

    def learn(self, key: Key, new: bytes | None, times: int, number: int) -> None:
        """`times`: how often it comes in this request. `number`: of the field that it is."""
        if len(key[1]) > REMEMBERED_BYTES:
            return
        if key[0] == ATTRIBUTE and (times > 1 or new is key[1]):
            if len(self.fields) >= REMEMBERED:
                self.fields.clear()
            self.fields[tagged(number, key[1])] = b"" if new is None else tagged(number, new)
        if new is key[1]:
            if len(self._same) >= REMEMBERED:
                self._same.clear()
            self._same.add(key)
        elif times > 1:
            if len(self._changed) >= REMEMBERED:
                self._changed.clear()
            self._changed[key] = new

    def several(self, kind: Kind, contents: Sequence[bytes]) -> list[bytes | None]:
        """What becomes of each: the same object, others, or None for what can't be read."""
        if kind == TEXT:
            return [self._text(content) for content in contents]
        read = [self._read(kind, content) for content in contents]
        trees = [tree for _, tree in read]
        scrubbed = self._scrubber.tree(trees) if trees else []
        if not isinstance(scrubbed, list):
            scrubbed = [WITHHELD] * len(trees)
        return [
            self._written(kind, content, message, old, new)
            for content, (message, old), new in zip(contents, read, scrubbed, strict=True)
        ]

    def _text(self, content: bytes) -> bytes:
        text = content.decode(errors="replace")
        scrubbed = self._scrubber.text(text)
        return content if scrubbed == text else scrubbed.encode(errors="replace")

    def _read(self, kind: Kind, content: bytes) -> tuple[Any, Any]:
        """The message, and a tree of its own for it: what stands beside another may be the key of that."""
        if len(content) > LARGEST:
            return None, None
        try:
            if kind == ATTRIBUTE:
                message = self._types["KeyValue"].FromString(content)
                return message, {message.key.decode(errors="replace"): as_tree(message.value)}
            message = self._types["AnyValue"].FromString(content)
            return message, [as_tree(message)]
        except (DecodeError, RecursionError):
            return None, None

    def _written(self, kind: Kind, content: bytes, message: Any, old: Any, new: Any) -> bytes | None:
        if message is None:
            return None
        if old == new:
            return content
        if kind == ATTRIBUTE:
            [(key, value)] = old.items()
            one = isinstance(new, dict) and len(new) == 1
            renamed, scrubbed = next(iter(new.items())) if one else (WITHHELD, WITHHELD)
            put(message.value, value, scrubbed)
            if renamed != key:
                message.key = renamed.encode(errors="replace")
        else:
            put(message, old[0], new[0] if isinstance(new, list) else WITHHELD)
        written: bytes = message.SerializeToString()
        return written


class Judging:
    """Of one request."""

    def __init__(self, verdicts: Verdicts, leaves: Iterable[Leaf]) -> None:
        self._verdicts = verdicts
        self._leaves = leaves
        self._times: Counter[Key] = Counter()
        self._numbers: dict[Key, int] = {}
        self._found: dict[Key, bytes | None] = {}

    def __iter__(self) -> Iterator[None]:
        for count, leaf in enumerate(self._leaves, 1):
            key = (leaf.kind, leaf.content)
            self._times[key] += 1
            self._numbers[key] = leaf.number
            if not count % _COUNTED:
                yield
        of: dict[Kind, list[bytes]] = {}
        sizes: Counter[Kind] = Counter()
        for key in self._times:
            if self._verdicts.known(key):
                self._found[key] = self._verdicts.of(key)
                continue
            kind, content = key
            if sizes[kind] + len(content) + _EACH > AT_ONCE and of.get(kind):
                self._judge(kind, of.pop(kind))
                sizes[kind] = 0
                yield
            of.setdefault(kind, []).append(content)
            sizes[kind] += len(content) + _EACH
        for kind, contents in of.items():
            self._judge(kind, contents)
            yield

    def __call__(self, kind: Kind, content: bytes) -> bytes | None:
        """What becomes of it, once all steps are done."""
        return self._found[kind, content]

    def _judge(self, kind: Kind, contents: list[bytes]) -> None:
        for content, new in zip(contents, self._verdicts.several(kind, contents), strict=True):
            key = (kind, content)
            self._found[key] = new
            self._verdicts.learn(key, new, self._times[key], self._numbers[key])
