"""Rewrites an OTLP request before it goes onward: scrubbed, sampled, its resources completed; in steps.

body -> addresses go -> suspicious places (one pass of RE2) -> what stands there -> verdicts of the scrubber -> body

What need not change is not even looked at, and stays bit by bit: the very same object when nothing changes.
"""

from collections.abc import Iterator, Mapping, Sequence
from itertools import groupby

from exporter.config.application import Scrub
from exporter.ingest.otlp_fields import tagged
from exporter.ingest.otlp_weight import Sampling
from exporter.ingest.otlp_wire import Malformed, Piece
from exporter.ingest.ports import Scrubber
from exporter.onward.direct import Direct
from exporter.onward.edits import Places, Table
from exporter.onward.filter import Suspicious
from exporter.onward.resources import Resources
from exporter.onward.spans import SPANS, Choice
from exporter.onward.verdicts import Verdicts
from exporter.onward.walk import Walk

_NOTHING: Mapping[str, str] = {}


class Rewriter:
    """What outlasts a request, until a reload. Pure."""

    def __init__(
        self, scrubber: Scrubber, config: Scrub, ratio: float = 1.0, attributes: Mapping[str, str] = _NOTHING
    ) -> None:
        """`config`: what the scrubber goes by. `ratio`: of the traces that go onward. `attributes`: of resources."""
        self.suspicious = Suspicious(config)
        self.direct = Direct(scrubber, config)
        self.verdicts = Verdicts(scrubber)
        self.resources = Resources(self.verdicts, attributes)
        self._sampling = Sampling(ratio) if ratio < 1 else None

    def kept(self, trace_id: bytes, trace_state: bytes) -> bool:
        """Whether the spans of a trace go onward."""
        return self._sampling is None or self._sampling.kept(trace_id, trace_state)

    def traces(self, body: bytes | None, pieces: Sequence[Piece], *, valid: bool = False) -> "Rewriting":
        """`body`: None where it is no protobuf, and is made of its pieces. `valid`: no span is invalid, as is known."""
        choice = None if valid and self._sampling is None else Choice(self._sampling)
        return Rewriting(self, body, pieces, SPANS, choice)

    def records(self, body: bytes | None, pieces: Sequence[Piece], table: Table) -> "Rewriting":
        """Of another signal; `table`: of one of its items."""
        return Rewriting(self, body, pieces, table, None)


class Rewriting:
    """One request. Iterate it to its end, then `body` is what goes onward."""

    def __init__(
        self,
        rewriter: Rewriter,
        body: bytes | None,
        pieces: Sequence[Piece],
        table: Table,
        choice: Choice | None = None,
    ) -> None:
        self._rewriter = rewriter
        self._given = body
        self._pieces = pieces
        self._table = table
        self._choice = choice
        self.body = b""
        """Empty where no item remains."""
        self.items = 0
        """That remain."""
        self.sampled_out = 0
        """Spans that are left out by the ratio alone."""

    def __iter__(self) -> Iterator[None]:
        """Steps, none of which takes longer than 5 ms."""
        items = sum(piece.items for piece in self._pieces)
        body = b"".join(_requests(self._pieces)) if self._given is None else self._given
        yield
        try:
            yield from self._steps(body, items)
        except Malformed:  # which it is not, for it has been cut
            self.body, self.items = b"", 0

    def _steps(self, body: bytes, items: int) -> Iterator[None]:
        rewriter = self._rewriter
        found: list[tuple[int, int]] = []
        for few in rewriter.suspicious.few(body):
            yield
            if few is None:
                body = yield from rewriter.direct.steps(body, self._table)
                found = []
                for places in rewriter.suspicious.steps(body):
                    found += places
                    yield
                break
            found += few
        if not found and self._choice is None and not rewriter.resources.adding:
            self.body, self.items = body, items
            return
        walk = Walk(body, Places(found), rewriter.resources, self._table, rewriter.verdicts.fields, self._choice)
        yield from walk.steps()
        judging = rewriter.verdicts.judging(walk.leaves())
        yield from judging
        written = yield from walk.write(judging)
        self.items = items - walk.left_out
        self.sampled_out = self._choice.sampled_out if self._choice else 0
        if self.items > 0:
            self.body = written


def _requests(pieces: Sequence[Piece]) -> Iterator[bytes]:
    for (resource, more), of in groupby(pieces, lambda piece: (piece.resource, piece.more)):
        scopes = b"".join(tagged(2, piece.scope) for piece in of)
        yield tagged(1, tagged(1, resource) + scopes + more)
