"""One fault for both severities: a component for each, as a critical alert silences the warning of the same component."""

from collections.abc import Mapping
from typing import Any


def twice(*alerts: str) -> list[str]:
    """NAME/warning and NAME/critical of each."""
    return [f"{alert}/{severity}" for alert in alerts for severity in ("warning", "critical")]


def both(name: str, fields: Mapping[str, Any], limits: Mapping[str, Any], **others: Any) -> dict[str, Any]:
    """Two components of the same fields: where one has a limit as its warning, the other has it as critical."""
    return {
        f"{name}_{severity}": {
            **fields,
            "thresholds": {
                signal: {"warning": "off", "critical": "off"} | {severity: limit} for signal, limit in limits.items()
            }
            | dict(others),
        }
        for severity in ("warning", "critical")
    }
