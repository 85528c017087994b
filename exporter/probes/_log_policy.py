"""Do a log and its rotated files keep what was declared: their size, their age, their number, their compression?"""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

from exporter.probes._log_names import Listing, Seen
from exporter.probes._log_settings import Policy

SLACK = 1.1
"""Of a size or an age how much more is no breach yet: who rotates looks now and then."""
GRACE = 60.0
"""Seconds that compressing may take."""


@dataclass(frozen=True, slots=True)
class Stock:
    """What there is of one purpose. Ages in seconds by the newest line of a file; 0 when there is nothing."""

    live: int
    rotated: int
    bytes: int
    largest: int
    oldest: float
    most: int
    """Rotated files of the log that has the most."""
    loose: tuple[str, ...]
    """Rotated files, but the newest of each log, that are still uncompressed."""
    largest_path: str
    oldest_path: str


@dataclass(frozen=True, slots=True)
class Use:
    """How much of a rule is used; beyond 1 it is broken, but for SLACK."""

    rule: str
    ratio: float
    broken: bool
    said: str


def stock(found: Listing, now: float) -> Stock:
    """`now` in Unix time."""
    files = [one for one in found.live if not one.fifo]
    rotated = [one for _, one in found.rotated]
    largest = max([*files, *rotated], key=lambda one: one.size, default=None)
    oldest = min(rotated, key=lambda one: one.changed, default=None)
    return Stock(
        live=len(found.live),
        rotated=len(rotated),
        bytes=sum(one.size for one in (*files, *rotated)),
        largest=largest.size if largest else 0,
        oldest=max(0.0, now - oldest.changed / 1e9) if oldest else 0.0,
        most=max(Counter(owner for owner, _ in found.rotated).values(), default=0),
        loose=tuple(_loose(found, now)),
        largest_path=largest.path if largest else "",
        oldest_path=oldest.path if oldest else "",
    )


def uses(policy: Policy, there: Stock) -> Iterator[Use]:
    """Each rule that is declared, and what there is of it."""
    if policy.size is not None:
        ratio = _ratio(there.largest, policy.size)
        said = f"{there.largest_path} has {there.largest} bytes of {policy.size}"
        yield Use("size", ratio, ratio > SLACK, said)
    if policy.keep is not None:
        ratio = _ratio(there.oldest, policy.keep)
        said = f"{there.oldest_path} is {there.oldest / 86400:.1f} days old, of {policy.keep / 86400:g}"
        yield Use("keep", ratio, ratio > SLACK, said)
    if policy.files is not None:
        said = f"{there.most} rotated files of one log, of {policy.files}"
        yield Use("files", _ratio(there.most, policy.files), there.most > policy.files, said)
    if policy.compressed:
        said = f"{there.loose[0] if there.loose else ''} is not compressed"
        yield Use("compressed", float(bool(there.loose)), bool(there.loose), said)


def _ratio(value: float, limit: float) -> float:
    return value / limit if limit else float(value > 0)


def _loose(found: Listing, now: float) -> Iterator[str]:
    newest: dict[str, Seen] = {}
    for owner, one in found.rotated:
        if owner not in newest or one.changed > newest[owner].changed:
            newest[owner] = one
    for owner, one in found.rotated:
        if not one.compressed and one is not newest[owner] and now - one.moved > GRACE:
            yield one.path
