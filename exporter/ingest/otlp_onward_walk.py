"""What is to be changed in an export request, found from its top: resource, scope, item; in steps."""

from collections.abc import Callable, Iterator

from exporter.ingest.otlp_onward_edits import ATTRIBUTE, TEXT, Edit, Fixed, Node, Places, Table, looked
from exporter.ingest.otlp_onward_resources import Resources
from exporter.ingest.otlp_onward_wire import fields, tagged
from exporter.ingest.otlp_wire import Malformed

SCOPE: Table = {1: TEXT, 2: TEXT, 3: ATTRIBUTE}
Choose = Callable[[bytes, int, int], list[Edit] | None]
_FIRST, _SECOND = 1 << 3 | 2, 2 << 3 | 2
_AT_ONCE = 50
"""Items that are looked at in one step, and twenty times as many that are passed by."""


class Walk:
    """Through one request; fields are numbered alike for all signals."""

    def __init__(
        self, data: bytes, places: Places, resources: Resources, table: Table, choose: Choose | None = None
    ) -> None:
        """`table`: of an item. `choose`: what else is to be changed of an item; None: it is left out."""
        self._data = data
        self._places = places
        self._resources = resources
        self._table = table
        self._choose = choose
        self._work = 0
        self.edits: list[Edit] = []
        self.left_out = 0

    def steps(self) -> Iterator[None]:
        """Raises Malformed."""
        everywhere = self._choose is not None or self._resources.adding
        for key, start, at, stop in fields(self._data, 0, len(self._data)):
            if key != _FIRST or not (everywhere or self._places.within(start, stop)):
                continue
            inner: list[Edit] = []
            yield from self._resource(at, stop, inner)
            if inner:
                self.edits.append(Node(start, stop, 1, at, inner))

    def _resource(self, begin: int, end: int, edits: list[Edit]) -> Iterator[None]:
        found = list(fields(self._data, begin, end))
        raws = [self._data[at:stop] for key, _, at, stop in found if key == _FIRST]
        # Protobuf joins what comes again in the place of one message.
        whole = b"".join(raws) if len(raws) > 1 else raws[0] if raws else b""
        new = self._resources.of(whole)
        if new is not whole:
            places = [(start, stop) for key, start, _, stop in found if key == _FIRST] or [(begin, begin)]
            edits += [Fixed(start, stop, b"") for start, stop in places]
            edits[0] = Fixed(*places[0], tagged(1, new))
        for key, start, at, stop in found:
            if key != _SECOND or not (self._choose or self._places.within(start, stop)):
                continue
            inner: list[Edit] = []
            remain = yield from self._scope(at, stop, inner)
            if not remain:
                edits.append(Fixed(start, stop, b""))
            elif inner:
                edits.append(Node(start, stop, 2, at, inner))
        edits.sort(key=lambda edit: edit.start)

    def _scope(self, begin: int, end: int, edits: list[Edit]) -> Iterator[None]:
        """Gives whether anything of it is to remain."""
        data, places, choose = self._data, self._places, self._choose
        items = left_out = 0
        for key, start, at, stop in fields(data, begin, end):
            self._work += 1
            if key == _SECOND:
                items += 1
                if choose is None and (places.next < 0 or stop <= places.next):
                    continue
                edit = self._item(start, at, stop)
                if edit is not None:
                    edits.append(edit)
                    left_out += isinstance(edit, Fixed)
                self._work += 19
            elif key == _FIRST and places.within(start, stop) and (inner := looked(data, at, stop, SCOPE, places)):
                edits.append(Node(start, stop, 1, at, inner))
            if self._work >= _AT_ONCE * 20:
                self._work = 0
                yield
        self.left_out += left_out
        return not items or left_out < items

    def _item(self, start: int, begin: int, end: int) -> Edit | None:
        places = self._places
        edits: list[Edit] | None = [] if self._choose is None else self._choose(self._data, begin, end)
        if edits is None:
            return Fixed(start, end, b"")
        if places.within(start, end):
            try:
                found = looked(self._data, begin, end, self._table, places)
            except Malformed:
                return Fixed(start, end, b"")
            if edits and found:
                found = sorted([*edits, *found], key=lambda edit: edit.start)
            edits = found or edits
        return Node(start, end, 2, begin, edits) if edits else None
