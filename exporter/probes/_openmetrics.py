"""A few families out of another program's /metrics page."""

import re
from collections.abc import Iterator, Mapping
from functools import lru_cache

from prometheus_client.parser import text_string_to_metric_families

from exporter.probe import Down

MOST = 10_000
"""Samples that are parsed, in 0.1 s: a Prometheus of five thousand rule groups has as many."""
LONGEST = 8192
"""Bytes of a line; prometheus_client's time for one grows faster than its length."""


def samples(page: bytes, names: frozenset[str], where: str) -> Iterator[tuple[str, Mapping[str, str], float]]:
    """Name, labels and value of each sample of these names. Raises Down for a page that is none.

    Only their lines are parsed: prometheus_client takes a second for the 2 MB that a large Prometheus says of itself.
    """
    wanted: list[str] = []
    for found in _lines(names).finditer(page):
        if len(wanted) == MOST or len(found[0]) > LONGEST:
            told = f"more than {MOST} samples" if len(wanted) == MOST else "a line that is too long"
            raise Down("not_metrics", f"{where}: /metrics has {told} in what is read of it")
        wanted.append(found[0].decode(errors="replace"))
    try:
        for family in text_string_to_metric_families("\n".join(wanted) + "\n"):
            yield from ((one.name, one.labels, one.value) for one in family.samples)
    except (ValueError, KeyError, IndexError) as error:
        raise Down("not_metrics", f"{where}: /metrics is not in Prometheus' format: {error}"[:200]) from None


@lru_cache(maxsize=8)
def _lines(names: frozenset[str]) -> re.Pattern[bytes]:
    return re.compile(rb"^(?:%b)(?=[{ \t\r\n]|\Z).*" % "|".join(map(re.escape, sorted(names))).encode(), re.MULTILINE)
