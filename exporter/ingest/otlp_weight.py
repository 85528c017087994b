"""How many spans one stands for, by OpenTelemetry's consistent probability sampling (tracestate, ot=th:…)."""

_ALL = 1 << 56
_DIGITS = 14


def weight(trace_state: str) -> float:
    """1 where the client does not sample, or does not say.

    `th` is the rejection threshold T of 56 bits, in hexadecimal digits without the zeros at its end: a span is kept
    when the randomness of its trace id is T at least, which holds for 1 - T / 2^56 of them.
    """
    for member in trace_state.split(","):
        vendor, _, fields = member.strip().partition("=")
        if vendor != "ot":
            continue
        for field in fields.split(";"):
            key, _, digits = field.partition(":")
            if key == "th" and 0 < len(digits) <= _DIGITS and set(digits) <= set("0123456789abcdef"):
                return _ALL / (_ALL - int(digits.ljust(_DIGITS, "0"), 16))
    return 1.0
