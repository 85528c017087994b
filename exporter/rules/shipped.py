"""Where alert rules, runbooks and dashboards are: in the package, or in the checkout that runs."""

from pathlib import Path

_PACKAGE = Path(__file__).parent
_CHECKOUT = _PACKAGE.parents[1]


def alert_rules() -> Path:
    """The folder of the rule files, FILE.yml."""
    return _first(_PACKAGE / "alert_rules", _CHECKOUT / "alert_rules")


def runbooks() -> Path:
    """The folder of the runbooks, ALERT.md."""
    return _first(_PACKAGE / "runbooks", _CHECKOUT / "docs" / "runbooks")


def dashboards() -> Path:
    """The folder of the dashboards, UID.json."""
    return _first(_PACKAGE / "dashboards", _CHECKOUT / "dashboards")


def _first(packaged: Path, checkout: Path) -> Path:
    return packaged if packaged.is_dir() else checkout
