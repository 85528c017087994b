"""Divides every duration in rules, in Alertmanager's routes and in Prometheus' configuration by one factor.

What takes half an hour in production is then seen in half a minute: in the demo, in tests, and by whoever wants to see
an alert arrive. The text keeps every other byte: comments, order, quotes.
"""

import math
import re
from collections.abc import Iterator

import yaml

KEYS = frozenset({
    "for", "keep_firing_for", "interval", "query_offset",
    "group_wait", "group_interval", "repeat_interval", "resolve_timeout",
    "scrape_interval", "scrape_timeout", "evaluation_interval",
})  # fmt: skip
"""Whose values are durations; `expr` holds some."""
_FREE = frozenset({"annotations", "labels", "external_labels"})
"""What is below is text of people."""
_UNITS = {"y": 31_536_000_000, "w": 604_800_000, "d": 86_400_000, "h": 3_600_000, "m": 60_000, "s": 1_000, "ms": 1}
_DURATION = r"(?:\d+(?:ms|[smhdwy]))+"
_PART = re.compile(r"(\d+)(ms|[smhdwy])")
_WHOLE = re.compile(_DURATION)
# In PromQL: strings and comments, which stay; [5m] and [1h:5m]; offset 10m; a horizon's seconds, which end the call.
_EXPRESSION = re.compile(
    r"""("(?:\\.|[^"\\])*"|'(?:\\.|[^'\\])*'|`[^`]*`|\#[^\n]*)"""
    rf"|(\[\s*{_DURATION}\s*(?::\s*(?:{_DURATION})?\s*)?\])"
    rf"|(\boffset\s+-?\s*{_DURATION})"
    r"|(\bpredict_linear\b)"
)


def divided(text: str, factor: float) -> str:
    """The YAML text with its durations divided; none is below 1 ms but those that are 0.

    Raises ValueError for a factor or a horizon that is none, yaml.YAMLError.
    """
    if not (math.isfinite(factor) and factor > 0):
        raise ValueError("a factor is more than 0")
    if factor == 1:
        return text
    spans = sorted(_spans(yaml.compose(text, Loader=yaml.SafeLoader)))
    pieces, at = [], 0
    for begin, end, promql in spans:
        piece = text[begin:end]
        pieces += [text[at:begin], _expression(piece, factor) if promql else _each(piece, factor)]
        at = end
    return "".join([*pieces, text[at:]])


def _spans(node: yaml.Node | None) -> Iterator[tuple[int, int, bool]]:
    """Where durations are written, and expressions (True)."""
    if isinstance(node, yaml.SequenceNode):
        for one in node.value:
            yield from _spans(one)
    elif isinstance(node, yaml.MappingNode):
        for key, value in node.value:
            if key.value in _FREE:
                continue
            if isinstance(value, yaml.ScalarNode):
                if key.value in KEYS or key.value == "expr":
                    yield value.start_mark.index, value.end_mark.index, key.value == "expr"
            else:
                yield from _spans(value)


def _expression(text: str, factor: float) -> str:
    horizons = list(_horizons(text))

    def replaced(match: re.Match[str]) -> str:
        return match[0] if match[1] or match[4] else _each(match[0], factor)

    pieces, at = [], 0
    for begin, end in horizons:
        pieces += [_EXPRESSION.sub(replaced, text[at:begin]), f"{float(text[begin:end]) / factor:g}"]
        at = end
    return "".join([*pieces, _EXPRESSION.sub(replaced, text[at:])])


def _horizons(text: str) -> Iterator[tuple[int, int]]:
    """Where the second arguments of predict_linear are, which PromQL has as a number of seconds."""
    for match in _EXPRESSION.finditer(text):
        if not match[4]:
            continue
        depth, at, comma = 0, match.end(), -1
        while at < len(text):
            letter = text[at]
            depth += {"(": 1, "[": 1, "{": 1, ")": -1, "]": -1, "}": -1}.get(letter, 0)
            if letter == "," and depth == 1:
                comma = at
            if depth == 0 and letter == ")":
                break
            at += 1
        number = re.compile(r"\s*(\d+(?:\.\d+)?)\s*").fullmatch(text, comma + 1, at)
        if number is None:
            raise ValueError("predict_linear's horizon is a plain number of seconds")
        yield number.span(1)


def _each(text: str, factor: float) -> str:
    return _WHOLE.sub(lambda match: _written(_milliseconds(match[0]) / factor), text)


def _milliseconds(written: str) -> int:
    return sum(int(number) * _UNITS[unit] for number, unit in _PART.findall(written))


def _written(milliseconds: float) -> str:
    """In the largest unit of which it is a whole number."""
    left = max(round(milliseconds), 1) if milliseconds else 0
    unit, size = next(one for one in _UNITS.items() if left % one[1] == 0) if left else ("s", 1)
    return f"{left // size}{unit}"
