"""What is sent onward, back end by back end: what anybody may know of it, and what needs a token (PS-12)."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated, Literal

from msgspec import Meta, Struct, to_builtins

from exporter.forward.ports import Signal
from exporter.web.api.moment import stamp
from exporter.web.call import Call

if TYPE_CHECKING:
    from exporter.forward.backend import Backend

State = Literal["idle", "delivers", "waits", "rejects"]
STATES: tuple[State, ...] = ("rejects", "waits", "delivers", "idle")
_STATE: dict[str, State] = {"": "idle", "taken": "delivers", "later": "waits", "rejected": "rejects"}
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
    bytes_limit: Annotated[int, Meta(description="That they may take up: spool.size.")]
    oldest: Annotated[Stamp | None, Meta(description="When the oldest of them came.")]
    age_limit: Annotated[float, Meta(description="Seconds for which they may wait: spool.age.")]
    durable: Annotated[bool, Meta(description="Whether they are on disk, and outlast the process.")]
    refuses: Annotated[str, Meta(description="Why nothing more is taken in for it now: full, unavailable.")]
    last_success: Annotated[Stamp | None, Meta(description="When it last took something.")]
    dropped: Annotated[dict[str, int], Meta(description="Items lost since the daemon started, by reason.")]


def back_ends(call: Call) -> Sequence["Backend"]:
    """In the order of the configuration; none where nothing is sent onward."""
    forwarding = call.services.forwarding
    return forwarding.backends if forwarding is not None else ()


def brief(one: "Backend") -> Brief:
    return Brief(one.signal, one.name, _STATE[one.state])


def destination(one: "Backend") -> Destination:
    queue, bounds, state = one.queue, one.target.waiting, _STATE[one.state]
    return Destination(
        signal=one.signal,
        name=one.name,
        state=state,
        reason=one.detail if state in ("waits", "rejects") else "",
        address=one.address,
        items=queue.items,
        bytes=queue.size,
        bytes_limit=int(bounds.size),
        oldest=stamp(queue.oldest) if queue.oldest else None,
        age_limit=float(bounds.age),
        durable=queue.durable,
        refuses=queue.refusing,
        last_success=stamp(one.last_success) if one.last_success else None,
        dropped={reason: int(items) for reason, items in one.figures.dropped.items() if items},
    )


def report(call: Call, *, detailed: bool) -> list[dict[str, object]]:
    """As values for the JSON form."""
    return [to_builtins(destination(one) if detailed else brief(one)) for one in back_ends(call)]
