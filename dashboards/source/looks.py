"""Colours, and the words that stand for numbers: the same on every dashboard."""

from collections.abc import Sequence

from grafana_foundation_sdk.builders.dashboard import ThresholdsConfig
from grafana_foundation_sdk.models.dashboard import (
    Threshold,
    ThresholdsMode,
    ValueMap,
    ValueMapping,
    ValueMappingResult,
)

GOOD, WARNING, CRITICAL, UNKNOWN, MAINTENANCE = "green", "orange", "red", "text", "blue"
Steps = Sequence[tuple[float, str]]
"""From which value on which colour, after the first, which is that of everything below."""
STATUS = {"healthy": GOOD, "maintenance": MAINTENANCE, "unknown": UNKNOWN, "degraded": WARNING, "unhealthy": CRITICAL}
"""From the best to the worst, in the order of their codes from 0 on: of several daemons the worst is shown."""
YES_NO = {"1": ("yes", GOOD), "0": ("no", CRITICAL)}
NEVER = {"null": ("never", UNKNOWN)}
Words = dict[str, tuple[str, str]]
"""What a value is shown as, and in which colour."""
CODES: Words = {str(code): item for code, item in enumerate(STATUS.items())}
"""Of the status as a number: see status_code."""
NAMES: Words = {name: (name, colour) for name, colour in STATUS.items()} | {
    "warning": ("warning", WARNING),
    "critical": ("critical", CRITICAL),
}
"""Of what is a word already, which is given its colour alone."""


def mappings(words: Words) -> list[ValueMapping]:
    results = {
        value: ValueMappingResult(text=text, color=colour, index=index)
        for index, (value, (text, colour)) in enumerate(words.items())
    }
    return [ValueMap(options=results)]


def steps(first: str, following: Steps) -> ThresholdsConfig:
    found = [Threshold(value=None, color=first), *(Threshold(value=value, color=colour) for value, colour in following)]
    return ThresholdsConfig().mode(ThresholdsMode.ABSOLUTE).steps(found)


def status_code(labels: str = 'component=~"$component"') -> str:
    """PromQL for each component's status as a number, in the order of STATUS."""
    parts = [f'stack_component_status{{{labels}, status="{name}"}} * {code}' for code, name in enumerate(STATUS)]
    return "max by (component) (\n  " + "\n  or ".join(parts) + "\n)"
