"""Series of applications beside ours on /metrics: one page, no family twice, and not on a component's."""

from exporter.foreign import Clash, Foreign
from exporter.foreign_lines import Histogram, Summary, Value, claimed
from exporter.process import NAMES, Process, body
from exporter.tally import Tallies
from tests.pages import Daemon, find, names, parsed, parsed_openmetrics, same

import pytest

NOW = 1_800_000_000.0


class Constant:
    def __init__(self, value: Value) -> None:
        self.made = 0
        self._value = value

    def value(self, now: float) -> Value:
        assert now
        self.made += 1
        return self._value


def filled(value: Value, kind="gauge", name: str = "level", pairs: str = 'a="b"') -> tuple[Foreign, Constant]:
    foreign, source = Foreign(Tallies(), taken=NAMES), Constant(value)
    series = foreign.add(foreign.family(name, kind, "A level.", ""), pairs, source, 10)
    assert series
    foreign.updated(series, NOW)
    return foreign, source


def test_the_whole_page_is_one_that_strict_parsers_take_and_a_components_has_ours_alone(monkeypatch) -> None:
    monkeypatch.setattr("time.time", lambda: NOW)
    daemon = Daemon("it")
    daemon.read()
    foreign, _ = filled(Histogram((1.0,), (2, 3), 4.5), "histogram", "took_seconds")
    pages = [body(daemon.page, Process(), openmetrics=strict, foreign=foreign).decode() for strict in (False, True)]
    found = parsed(pages[0])
    assert names(found) == names(parsed_openmetrics(pages[1]))
    assert find(found, "took_seconds_bucket", a="b", le="+Inf") == 5
    assert {"stack_probe_success", "python_info", "took_seconds_sum"} <= names(found)
    own = body(daemon.page, Process(), openmetrics=False, components={"it"}, foreign=foreign).decode()
    assert "took_seconds" not in own


def test_a_series_is_rendered_once_for_each_change() -> None:
    foreign, source = filled(1.5)
    series = foreign.family("level", "gauge", "").series['a="b"']
    for _ in range(3):
        assert foreign.page(NOW, openmetrics=False).endswith(b'level{a="b"} 1.5\n')
        assert foreign.page(NOW, openmetrics=True).endswith(b'level{a="b"} 1.5\n')
    assert source.made == 1
    foreign.updated(series, NOW)
    foreign.page(NOW, openmetrics=False)
    assert source.made == 2


@pytest.mark.parametrize("pairs", ["", 'a="b"'])
@pytest.mark.parametrize(
    ("value", "kind"),
    [
        (1.0, "gauge"),
        (Histogram((0.5, 1.0), (1, 2, 3), 2.5), "histogram"),
        (Histogram((-1.0,), (1, 2), None), "histogram"),
        (Summary(((0.5, 1.0),), 2.0, 3), "summary"),
        (Summary((), None, 3), "summary"),
    ],
)
def test_every_kind_is_the_same_in_both_formats(value: Value, kind, pairs: str) -> None:
    foreign, _ = filled(value, kind, pairs=pairs)
    pages = [foreign.page(NOW, openmetrics=strict).decode() for strict in (False, True)]
    assert same(parsed(pages[0]), parsed_openmetrics(pages[1] + "# EOF\n"))


def test_what_the_process_serves_is_what_is_taken() -> None:
    served = names(parsed(Process().families(openmetrics=False).decode()))
    assert served == {name for name, _ in NAMES}
    foreign = Foreign(Tallies(), taken=NAMES)
    for name, kind in NAMES:
        with pytest.raises(Clash) as clash:
            foreign.family(name, kind, "")
        assert clash.value.reserved


def test_names_that_samples_of_two_families_would_share_are_refused() -> None:
    foreign, _ = filled(Summary((), 1.0, 1), "summary", "took")
    for name, kind in (
        ("took_sum", "gauge"),
        ("took", "gauge"),
        ("took_total", "counter"),
        ("took_count_total", "counter"),
    ):
        with pytest.raises(Clash):
            foreign.family(name, kind, "")
    assert foreign.family("took_max", "gauge", "").name == "took_max"
    assert claimed("a_total", "counter") == ["a", "a_total", "a_created"]


def test_other_limits_hold_at_once() -> None:
    foreign, _ = filled(1.0)
    family = foreign.family("level", "gauge", "")
    foreign.limit(1, 60.0)
    assert foreign.add(family, 'a="c"', Constant(2.0), 10) is None
    assert foreign.page(NOW + 59, openmetrics=False)
    assert foreign.page(NOW + 60, openmetrics=False) == b""
    assert foreign.add(foreign.family("level", "gauge", ""), 'a="c"', Constant(2.0), 10)
    foreign.limit(10, 60.0)
    assert foreign.add(foreign.family("level", "gauge", ""), 'a="d"', Constant(2.0), 10)


def test_room_is_given_back() -> None:
    foreign, _ = filled(1.0)
    series = foreign.family("level", "gauge", "").series['a="b"']
    foreign.limit(1, 60.0)
    foreign.resize(series, 4_096)
    assert foreign.room(0)
    assert not foreign.room(1)
    foreign.drop(series)
    foreign.drop(series)
    assert foreign.room(4_096)
