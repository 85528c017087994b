"""Occurrences of Sentry events: every form that SDKs have sent, times, users, and what is kept to be shown."""

from typing import Any

import msgspec
import pytest

from exporter.ingest.values import Frame, Raised
from tests.ingest.sentry_made import HEADER, ID, NOW, SHOP, SPAN, TRACE, batch, occurrence

ONE = {"type": "ValueError", "value": "no stock"}
FRAMES = [
    {"function": "main", "module": "__main__", "filename": "app.py", "abs_path": "/srv/shop/app.py", "lineno": 3},
    {"function": "charge", "module": "shop.pay", "filename": "shop/pay.py", "lineno": 7, "in_app": True},
]
STACK = (
    Frame(module="__main__", function="main", filename="/srv/shop/app.py", line=3),
    Frame(module="shop.pay", function="charge", filename="shop/pay.py", line=7, in_app=True),
)
CHAINS: dict[str, tuple[Any, tuple[Raised, ...]]] = {
    "values": ({"exception": {"values": [ONE]}}, (Raised("ValueError", "no stock"),)),
    "a list": ({"exception": [ONE]}, (Raised("ValueError", "no stock"),)),
    "one alone": ({"exception": ONE}, (Raised("ValueError", "no stock"),)),
    "the older name": ({"sentry.interfaces.Exception": [ONE]}, (Raised("ValueError", "no stock"),)),
    "cause and what came of it": (
        {"exception": {"values": [{"type": "KeyError", "module": "builtins"}, None, ONE]}},
        (Raised("KeyError", module="builtins"), Raised("ValueError", "no stock")),
    ),
    "without a type": ({"exception": {"values": [{"value": "thrown"}]}}, (Raised("Error", "thrown"),)),
    "not handled": (
        {"exception": [{**ONE, "mechanism": {"type": "django", "handled": False}}]},
        (Raised("ValueError", "no stock", handled=False),),
    ),
    "with its stack": (
        {"exception": [{**ONE, "stacktrace": {"frames": FRAMES}}]},
        (Raised("ValueError", "no stock", frames=STACK),),
    ),
    "the stack beside it": (
        {"exception": [ONE], "stacktrace": {"frames": FRAMES}},
        (Raised("ValueError", "no stock", frames=STACK),),
    ),
    "the stack of the thread that crashed": (
        {"exception": [ONE], "threads": {"values": [{"id": 1}, {"crashed": True, "stacktrace": {"frames": FRAMES}}]}},
        (Raised("ValueError", "no stock", frames=STACK),),
    ),
    "none": ({"exception": {"values": []}}, ()),
}
MESSAGES = {
    "plain": ({"message": "no stock"}, ("no stock", "")),
    "logentry": ({"logentry": {"message": "no %s", "params": ["stock"]}}, ("no stock", "no %s")),
    "formatted": ({"logentry": {"message": "no %s", "formatted": "no stock"}}, ("no stock", "no %s")),
    "nothing filled in": ({"logentry": {"message": "no stock", "formatted": "no stock"}}, ("no stock", "")),
    "by name": ({"logentry": {"message": "no %(what)s", "params": {"what": "stock"}}}, ("no stock", "no %(what)s")),
    "braces": ({"logentry": {"message": "no {}", "params": ["stock"]}}, ("no stock", "no {}")),
    "too few": ({"logentry": {"message": "%s %s", "params": ["a"]}}, ("a %s", "%s %s")),
    "an object": ({"message": {"message": "no %s", "params": ["stock"]}}, ("no stock", "no %s")),
}


@pytest.mark.parametrize("name", CHAINS)
def test_exceptions(name: str) -> None:
    event, raised = CHAINS[name]
    assert occurrence(event).raised == raised


@pytest.mark.parametrize("name", MESSAGES)
def test_messages(name: str) -> None:
    event, expected = MESSAGES[name]
    found = occurrence(event)
    assert (found.message, found.template) == expected


def test_an_event_as_a_whole() -> None:
    event = {
        "level": "fatal",
        "platform": "python",
        "logger": "shop.pay",
        "release": "1.4.2",
        "environment": "staging",
        "transaction": "/orders/{id}",
        "fingerprint": ["{{ default }}", 7],
        "request": {"url": "https://shop.example/orders/42?x=1", "method": "POST", "headers": [["Cookie", "sid=1"]]},
        "tags": [["error_code", "CARD_REFUSED"], ["http.status_code", "402"]],
        "contexts": {"trace": {"trace_id": TRACE.upper(), "span_id": SPAN}},
        "user": {"id": "7", "ip_address": "{{auto}}"},
        "message": "card 4111 1111 1111 1111 refused",
        "modules": {"django": "5"},
    }
    found = occurrence(event, {})
    assert found.user == occurrence({"user": {"id": "7"}}).user
    assert len(found.user) == 16
    assert msgspec.structs.asdict(found) | {"detail": {}, "user": "", "origin": None} == {
        **{"id": ID, "at": NOW, "source": "sdk", "level": "fatal", "raised": (), "template": "", "origin": None},
        **{"message": "card [card] refused", "fingerprint": ("{{ default }}", "7"), "transaction": "/orders/{id}"},
        **{"path": "/orders/42", "status": 402, "code": "CARD_REFUSED", "user": "", "trace_id": TRACE, "span_id": SPAN},
        **{"platform": "python", "logger": "shop.pay", "detail": {}, "severity": None},
    }
    assert (found.origin.service, found.origin.environment, found.origin.release) == ("shop", "staging", "1.4.2")
    assert "modules" not in found.detail
    assert found.detail["tags"] == {"error_code": "CARD_REFUSED", "http.status_code": "402"}
    assert found.detail["request"]["headers"] == {"Cookie": "[Filtered]"}


