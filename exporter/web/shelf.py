"""Which runbooks there are."""

import re

from exporter.rules import shipped

_NAME = re.compile(r"[A-Za-z0-9_-]{1,100}")


def names() -> list[str]:
    """Of the alerts that have one."""
    return sorted(path.stem for path in shipped.runbooks().glob("*.md") if is_name(path.stem))


def address(alert: str) -> str:
    """Of the page about an alert; empty when there is none."""
    known = is_name(alert) and (shipped.runbooks() / f"{alert}.md").is_file()
    return f"/runbooks/{alert}" if known else ""


def text(alert: str) -> str:
    """Markdown."""
    return (shipped.runbooks() / f"{alert}.md").read_text(encoding="utf-8")


def is_name(alert: str) -> bool:
    """Whether it can be a name, and so no path."""
    return bool(_NAME.fullmatch(alert))
