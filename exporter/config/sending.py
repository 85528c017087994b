"""What is wrong between the parts of the sections on what applications send: ids, keys, statuses and bounds."""

import re
from collections.abc import Iterator, Mapping
from contextlib import suppress
from typing import Any

import msgspec

from exporter.config.problem import Path, Report
from exporter.values import Duration, Ratio, Size, decode

SMALLEST_STORE = 16 * 1024**2
MOST_FREE = 0.5
_ID = re.compile(r"[0-9]{1,20}")
_STATUS = re.compile(r"[0-9]{3}|[0-9][xX]{2}")
_RETENTION = {"errors": Duration, "events": Duration, "alerts": Duration, "size": Size, "low_space": Ratio}


def check(values: Mapping[str, Any], report: Report) -> None:
    """Add what is wrong with the sections as they are written, right or wrong each by itself."""
    problems = [*_projects(_mapping(values, "ingest", "projects")), *_classes(_mapping(values, "classes"))]
    problems += _retention(_mapping(values, "retention"))
    for path, message in problems:
        report.add(path, message)


def _projects(projects: Mapping[Any, Any]) -> Iterator[tuple[Path, str]]:
    for number in projects:
        path = ("ingest", "projects", number)
        if not _ID.fullmatch(str(number)):
            yield path, "a project's id is a number, as it stands at the end of a DSN"


def _classes(classes: Mapping[Any, Any]) -> Iterator[tuple[Path, str]]:
    for key in classes:
        text = str(key)
        if not _STATUS.fullmatch(text):
            continue
        if not "1" <= text[0] <= "5":
            yield ("classes", key), "is no HTTP status: they are 100 to 599, or 4xx for all of them"
        elif "X" in text:
            yield ("classes", key), f"is written {text.lower()}"


def _retention(retention: Mapping[Any, Any]) -> Iterator[tuple[Path, str]]:
    for key, wanted in _RETENTION.items():
        value: Any = None
        with suppress(msgspec.ValidationError):  # which is told where the section is read
            value = msgspec.convert(retention.get(key), wanted, dec_hook=decode)
        if value is None:
            continue
        if wanted is Duration and value <= 0:
            yield ("retention", key), "expected more than 0s"
        elif key == "size" and value < SMALLEST_STORE:
            yield ("retention", key), "expected 16MiB at least"
        elif key == "low_space" and value > MOST_FREE:
            yield ("retention", key), "expected 50% at most: below it nothing new is kept"


def _mapping(values: Mapping[str, Any], *steps: str) -> Mapping[Any, Any]:
    found: Any = values
    for step in steps:
        found = found.get(step) if isinstance(found, dict) else None
    return found if isinstance(found, dict) else {}