def test_what_the_event_does_not_say_the_envelope_says() -> None:
    (found,) = batch("event", {"message": "x"}, {**HEADER, "event_id": ID}).occurrences
    assert (found.id, found.origin, found.at, found.level) == (ID, SHOP, NOW, "error")


def test_without_an_id_the_same_bytes_are_the_same_event() -> None:
    (one,), (same,), (other,) = (batch("event", {"message": text}).occurrences for text in ("a", "a", "b"))
    assert one.id == same.id != other.id
    assert len(one.id) == 32


TIMES = {
    "text": ("2026-11-18T11:06:39.500000Z", NOW - 0.5),
    "text with a zone": ("2026-11-18T13:06:39.5+02:00", NOW - 0.5),
    "text without a zone": ("2026-11-18T11:06:39", NOW - 1),
    "a number": (NOW - 7.25, NOW - 7.25),
    "a number as text": (str(NOW - 7.25), NOW - 7.25),
    "a year ago": (NOW - 365 * 86_400, NOW - 30 * 86_400),
    "in ten years": (NOW + 3650 * 86_400, NOW + 60),
    "nothing": (None, NOW),
    "no time": ("yesterday", NOW),
}


@pytest.mark.parametrize("name", TIMES)
def test_times(name: str) -> None:
    given, at = TIMES[name]
    assert occurrence({"timestamp": given}).at == at


def test_a_client_whose_clock_is_wrong_is_put_right_by_when_it_says_it_sent() -> None:
    for skew in (-10 * 365 * 86_400.0, 3_600.0, 10 * 365 * 86_400.0):
        assert occurrence({"timestamp": NOW + skew - 5}, {"sent_at": NOW + skew}).at == pytest.approx(NOW - 5)
    assert occurrence({"timestamp": NOW - 35}, {"sent_at": NOW - 30}).at == NOW - 35


def test_a_stack_keeps_its_ends_and_shows_the_frames_nearest_to_the_error() -> None:
    frame = {
        "context_line": "boom()",
        "pre_context": list("abcdef"),
        "post_context": list("ghijkl"),
        "vars": {"n": "1"},
    }
    frames = [{"function": f"f{number}", "in_app": number % 2 == 0, **frame} for number in range(300)]
    found = occurrence({"exception": [{**ONE, "stacktrace": {"frames": frames}}]})
    assert [one.function for one in found.raised[0].frames] == [f"f{n}" for n in (*range(50), *range(250, 300))]
    kept = found.detail["exception"]["values"][0]["stacktrace"]["frames"]
    assert [one["function"] for one in kept if "vars" in one] == ["f294", "f296", "f298"]
    assert kept[-2]["pre_context"] == ["d", "e", "f"]
    assert kept[-2]["post_context"] == ["g", "h", "i"]


def test_texts_are_cut_only_after_they_are_scrubbed() -> None:
    """Cut before, the first half of the address would stay."""
    secret = "x" * 1_020 + " jane.doe@example.com " + "y" * 2_000
    found = occurrence({"extra": {"said": secret}, "breadcrumbs": [{"message": str(n)} for n in range(100)]})
    assert found.detail["extra"]["said"].endswith("…")
    assert "jane" not in found.detail["extra"]["said"]
    assert [one["message"] for one in found.detail["breadcrumbs"]["values"]] == [str(n) for n in range(70, 100)]


def test_what_a_user_writes_is_feedback_without_name_and_address() -> None:
    form = {"contact_email": "jane@example.com", "name": "Jane", "message": "it broke", "url": "https://shop.example/"}
    (new,) = batch("feedback", {"event_id": ID, "timestamp": NOW, "contexts": {"feedback": form}}).occasions
    old_form = {"event_id": ID, "name": "Jane", "email": "jane@example.com", "comments": "it broke"}
    (old,) = batch("user_report", old_form).occasions
    assert (new.id, new.kind, new.type, new.at, new.origin) == (ID, "feedback", "feedback", NOW, SHOP)
    assert old.id not in (ID, "")
    for one in (new, old):
        assert one.detail["contexts"]["feedback"]["message"] == "it broke"
        assert "Jane" not in str(one.detail)
        assert "jane@" not in str(one.detail)
