"""Whatever a label or a value is, both formats read back what went in."""

import math
import shutil
import subprocess
from collections import defaultdict

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from exporter.metric import label_value
from tests.pages import Daemon, find
from tests.scripted import LEVEL, SEEN, SIZE, WAIT, result

NASTY = [
    'quote"', "back\\slash", "ends in \\", "two\nlines", "\\n", "a\\\"b\n", "nul\0", "\x1b[2J", "half \ud800", "\udc80", "{}", "{a=\"b\"}", "# EOF",
    "%s", "%", "%(x)s", "\u2028", "\r\n", "tab\t", " ", "", "é", "e\u0301", "🐘", '",le="0.1', "\x01", "a,b", "=", "}\n# TYPE x gauge\nx 1",
]  # fmt: skip
TEXT = st.one_of(st.sampled_from(NASTY), st.text(st.characters(codec=None, exclude_categories=()), max_size=12))
NUMBER = st.one_of(st.floats(), st.integers(-(2**70), 2**70).map(float))


@pytest.mark.parametrize("text", NASTY)
def test_a_hostile_label_is_read_back_as_it_was(text: str) -> None:
    daemon = Daemon("it")
    daemon.read(values={(LEVEL, (text,)): 0.5, (SIZE, ()): 7})
    daemon.state.tallies.child(SEEN, "it", text).add(3)
    found = daemon.samples()
    assert find(found, LEVEL.name, component="it", tank=label_value(text)) == 0.5
    assert find(found, SEEN.name, component="it", what=label_value(text)) == 3
    assert find(found, SIZE.name, component="it") == 7


@pytest.mark.parametrize("text", [text for text in NASTY if text])
def test_a_hostile_component_name_is_read_back_as_it_was(text: str) -> None:
    daemon = Daemon(text)
    daemon.take(result(name=text, values={(SIZE, ()): 7}))
    daemon.state.tallies.child(WAIT, text).observe(0.5)
    found = daemon.samples()
    assert find(found, SIZE.name, component=label_value(text)) == 7
    assert find(found, "stack_scripted_wait_seconds_bucket", component=label_value(text), le="1.0") == 1


def test_label_values_that_become_the_same_are_one_series() -> None:
    daemon = Daemon("it")
    daemon.read(values={(LEVEL, ("\ud800",)): 0.1, (LEVEL, ("\ud801",)): 0.2, (LEVEL, ("\ufffd",)): 0.3})
    for text in ("\0", "\1", "\ufffd"):
        daemon.state.tallies.child(SEEN, "it", text).add()
    found = daemon.samples()
    assert find(found, LEVEL.name, component="it", tank="\ufffd") == 0.3
    assert find(found, SEEN.name, component="it", what="\ufffd") == 3


@settings(max_examples=150, deadline=None, database=None)
@given(
    runs=st.lists(
        st.tuples(st.sampled_from("ab"), st.dictionaries(TEXT, NUMBER, max_size=5), st.none() | NUMBER), max_size=6
    ),
    counts=st.lists(st.tuples(st.sampled_from("ab"), TEXT, st.floats(0, 1e9)), max_size=6),
)
def test_what_is_parsed_is_what_was_written(runs, counts) -> None:
    daemon = Daemon("a", "b")
    expected: dict = {}
    for name, tanks, size in runs:
        daemon.read(
            name,
            values={(LEVEL, (tank,)): level for tank, level in tanks.items()}
            | ({(SIZE, ()): size} if size is not None else {}),
        )
        expected = {key: value for key, value in expected.items() if key[0] != name}
        expected |= {(name, LEVEL.name, label_value(tank)): level for tank, level in tanks.items()}
        if size is not None:
            expected[name, SIZE.name, None] = size
    tallied: dict = defaultdict(float)
    for name, what, amount in counts:
        daemon.state.tallies.child(SEEN, name, what).add(amount)
        tallied[name, SEEN.name, label_value(what)] += amount
    found = {}
    for (family, labels), value in daemon.samples().items():
        if family in (LEVEL.name, SIZE.name, SEEN.name):
            given_ = dict(labels)
            found[given_["component"], family, given_.get("tank", given_.get("what"))] = value
    assert {key: _same(value) for key, value in found.items()} == {
        key: _same(value) for key, value in (expected | tallied).items()
    }


@settings(max_examples=60, deadline=None, database=None)
@given(values=st.lists(st.floats(0, 100), max_size=20))
def test_a_histogram_counts_each_observation_once_in_the_buckets_that_hold_it(values: list[float]) -> None:
    daemon = Daemon("it")
    for value in values:
        daemon.state.tallies.child(WAIT, "it").observe(value)
    daemon.state.tallies.child(WAIT, "it")
    found = daemon.samples()
    for bound, le in ((0.1, "0.1"), (1.0, "1.0"), (math.inf, "+Inf")):
        assert find(found, f"{WAIT.name}_bucket", component="it", le=le) == sum(value <= bound for value in values)
    assert find(found, f"{WAIT.name}_count", component="it") == len(values)
    assert find(found, f"{WAIT.name}_sum", component="it") == pytest.approx(sum(values))


@pytest.mark.debian
def test_promtool_has_nothing_to_say() -> None:
    promtool = shutil.which("promtool")
    assert promtool, "install Debian's prometheus"
    daemon = Daemon("it")
    for text in NASTY:
        daemon.state.tallies.child(SEEN, "it", text).add()
    daemon.take(result(values={(LEVEL, (text,)): 0.5 for text in NASTY} | {(SIZE, ()): 1}))
    daemon.state.tallies.child(WAIT, "it").observe(0.5)
    said = subprocess.run(
        [promtool, "check", "metrics"], input=daemon.page.families(), capture_output=True, timeout=30, check=False
    )
    assert (said.returncode, said.stdout.decode(), said.stderr.decode()) == (0, "", "")


def _same(value: float) -> float | str:
    return "NaN" if math.isnan(value) else value
