"""Unresolved errors on the status page: a row for each, which opens to the latest occurrence without a script."""

import re
from typing import Any

from exporter.ingest.values import SEVERITIES
from exporter.store.rows import Foremost, Group, Kept, Shown
from exporter.web import chart
from exporter.web.api.stack import Trace, traces
from exporter.web.call import Call
from exporter.web.markup import Markup, join, tag
from exporter.web.told_parts import ago, cut, heading, tone, under
from exporter.web.traced import Link, linking

HOURS = 24
FRAMES = 25
"""Frames of the application that are shown of one exception."""
_OTHERS = 40
_TRACES = 4
"""Exceptions of a chain."""
_HOST = re.compile(r"[A-Za-z0-9._-]{1,250}(:[0-9]{1,5})?|\[[0-9A-Fa-f:.]{2,45}\](:[0-9]{1,5})?")


def first(now: float) -> float:
    """Where the hours of the trends begin."""
    return now - now % 3_600 - (HOURS - 1) * 3_600


def section(call: Call, found: Foremost, now: float) -> Markup | None:
    """None where all are resolved."""
    if not found.items:
        return None
    names = ("Error", "Team", "Count", "Users", "Last seen", "24 hours")
    head = tag("div", *(tag("span", name) for name in names), class_="head", aria_hidden="true")
    title = heading("Errors", sum(found.severities.values()), "unresolved", id="errors")
    rows = [_row(call, shown, now) for shown in found.items]
    return join(title, tag("div", head, *rows, class_="told errors"))


def nothing(call: Call) -> Markup | None:
    """For who was led here (/go/error) and finds none of what was asked for."""
    query = call.request.rel_url.query
    if query.get("none") != "error":
        return None
    state, severity = (query.get(name, "") for name in ("state", "severity"))
    state = {"new": "is new", "regressed": "is back", "spiking": "spikes"}.get(state, "is unresolved")
    of = [f"of {query['service'][:100]}"] if query.get("service") else []
    words = " ".join(["No", *([severity] if severity in SEVERITIES else []), "error", *of, f"{state} any longer."])
    return tag("p", words, class_="note")


def _row(call: Call, shown: Shown, now: float) -> Markup:
    group = shown.group
    kept_open = call.request.rel_url.query.get("error") == group.id
    summary = tag(
        "summary",
        tag("span", tag("b", cut(group.title)), *_badges(group), under(_where(group)), class_="what"),
        tag("span", group.team or "–", title="Team"),
        tag("span", f"{group.count:,}", class_="number", title="Times"),
        tag("span", f"{group.users:,}", class_="number", title="Users"),
        tag("span", ago(group.last_seen, now, " ago")),
        tag("span", chart.trend(_trend(shown, now)), class_="trend"),
    )
    more = tag(
        "div", _facts(shown, now, linking(call)), _stack(shown.latest), _resolving(call, group), _link(group, kept_open)
    )
    return tag("details", summary, more, id=f"error-{group.id}", open=kept_open)


def _trend(shown: Shown, now: float) -> list[int]:
    """How often it came in each of the last hours, the one that has begun last."""
    counts = [0] * HOURS
    for at, count in shown.hours:
        place = int((at - first(now)) // 3_600)
        if 0 <= place < HOURS:
            counts[place] += count
    return counts


def _badges(group: Group) -> list[Markup]:
    words: list[tuple[str, str]] = []
    words += [(group.severity, tone(group.severity))] if group.severity in ("high", "critical") else []
    words += [("security", "critical")] if group.security else []
    words += [("back", "warning")] if group.regressed else []
    words += [("spiking", "warning")] if group.spiking else []
    words += [("new", "maintenance")] if group.new else []
    return [tag("span", word, class_=f"badge {tint}") for word, tint in words]


def _where(group: Group) -> str:
    release = group.releases[-1] if group.releases else ""
    return " · ".join(filter(None, (group.service, cut(group.culprit), release)))


def _facts(shown: Shown, now: float, link: Link) -> Markup:
    group, latest = shown.group, shown.latest
    pairs: list[tuple[str, object]] = []
    if latest is not None:
        pairs = [
            ("Message", cut(latest.message)),
            ("Request", cut(_request(latest.detail))),
            ("Transaction", cut(latest.transaction)),
            ("Release", cut(latest.release)),
            ("Environment", cut(latest.environment)),
            ("User", latest.user and tag("code", cut(latest.user))),
            ("Latest", ago(latest.at, now, " ago")),
        ]
    pairs.append(("Trace", _trace_of(shown, link)))
    pairs += [("First seen", ago(group.first_seen, now, " ago")), ("Assignee", cut(group.assignee))]
    pairs += [("Group ID", tag("code", group.id))]
    return tag("dl", *(tag("div", tag("dt", name), tag("dd", value)) for name, value in pairs if value), class_="known")


def _trace_of(shown: Shown, link: Link) -> Markup | None:
    """Of the latest occurrence, or where that has none, of the last that has one."""
    id_ = (shown.latest.trace_id if shown.latest is not None else "") or shown.group.trace_id
    if not id_:
        return None
    words, url = tag("code", cut(id_)), link(id_)
    return tag("a", words, href=url, rel="noreferrer noopener") if url else words


def _request(detail: dict[str, Any]) -> str:
    request = detail.get("request")
    if not isinstance(request, dict):
        return ""
    return " ".join(part for name in ("method", "url") if isinstance(part := request.get(name), str))


def _stack(latest: Kept | None) -> Markup:
    found = [trace for trace in traces(latest.detail)[:_TRACES] if trace.ours] if latest is not None else []
    if not found:
        why = "It came without a stack." if latest is not None else "No occurrence of it is kept any longer."
        return tag("p", why, class_="quiet")
    return join(*(_trace(trace) for trace in found))


def _trace(trace: Trace) -> Markup:
    ours = "\n".join(map(cut, trace.ours[:FRAMES]))
    rest = len(trace.ours) - FRAMES
    others = "\n".join(map(cut, trace.others[:_OTHERS]))
    words = f"{len(trace.others)} frame{'' if len(trace.others) == 1 else 's'} of libraries"
    return tag(
        "figure",
        tag("figcaption", cut(trace.title) or "Stack"),
        tag("pre", ours + (f"\n… {rest} more" if rest > 0 else "")),
        tag("details", tag("summary", words), tag("pre", others)) if others else None,
    )


def _resolving(call: Call, group: Group) -> Markup:
    if not call.services.web.admin_tokens:
        words = "To resolve it, configure an admin token ("
        return tag("p", words, tag("code", "web.admin_tokens"), ") and use the API.", class_="quiet")
    line = (
        f'curl -X PATCH -H "Authorization: Bearer $TOKEN" -d \'{{"status": "resolved"}}\' '
        f"{_base(call)}/api/v1/errors/{group.id}"
    )
    return join(tag("p", "Resolve it, with an admin token in $TOKEN:", class_="quiet"), tag("pre", line))


def _base(call: Call) -> str:
    """As the reader came here. A Host that a shell would do more with than pass on is not repeated."""
    host = call.request.headers.get("Host", "")
    scheme = "https" if call.request.secure else "http"
    return f"{scheme}://{host if _HOST.fullmatch(host) else 'localhost:9676'}"


def _link(group: Group, kept_open: bool) -> Markup:
    if kept_open:
        return tag("p", tag("a", "Close it", href="/"), class_="quiet")
    link = tag("a", "Keep it open", href=f"/?error={group.id}#error-{group.id}")
    return tag("p", link, " while the page refreshes.", class_="quiet")
