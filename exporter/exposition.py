"""State -> Prometheus text and OpenMetrics 1.0: rendered when written, joined when read.

A chunk of bytes for each family and component, because both formats want a family's samples together: a scrape is, for
each family, its header and the join of its chunks. Both formats share them; headers, exemplars and the end differ.
"""

import logging
from collections.abc import Collection, Iterable
from weakref import WeakValueDictionary

import msgspec

from exporter.metric import Metric, counter
from exporter.sample import escaped, header, number, reading, render
from exporter.state import State, Values, values
from exporter.tally import SERIES_OF_A_COMPONENT, Child, Labels

log = logging.getLogger(__name__)

TEXT = "text/plain; version=0.0.4; charset=utf-8"
OPENMETRICS = "application/openmetrics-text; version=1.0.0; charset=utf-8"

UNRENDERED = counter(
    "stack_exporter_unrendered_families_total", "Families left out because they could not be rendered.", "family"
)
SERIES_DROPPED = counter(
    "stack_exporter_series_dropped_total", "Readings left out because a component has too many in one family.", "family"
)

# Stand in a template for the component's name, and between two families: no label value holds them.
_HERE, _NEXT = "\0", "\1"

# Spells floats seven times as fast as %s, each so that it is read back as it was; what is not finite as null.
_spelt = msgspec.json.Encoder().encode

Keys = tuple[tuple[Metric, Labels], ...]


class Layout:
    """How readings lie in a component's chunks, kept while the same series come again; alike components share one."""

    __slots__ = ("__weakref__", "dropped", "indexes", "keys", "metrics", "places", "template", "unfit")

    def __init__(self, keys: Keys) -> None:
        self.keys = keys
        self.metrics: list[Metric] = []
        self.places: list[dict[str, bytes]] = []
        """Where the chunk of each of `metrics` goes, by component."""
        self.indexes: list[int] = []
        self.dropped: list[tuple[Metric, int]] = []
        self.unfit: dict[Metric, Exception] = {}
        families: dict[Metric, list[int]] = {}
        for index, (metric, _) in enumerate(keys):
            families.setdefault(metric, []).append(index)
        templates = []
        for metric, indexes in families.items():
            try:
                # A dict, because two label values may become the same one when they are cleaned.
                lines = {reading(metric, _HERE, keys[i][1]): i for i in indexes}
            except Exception as error:  # noqa: BLE001 - one family that can't be rendered blinds no other
                self.unfit[metric] = error
                continue
            chosen = list(lines)[:SERIES_OF_A_COMPONENT]
            if len(chosen) < len(lines):
                self.dropped.append((metric, len(lines) - len(chosen)))
            self.metrics.append(metric)
            self.indexes.extend(lines[line] for line in chosen)
            templates.append("".join(chosen))
        self.template = _NEXT.join(templates).encode()

    def chunks(self, name: bytes, numbers: list[float]) -> list[bytes]:
        """The chunk of each of `metrics`; `name` is escaped, `numbers` are as many as `keys`."""
        spelt = _spelt(numbers)[1:-1].split(b",")
        if b"null" in spelt:
            spelt = [number(value).encode() for value in numbers]
        text = self.template % tuple(map(spelt.__getitem__, self.indexes))
        return text.replace(_HERE.encode(), name).split(_NEXT.encode())


