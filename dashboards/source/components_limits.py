"""Thresholds of signals that mean the same and that kinds call otherwise, or that other kinds have too."""

from dashboards.source.query import ON, Query, Severity


def limits(unit: str, signals: str, kinds: str, *, above: bool = True) -> tuple[Query, Query]:
    """The strictest of those of the components shown. `signals`, `kinds`: regular expressions."""
    strictest = "min" if above else "max"
    of = f'and on ({ON}) stack_component_info{{kind=~"{kinds}"}}'

    def limit(severity: Severity) -> Query:
        labels = f'component=~"$component", signal=~"{signals}", severity="{severity}"'
        return Query(f"{strictest}(stack_threshold_{unit}{{{labels}}} {of})", f"{severity} from", severity)

    return limit("warning"), limit("critical")
