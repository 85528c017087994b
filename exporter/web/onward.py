"""What is sent onward, back end by back end: what anybody may know of it, and what needs a token (PS-12)."""

from collections.abc import Sequence
from typing import Annotated, Literal

from msgspec import Meta, Struct, to_builtins

from exporter.config.onward import Forward, Waiting
from exporter.forward.figures import DROPPED
from exporter.forward.ports import Signal
from exporter.web.api.moment import stamp
from exporter.web.call import Call
from exporter.web.destinations import BackEnd

State = Literal["idle", "delivers", "waits", "rejects"]
STATES: tuple[State, ...] = ("rejects", "waits", "delivers", "idle")
Stamp = Annotated[str, Meta(extra_json_schema={"format": "date-time"})]


class Brief(Struct, frozen=True):
    """A back end, as far as anybody may know."""

    signal: Signal
    name: Annotated[str, Meta(description="As in the label `backend`.")]
    state: Annotated[
        State, Meta(description="By its last answer: waits where that may be sent again, rejects where it may not.")
    ]


class Destination(Brief, frozen=True):
    """A back end, with what waits for it."""

    reason: Annotated[str, Meta(description="Why it waits or rejects, in words.")]
    address: Annotated[str, Meta(description="Host and port.")]
    items: Annotated[int, Meta(description="Spans, log records or data points that wait.")]
    bytes: Annotated[int, Meta(description="That these take up.")]
    bytes_limit: Annotated[int | None, Meta(description="spool.size of the configuration.")]
    oldest: Annotated[Stamp | None, Meta(description="When the oldest of them came.")]
    age_limit: Annotated[float | None, Meta(description="spool.age of the configuration, in seconds.")]
    durable: Annotated[bool, Meta(description="Whether they are on disk, and outlast the process.")]
    refuses: Annotated[str, Meta(description="Why nothing more is taken in now: full, unavailable.")]
    last_success: Annotated[Stamp | None, Meta(description="When it last took something.")]
    dropped: Annotated[dict[str, int], Meta(description="Items lost since the daemon started, by reason.")]


def brief(one: BackEnd) -> Brief:
    return Brief(one.signal, one.name, _state(one))


def destination(call: Call, one: BackEnd) -> Destination:
    queue, state = one.queue, _state(one)
    bounds = _bounds(call.services.config.forward, one)
    return Destination(
        signal=one.signal,
        name=one.name,
        state=state,
        reason=one.detail if state in ("waits", "rejects") else "",
        address=one.address,
        items=queue.items,
        bytes=queue.size,
        bytes_limit=bounds.size if bounds is not None else None,
        oldest=stamp(queue.oldest) if queue.oldest else None,
        age_limit=bounds.age if bounds is not None else None,
        durable=queue.durable,
        refuses=queue.refusing,
        last_success=stamp(one.last_success) if one.last_success else None,
        dropped=_dropped(call, one),
    )


def back_ends(call: Call) -> Sequence[BackEnd]:
    """In the order of the configuration; none where nothing is sent onward."""
    forwarding = call.services.forwarding
    return forwarding.backends if forwarding is not None else ()


def report(call: Call, *, detailed: bool) -> list[dict[str, object]]:
    """As values for the JSON form."""
    found = [destination(call, one) if detailed else brief(one) for one in back_ends(call)]
    return [to_builtins(one) for one in found]


def _state(one: BackEnd) -> State:
    if one.state == "taken":
        return "delivers"
    if one.state == "rejected":
        return "rejects"
    return "waits" if one.state == "later" else "idle"


def _bounds(forward: Forward, one: BackEnd) -> Waiting | None:
    """Of its spool; none while a reload takes it away."""
    for place, configured in enumerate(getattr(forward, one.signal)):
        if (configured.name or str(place)) == one.name:
            return configured.spool or forward.spool
    return None


def _dropped(call: Call, one: BackEnd) -> dict[str, int]:
    family = call.services.state.tallies.families.get(DROPPED)
    found: dict[str, int] = {}
    for (signal, name, reason), child in family.children.items() if family is not None else ():
        if child.value and (signal, name) == (one.signal, one.name):
            found[reason] = int(child.value)
    return found
