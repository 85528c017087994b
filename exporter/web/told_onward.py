"""What is sent onward, on the status page: whether each back end takes it, what waits for it, and what was lost."""

from typing import TYPE_CHECKING

from exporter.forward.ports import Signal
from exporter.quantity import size, span
from exporter.web import onward
from exporter.web.call import Call
from exporter.web.markup import Markup, join, tag
from exporter.web.onward import Brief
from exporter.web.told_parts import ago, table, under

if TYPE_CHECKING:
    from exporter.forward.backend import Backend

_ITEMS: dict[Signal, tuple[str, str]] = {
    "traces": ("span", "spans"),
    "logs": ("log record", "log records"),
    "metrics": ("data point", "data points"),
}
_TONES = {"delivers": "healthy", "waits": "warning", "rejects": "critical", "idle": "unknown"}
_WORDS = {"idle": "nothing sent yet"}
_NONE = tag("td", "–", class_="none")


def section(call: Call, now: float) -> Markup | None:
    """None where nothing is sent onward. Without a token no more than names and states."""
    found = onward.back_ends(call)
    if not found:
        return None
    title = tag("h2", "Sent onward")
    if not call.detailed:
        return join(title, table(("Back end", "State"), [_brief(onward.brief(one)) for one in found], "onward"))
    columns = ("Back end", "State", "Waiting", "Oldest", "Last success", "Lost")
    return join(title, table(columns, [_row(one, now) for one in found], "onward"))


def troubled(call: Call) -> bool:
    """Whether a back end does not take what is sent, or what is to be sent can't be kept for it."""
    return any(onward.brief(one).state in ("waits", "rejects") or one.queue.refusing for one in onward.back_ends(call))


def _brief(one: Brief) -> Markup:
    return tag("tr", tag("td", tag("b", one.name), under(one.signal), class_="what"), tag("td", _state(one)))


def _row(backend: "Backend", now: float) -> Markup:
    queue, one = backend.queue, onward.destination(backend)
    place = "on disk" if one.durable else "in memory"
    named = backend.target.named
    where = f"{one.signal} · {one.address} · {place}" if named else f"{one.signal} · {place}"
    refusing = f"nothing more is taken in: {one.refuses}" if one.refuses else ""
    oldest = join(ago(queue.oldest, now), under(f"of {span(one.age_limit)}"))
    waiting = join(_items(one.signal, one.items), under(f"{size(one.bytes)} of {size(one.bytes_limit)}"))
    lost = [tag("span", f"{n:,} {reason}", class_="lost") for reason, n in one.dropped.items()]
    return tag(
        "tr",
        tag("td", tag("b", one.name if named else one.address), under(where), class_="what"),
        tag("td", _state(one), under(one.reason), under(refusing), class_="reason"),
        tag("td", waiting, class_="waiting") if one.items else _NONE,
        tag("td", oldest, class_="oldest") if queue.oldest else _NONE,
        tag("td", ago(backend.last_success, now, " ago") if backend.last_success else "never"),
        tag("td", *lost) if lost else _NONE,
    )


def _state(one: Brief) -> Markup:
    return tag("span", _WORDS.get(one.state, one.state), class_=f"badge {_TONES[one.state]}")


def _items(signal: Signal, count: int) -> str:
    return f"{count:,} {_ITEMS[signal][count != 1]}"
