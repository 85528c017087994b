"""What the sections of the status page have in common: headings with counts, texts cut to a length, ages, tones."""

from exporter.quantity import span
from exporter.web.api.moment import stamp
from exporter.web.markup import Markup, tag

LISTED = 10
LONGEST = 240
"""Characters of a title or message."""


def heading(name: str, total: int, which: str = "", **attributes: str) -> Markup:
    most = f", {LISTED} shown" if total > LISTED else ""
    return tag("h2", f"{name} ({' '.join(filter(None, (f'{total:,}', which)))}{most})", **attributes)


def table(columns: tuple[str, ...], rows: list[Markup], name: str) -> Markup:
    head = tag("thead", tag("tr", *(tag("th", column, scope="col") for column in columns)))
    return tag("div", tag("table", head, tag("tbody", *rows), class_=name), class_="told")


def tone(severity: str) -> str:
    if severity in ("critical", "page"):
        return "critical"
    return "warning" if severity in ("high", "warning", "error") else "unknown"


def under(text: str) -> Markup | None:
    return tag("small", cut(text)) if text else None


def cut(text: str) -> str:
    return text if len(text) <= LONGEST else f"{text[: LONGEST - 1]}…"


def ago(at: float, now: float, after: str = "") -> Markup:
    when = stamp(at)
    return tag("time", f"{span(max(0.0, now - at))}{after}", datetime=when, title=when)
