"""OpenTelemetry's consistent probability sampling (tracestate, ot=th:…;rv:…): what a span stands for, what is kept.

`th` is the rejection threshold T of 56 bits, in hexadecimal digits without the zeros at its end; R is the randomness of
a trace, `rv` or the last 56 bits of its id. A span is kept when R is T at least, which holds for 1 - T / 2^56 of them.
(OpenTelemetry specification, "TraceState: Probability Sampling".)
"""

import math
from typing import NamedTuple

_ALL = 1 << 56
_DIGITS = 14
_HEX = frozenset("0123456789abcdef")
_PRECISION = 4
"""Significant digits of a threshold, as the specification recommends to SDKs: for one ratio all have the same."""
_LONGEST_OT, _LONGEST, _LONG_MEMBER, _MOST = 256, 512, 128, 32
"""Characters of the member `ot`, of all, of a member that goes first where there is no room, and members: of W3C Trace
Context, "tracestate Limits", and OpenTelemetry's "TraceState Handling"."""
_STATES, _STATE = 1_024, 512


def weight(trace_state: str) -> float:
    """How many spans one stands for; 1 where the client does not sample, or does not say."""
    threshold = _read(trace_state).threshold
    return 1.0 if threshold is None else _ALL / (_ALL - threshold)


class Sampling:
    """Keeps a share of the traces, chosen by their ids: an equalizing downstream sampler, as the specification says."""

    def __init__(self, ratio: float) -> None:
        self._threshold, self._digits = _threshold(ratio)
        self._states: dict[bytes, _State] = {b"": _State(None, None, (), ())}

    def kept(self, trace_id: bytes, trace_state: bytes) -> bool:
        """Whether its spans are forwarded: all of a trace or none, unless its spans differ in `rv`."""
        state = self._states.get(trace_state) or self._learn(trace_state)
        random = int.from_bytes(trace_id[-7:], "big") if state.random is None else state.random
        return random >= self._threshold

    def written(self, trace_id: bytes, trace_state: bytes) -> bytes:
        """The trace state of a span that is kept; the same object where it stays."""
        state = self._states.get(trace_state) or self._learn(trace_state)
        random = int.from_bytes(trace_id[-7:], "big") if state.random is None else state.random
        if state.threshold is not None and random < state.threshold:
            # An earlier stage would not have kept it: how many it stands for is unknown, and its `th` goes.
            return _joined(state, "")
        if state.threshold is not None and state.threshold >= self._threshold:
            return trace_state
        return _joined(state, self._digits)

    def _learn(self, trace_state: bytes) -> "_State":
        state = _read(trace_state.decode("latin-1"))
        if len(trace_state) <= _STATE:
            if len(self._states) >= _STATES:
                self._states.clear()
            self._states[trace_state] = state
        return state


class _State(NamedTuple):
    threshold: int | None
    random: int | None
    fields: tuple[str, ...]
    """Of the member `ot`, but for `th`."""
    members: tuple[str, ...]
    """All others."""


def _read(trace_state: str) -> _State:
    threshold = random = None
    fields: list[str] = []
    members: list[str] = []
    found = False
    for each in trace_state.split(","):
        member = each.strip()
        vendor, _, rest = member.partition("=")
        if vendor != "ot":
            members += [member] if member else []
            continue
        if found:
            continue  # a key stands once; the first counts
        found = True
        for field in rest.split(";"):
            key, _, digits = field.partition(":")
            right = 0 < len(digits) <= _DIGITS and _HEX.issuperset(digits)
            if key == "th":
                if right and threshold is None:
                    threshold = int(digits.ljust(_DIGITS, "0"), 16)
                continue
            if key == "rv" and right and len(digits) == _DIGITS and random is None:
                random = int(digits, 16)
            fields += [field] if field else []
    return _State(threshold, random, tuple(fields), tuple(members))


def _threshold(ratio: float) -> tuple[int, str]:
    """T of a probability, rounded to so many digits after the f's at its beginning; and its digits."""
    if ratio >= 1:
        return 0, "0"
    if ratio <= 0:
        return _ALL, ""
    precision = max(1, min(12, _PRECISION + math.frexp(ratio)[1] // -4))
    unit = 1 << 4 * (_DIGITS - precision)
    threshold = min(round((1 - ratio) * _ALL / unit), (1 << 4 * precision) - 1) * unit
    return threshold, f"{threshold:014x}".rstrip("0") or "0"


def _joined(state: _State, digits: str) -> bytes:
    """`ot` goes first, as what was changed last does; without room the last of the others go."""
    th = (f"th:{digits}",) if digits else ()
    fields = (*th, *state.fields)
    if len(";".join(("ot=", *fields))) - 4 > _LONGEST_OT:
        fields = (*th, *(field for field in state.fields if field.startswith("rv:") and len(field) == _DIGITS + 3))
    members = [f"ot={';'.join(fields)}"] if fields else []
    others = list(state.members[: _MOST - 1])
    while others and len(",".join(members + others)) > _LONGEST:
        long = [index for index, member in enumerate(others) if len(member) > _LONG_MEMBER]
        del others[long[-1] if long else -1]
    return ",".join(members + others).encode("latin-1")
