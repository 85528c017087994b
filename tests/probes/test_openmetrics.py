"""Pages that are read in part: what of them counts, and those that are made to hold the loop up."""

import time

import pytest

from exporter.probe import Down
from exporter.probes._openmetrics import MOST, samples

NAMES = frozenset({"a_total", "a"})


def test_only_the_named_lines_count() -> None:
    page = b'# TYPE a gauge\na{b="c d"} 1\r\nab 2\na 3\nnot a line\n a 4\na_total{} 5'
    assert list(samples(page, NAMES, "x")) == [("a", {"b": "c d"}, 1.0), ("a", {}, 3.0), ("a_total", {}, 5.0)]


HOSTILE = {
    "as many samples as fit": b'a{b="c"} 1\n' * 700_000,
    "nothing but line ends": b"\n" * 8_000_000,
    "one long line": b"a{" + b"b" * 8_000_000,
    "a label of escapes": b'a{b="' + b'\\"' * 4_000_000,
    "lines of others": b'ab{c="d"} 1\n' * 600_000,
}


@pytest.mark.parametrize("what", HOSTILE)
def test_eight_megabytes_do_not_hold_the_loop_up(what: str) -> None:
    began = time.perf_counter()
    try:
        found = len(list(samples(HOSTILE[what], NAMES, "x")))
    except Down as down:
        assert (down.reason, down.detail.startswith("x: /metrics has ")) == ("not_metrics", True)
        found = 0
    assert (found, time.perf_counter() - began < 1.0) == (0, True)


def test_what_a_large_prometheus_says_is_read() -> None:
    page = b"".join(b'a{b="%d%s"} 1\n' % (number, b"x" * 40) for number in range(MOST))
    assert len(list(samples(page, NAMES, "x"))) == MOST