class Page:
    """The rendered samples of a State."""

    def __init__(self, state: State) -> None:
        self._state = state
        self._chunks: dict[Metric, dict[str, bytes]] = {}
        self._layouts: dict[str, tuple[Layout, bytes]] = {}
        """Of each component, with its name as the lines have it."""
        self._shared: WeakValueDictionary[Keys, Layout] = WeakValueDictionary()
        self._order: list[Metric] = []

    def write(self, name: str) -> None:
        """Render a component's latest readings."""
        found = values(self._state.records[name])
        try:
            numbers = list(map(float, found.values()))
        except (TypeError, ValueError, OverflowError):
            found = self._numbers_alone(found)
            numbers = list(map(float, found.values()))
        keys = tuple(found)
        layout, spelt = self._layouts.get(name, (None, b""))
        if layout is None or layout.keys != keys:
            self._erase(name)
            layout, spelt = self._layout(keys), escaped(name).encode()
            self._layouts[name] = layout, spelt
        for place, chunk in zip(layout.places, layout.chunks(spelt, numbers), strict=False):  # no families: one b""
            place[name] = chunk
        for metric, error in layout.unfit.items():
            self._left_out(metric, error)
        for metric, series in layout.dropped:
            self._state.tallies.child(SERIES_DROPPED, metric.name).add(series)

    def drop(self, name: str) -> None:
        """Take a component's series away."""
        self._erase(name)

    def families(
        self, components: Collection[str] | None = None, *, openmetrics: bool = False, rest: bytes = b""
    ) -> bytes:
        """Every family's header and samples, or those of some components alone; then `rest`. Without the end mark.

        `rest` is joined here, as a copy of a page of 1 MB costs more than all of its rendering when little has changed.
        """
        self._settle()
        tallies = self._state.tallies
        named: dict[Metric, list[Child]] = {}
        for name in components or ():
            for child in tallies.of(name):
                named.setdefault(child.family.metric, []).append(child)
        parts: list[bytes] = []
        for metric in self._metrics():
            chunks = self._chunks.get(metric, {})
            children: Iterable[Child]
            if components is None:
                wanted = list(chunks.values())
                children = tallies.families[metric].children.values() if metric in tallies.families else ()
            else:
                wanted = [chunks[name] for name in components if name in chunks]
                children = named.get(metric, ())
            if openmetrics:
                wanted += [child.exemplified or child.rendered for child in children]
            else:
                wanted += [child.rendered for child in children]
            if wanted:
                parts.append(header(metric, openmetrics=openmetrics))
                parts += wanted
        parts.append(rest)
        return b"".join(parts)

    def series(self) -> int:
        """How many samples there are."""
        self._settle()
        readings = (chunk for chunks in self._chunks.values() for chunk in chunks.values())
        counted = (c.rendered for family in self._state.tallies.families.values() for c in family.children.values())
        return sum(chunk.count(b"\n") for chunk in (*readings, *counted))

    def _settle(self) -> None:
        """Render what was counted since the last time."""
        while changed := list(self._state.tallies.changes()):
            for child in changed:
                try:
                    render(child)
                except Exception as error:  # noqa: BLE001 - see Layout
                    child.rendered = child.exemplified = b""
                    self._left_out(child.family.metric, error)  # itself a change

    def _metrics(self) -> list[Metric]:
        known = self._chunks.keys() | self._state.tallies.families.keys()
        if len(known) != len(self._order):
            self._order = sorted(known, key=lambda metric: metric.name)
        return self._order

    def _layout(self, keys: Keys) -> Layout:
        layout = self._shared.get(keys)
        if layout is None:
            layout = self._shared[keys] = Layout(keys)
            layout.places = [self._chunks.setdefault(metric, {}) for metric in layout.metrics]
        return layout

    def _erase(self, name: str) -> None:
        if name in self._layouts:
            layout, _ = self._layouts.pop(name)
            for place in layout.places:
                del place[name]

    def _numbers_alone(self, found: Values) -> Values:
        """Without the families in which something is no number."""
        wrong: dict[Metric, Exception] = {}
        for (metric, _), value in found.items():
            try:
                float(value)
            except (TypeError, ValueError, OverflowError) as error:
                wrong[metric] = error
        for metric, problem in wrong.items():
            self._left_out(metric, problem)
        return {key: value for key, value in found.items() if key[0] not in wrong}

    def _left_out(self, metric: Metric, error: Exception) -> None:
        if metric is UNRENDERED:
            return
        unrendered = self._state.tallies.child(UNRENDERED, metric.name)
        if not unrendered.value:
            log.error("a family can't be rendered", exc_info=error, extra={"family": metric.name})
        unrendered.add()
