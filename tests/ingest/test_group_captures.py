"""The requests of real SDKs, read as they came: what each error is called, and that none falls in with another."""

import json
from functools import lru_cache
from pathlib import Path

import msgspec
import pytest

from exporter.config.application import Scrub
from exporter.decoding import decoder
from exporter.ingest.envelope import Envelope
from exporter.ingest.group import Groups
from exporter.ingest.scrub import Scrubbing
from exporter.ingest.sentry_event import Sent, occurrence
from exporter.ingest.values import Frame, Occurrence
from tests.tree import ROOT

CAPTURES = ROOT / "tests" / "fixtures" / "captures"

# Of the request's file: title, culprit, type, severity.
ERRORS = {
    "sentry-django-testclient-01": ("KeyError: 'missing'", "checkout in app_django", "KeyError", "high"),
    "sentry-django-wsgi-50": ("KeyError: 'missing'", "checkout in app_django_wsgi", "KeyError", "high"),
    "sentry-fastapi-12": ("ZeroDivisionError: division by zero", "item in app_fastapi", "ZeroDivisionError", "high"),
    "sentry-celery-16": ("ConnectionError: gateway down for 42", "charge in app_celery", "ConnectionError", "high"),
    "sentry-node-20": ("TypeError: bad id 3", "app", "TypeError", "high"),
    "sentry-browser-34": (
        "TypeError: Cannot read properties of null (reading 'total')",
        "HTMLButtonElement.? in browser",
        "TypeError",
        "high",
    ),
    "sentry-browser-36": ("Error: manual", "window.cap in browser", "Error", "medium"),
    "sentry-react-43": ("Error: render failed in <Bad>", "JR in react", "Error", "medium"),
}

MINIFIED = {"sentry-browser-34", "sentry-react-43"}
"""Whose functions are called by a letter or two, so that the message counts too."""


@lru_cache
def errors(file: Path) -> tuple[Occurrence, ...]:
    head, _, body = file.read_bytes().partition(b"\r\n\r\n")
    headers = dict(line.split(": ", 1) for line in head.decode().lower().split("\r\n")[1:])
    if (undo := decoder(headers.get("content-encoding", ""))) is not None:
        body, _ = undo.decode(body, 1 << 20)
    envelope = Envelope()
    envelope.feed(body)
    envelope.finish()
    sent = Sent("shop", "", Scrubbing(Scrub()), now=1.8e9, header=envelope.header or {})
    events = [item.payload for item in envelope.items if item.type == "event"]
    return tuple(occurrence(json.loads(event), sent, event) for event in events)


def error(name: str) -> Occurrence:
    (found,) = errors(CAPTURES / f"{name}.http")
    return found


def test_no_other_request_holds_an_error() -> None:
    assert {file.stem for file in CAPTURES.glob("sentry-*.http") if errors(file)} == set(ERRORS)


@pytest.mark.parametrize("name", ERRORS)
def test_an_error_of_a_real_sdk_is_called_by_its_class_and_place(name: str) -> None:
    found = Groups().group(error(name))
    assert (found.title, found.culprit, found.type, found.severity) == ERRORS[name]
    assert (found.code, found.team, found.security) == ("", "", False)


def test_each_is_a_group_of_its_own_and_comes_back_to_it() -> None:
    groups = Groups()
    first = [groups.group(error(name)).fingerprint for name in ERRORS]
    again = [groups.group(_later(error(name))).fingerprint for name in ERRORS]
    assert first == again
    assert len(set(first)) == len(ERRORS)


@pytest.mark.parametrize("name", [name for name in ERRORS if name not in MINIFIED])
def test_another_message_of_the_same_place_is_the_same_error(name: str) -> None:
    groups = Groups()
    one = error(name)
    last = msgspec.structs.replace(one.raised[-1], value="other words")
    other = msgspec.structs.replace(one, raised=(*one.raised[:-1], last))
    assert groups.group(one).fingerprint == groups.group(other).fingerprint


def _later(one: Occurrence) -> Occurrence:
    """Of the next release: on other lines, on another day."""

    def moved(frame: Frame) -> Frame:
        return msgspec.structs.replace(frame, line=frame.line + 7)

    raised = tuple(msgspec.structs.replace(each, frames=tuple(map(moved, each.frames))) for each in one.raised)
    return msgspec.structs.replace(
        one, id="f" * 32, at=one.at + 86_400, raised=raised, origin=msgspec.structs.replace(one.origin, release="9.9")
    )
