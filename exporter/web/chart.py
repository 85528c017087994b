"""Small pictures in SVG for the status page: runs as bars, latency as a line, a value between its thresholds, icons."""

from collections.abc import Sequence
from itertools import pairwise
from math import sqrt

from exporter.state import Run
from exporter.web.markup import Markup, join, tag

SLOTS = 60
_SLOT, _BAR, _TALL, _LOW = 4, 3, 30.0, 4.0

# Each its own outline, for who does not see the colours.
_ICONS = {
    "healthy": '<circle cx="10" cy="10" r="9"/><path class="ink" d="M5.8 10.4l2.8 2.8 5.6-6"/>',
    "degraded": '<path d="M10 1.6 19 17.6H1z"/><path class="ink" d="M10 7.4v4.4M10 14.6v.4"/>',
    "unhealthy": '<path d="M6.3 1h7.4L19 6.3v7.4L13.7 19H6.3L1 13.7V6.3z"/>'
    '<path class="ink" d="M6.8 6.8l6.4 6.4M13.2 6.8l-6.4 6.4"/>',
    "unknown": '<circle class="hollow" cx="10" cy="10" r="8"/><path class="line" d="M6.4 10h7.2"/>',
    "maintenance": '<rect x="1.5" y="1.5" width="17" height="17" rx="4"/>'
    '<path class="ink" d="M7.4 6.4v7.2M12.6 6.4v7.2"/>',
}


def icon(status: str) -> Markup:
    """The status as a shape; the word stands beside it."""
    return tag("svg", Markup(_ICONS[status]), class_=f"icon {status}", viewBox="0 0 20 20", aria_hidden="true")


def bars(runs: Sequence[Run]) -> Markup:
    """The last runs, newest on the right: height by duration, colour by outcome, a mark below those not well."""
    recent = runs[-SLOTS:]
    longest = max((run.duration for run in recent), default=0.0) or 1.0
    first = SLOTS - len(recent)
    drawn: dict[str, list[str]] = {"none": [], "healthy": [], "degraded": [], "unhealthy": [], "mark": []}
    drawn["none"] = [_box(slot, _TALL - 2, 2) for slot in range(first)]
    for slot, run in enumerate(recent, first):
        # By the root: beside one run of 5 s the others, of a few ms, are still seen to differ.
        height = _LOW + (_TALL - _LOW) * sqrt(min(1.0, run.duration / longest))
        drawn[run.outcome].append(_box(slot, _TALL - height, height))
        if run.outcome != "healthy":
            drawn[run.outcome].append(_box(slot, _TALL + 2, 5 if run.outcome == "unhealthy" else 2))
    paths = [tag("path", class_=name, d="".join(parts)) for name, parts in drawn.items() if parts]
    label = f"Last {len(recent)} runs: {_counts(recent)}"
    return _stretched("bars", f"0 0 {SLOTS * _SLOT - 1} {_TALL + 7:g}", *paths, role="img", aria_label=label)


def sparkline(durations: Sequence[float], label: str) -> Markup:
    """Latency over the last runs, from 0 at the bottom to the highest at the top."""
    if len(durations) < 2:
        return Markup()
    top = max(durations) or 1.0
    step = 118 / (len(durations) - 1)
    points = [(1 + n * step, 29 - 26 * value / top) for n, value in enumerate(durations)]
    line = "M" + "L".join(f"{x:.1f} {y:.1f}" for x, y in points)
    area = f"{line}L{points[-1][0]:.1f} 31L1 31Z"
    shapes = join(tag("path", class_="area", d=area), tag("path", class_="trace", d=line))
    return _stretched("spark", "0 0 120 32", shapes, role="img", aria_label=label)


def meter(value: float, marks: Sequence[tuple[str, float]], state: str, *, top: float | None = None) -> Markup:
    """A value on a scale with its thresholds as ticks; `marks` are severities and values."""
    end = top or 1.15 * max([value, *(at for _, at in marks)]) or 1.0
    ticks = [tag("path", class_=severity, d=f"M{min(99.7, _x(at, end)):.1f} 0V8") for severity, at in marks]
    track = tag("rect", class_="track", y="2", width="100", height="4")
    filled = tag("rect", class_=f"filled {state}", y="2", width=f"{_x(value, end):.1f}", height="4")
    return _stretched("meter", "0 0 100 8", track, filled, *ticks, aria_hidden="true")


def phases(parts: Sequence[tuple[str, float]]) -> Markup:
    """The parts of a run, one after the other, as wide as they were long."""
    total = sum(length for _, length in parts) or 1.0
    edges = [0.0]
    for _, length in parts:
        edges.append(edges[-1] + 100 * length / total)
    boxes = [
        tag("rect", class_=f"phase{n % 5}", x=f"{left:.2f}", width=f"{max(0.0, right - left):.2f}", height="6")
        for n, (left, right) in enumerate(pairwise(edges))
    ]
    return _stretched("phases", "0 0 100 6", *boxes, aria_hidden="true")


def trend(counts: Sequence[int]) -> Markup:
    """How often something came, in each of some equal times, the newest on the right."""
    most = max(counts, default=0) or 1
    boxes = [
        _box(slot, 20 - height, height)
        for slot, count in enumerate(counts)
        if (height := max(2.0, 20 * count / most) if count else 0)
    ]
    empty = [_box(slot, 19, 1) for slot, count in enumerate(counts) if not count]
    paths = [tag("path", class_=name, d="".join(drawn)) for name, drawn in (("none", empty), ("some", boxes)) if drawn]
    label = f"{sum(counts)} in {len(counts)} hours, {counts[-1] if counts else 0} in the last"
    return _stretched("trend", f"0 0 {len(counts) * _SLOT - 1} 20", *paths, role="img", aria_label=label)


def ring(score: float | None, status: str) -> Markup:
    """The score as part of a ring."""
    around = 2 * 3.14159 * 26
    drawn = around * (score or 0.0)
    track = tag("circle", class_="track", cx="32", cy="32", r="26")
    arc = tag("circle", class_=f"arc {status}", cx="32", cy="32", r="26", stroke_dasharray=f"{drawn:.1f} {around:.1f}")
    # 100 is for when nothing is wrong.
    text = "–" if score is None else str(100 if score == 1 else min(99, round(100 * score)))
    number = tag("text", text, x="32", y="29", text_anchor="middle", dominant_baseline="middle")
    caption = tag("text", "score", class_="caption", x="32", y="44", text_anchor="middle")
    label = "Score not known yet" if score is None else f"Score {text} of 100"
    shapes = join(track, arc if drawn else None, number, caption)
    return tag("svg", shapes, class_="ring", viewBox="0 0 64 64", role="img", aria_label=label)


def _stretched(name: str, box: str, *shapes: Markup, **attributes: str) -> Markup:
    return tag("svg", *shapes, class_=name, viewBox=box, preserveAspectRatio="none", **attributes)


def _box(slot: int, top: float, height: float) -> str:
    return f"M{slot * _SLOT} {top:.3g}h{_BAR}v{height:.3g}h-{_BAR}z"


def _x(value: float, end: float) -> float:
    return max(0.0, min(100.0, 100 * value / end))


def _counts(runs: Sequence[Run]) -> str:
    outcomes = [run.outcome for run in runs]
    return (
        ", ".join(f"{outcomes.count(o)} {o}" for o in ("healthy", "degraded", "unhealthy") if o in outcomes) or "none"
    )
