"""JSON events: what each type means."""

import itertools
from typing import Any

import jsonschema
import pytest

from exporter.config.application import Scrub
from exporter.ingest import values
from exporter.ingest.events import parse
from exporter.ingest.events_forms import schema
from exporter.ingest.scrub import Scrubbing
from exporter.ingest.values import Batch, Frame, Occasion, Origin, Raised

NOW = 1_800_000_000.0
SHOP = Origin("shop", "production")
PYTHON = """Traceback (most recent call last):
  File "/srv/shop/orders.py", line 12, in place
    pay(order)
  File "/srv/shop/pay.py", line 7, in pay
    raise PaymentRefused("card 4111 1111 1111 1111 of ann@example.com")
shop.errors.PaymentRefused: card 4111 1111 1111 1111 of ann@example.com
"""
PHP = """#0 /srv/shop/src/Order.php(14): Shop\\Order->pay(Object(Shop\\Card))
#1 /srv/shop/public/index.php(3): Shop\\Order->place()
#2 {main}"""
JAVA = """com.shop.PaymentRefused: refused
\tat com.shop.Order.pay(Order.java:14)
\tat com.shop.Main.main(Main.java:3)
Caused by: java.net.SocketTimeoutException: no answer
\tat com.shop.Bank.ask(Bank.java:88)
"""


def parsed(*events: Any) -> tuple[Batch, list[str]]:
    ids = (f"{n:032x}" for n in itertools.count())
    return parse(list(events), Scrubbing(Scrub(), b"k"), SHOP, NOW, lambda: next(ids))


def one(event: dict[str, Any]) -> Any:
    """What the event means; it is right, also by the published schema."""
    jsonschema.Draft202012Validator(schema()).validate(event)
    batch, problems = parsed(event)
    assert problems == []
    found = [*batch.occurrences, *batch.occasions, *(measured for _, measured in batch.measured)]
    return found[0] if len(found) == 1 else found


def test_an_error_in_a_line_of_curl_is_an_occurrence() -> None:
    found = one({"type": "error", "message": "no answer of the bank"})
    assert found == values.Occurrence(
        "0" * 32, NOW, SHOP, "events", message="no answer of the bank", detail={"message": "no answer of the bank"}
    )


def test_an_error_says_all_that_a_sentry_event_would() -> None:
    found = one(
        {
            "type": "error",
            "id": "order-17",
            "at": "2027-01-15T08:00:00Z",
            "service": "billing",
            "environment": "staging",
            "release": "2.1",
            "exception": "PaymentRefused",
            "message": "refused",
            "stack": [
                {"function": "place", "filename": "orders.py", "lineno": 12},
                {"function": "pay", "module": "shop.pay", "filename": "pay.py", "lineno": 7, "in_app": True},
            ],
            "causes": [{"exception": "TimeoutError", "message": "no answer"}],
            "severity": "high",
            "handled": False,
            "code": "PAY_1",
            "status": 402,
            "method": "POST",
            "path": "/orders",
            "transaction": "/orders",
            "user": {"id": 7, "email": "ann@example.com"},
            "trace_id": "4bf92f3577b34da6a3ce929d0e0e4736",
            "request_id": "r-1",
            "platform": "php",
            "tags": {"shop": "north"},
            "context": {"amount": 12},
            "more": "that no form knows",
        }
    )
    frames = (
        Frame("", "place", "orders.py", 12),
        Frame("shop.pay", "pay", "pay.py", 7, in_app=True),
    )
    assert found.raised == (
        Raised("TimeoutError", "no answer"),
        Raised("PaymentRefused", "refused", "", frames, handled=False),
    )
    assert (found.at, found.origin) == (1_800_000_000.0, Origin("billing", "staging", "2.1"))
    assert (found.severity, found.code, found.status, found.path) == ("high", "PAY_1", 402, "/orders")
    assert found.user == Scrubbing(Scrub(), b"k").user({"id": 7})
    assert len(found.id) == 32
    assert found.detail == {
        "exception": {
            "values": [
                {"type": "TimeoutError", "value": "no answer"},
                {
                    "type": "PaymentRefused",
                    "value": "refused",
                    "stacktrace": {
                        "frames": [
                            {"function": "place", "module": "", "filename": "orders.py", "lineno": 12},
                            {
                                "function": "pay",
                                "module": "shop.pay",
                                "filename": "pay.py",
                                "lineno": 7,
                                "in_app": True,
                            },
                        ]
                    },
                    "mechanism": {"type": "events", "handled": False},
                },
            ]
        },
        "request": {"method": "POST", "url": "/orders"},
        "user": {"id": found.user},
        "contexts": {"trace": {"trace_id": "4bf92f3577b34da6a3ce929d0e0e4736"}},
        "tags": {"shop": "north", "request_id": "r-1"},
        "extra": {"more": "that no form knows", "amount": 12},
    }


def functions(found: Any) -> list[list[str]]:
    return [[frame.function for frame in each.frames] for each in found.raised]


def test_a_stack_may_be_the_text_that_the_language_prints() -> None:
    python = one({"type": "error", "stack": PYTHON})
    assert functions(python) == [["place", "pay"]]
    assert python.raised[0].type.endswith("PaymentRefused")
    php = one({"type": "error", "exception": "PaymentRefused", "message": "refused", "stack": PHP})
    assert [len(each) for each in functions(php)] == [2]
    java = one({"type": "error", "stack": JAVA})
    assert [each.type.rpartition(".")[2] for each in java.raised] == ["SocketTimeoutException", "PaymentRefused"]
    assert functions(java)[1][-1].endswith("pay")


def test_a_stack_of_no_language_is_kept_as_it_is() -> None:
    found = one({"type": "error", "exception": "E", "stack": "somewhere in the depths"})
    assert found.raised == (Raised("E", ""),)
    assert found.detail["extra"] == {"stack_text": "somewhere in the depths"}


def test_a_long_stack_keeps_the_calls_at_its_end() -> None:
    lines = "".join(f'  File "/srv/a{n}.py", line {n}, in f{n}\n    x\n' for n in range(1, 700))
    found = one({"type": "error", "stack": f"Traceback (most recent call last):\n{lines}ValueError: no\n"[:65_000]})
    assert functions(found)[0][-1] == "f699"


def test_nothing_personal_is_left_of_an_error() -> None:
    found = one({"type": "error", "stack": PYTHON, "user": "ann@example.com", "context": {"password": "hunter2"}})
    for secret in ("ann@example.com", "4111", "hunter2"):
        assert secret not in repr(found)
    assert len(found.user) == 16


@pytest.mark.parametrize(
    ("event", "kind", "type_", "severity", "detail"),
    [
        ({"type": "security", "name": "brute_force"}, "security", "brute_force", "medium", {}),
        (
            {"type": "security", "name": "itar", "severity": "critical", "message": "m", "context": {"a": 1}},
            "security",
            "itar",
            "critical",
            {"message": "m", "extra": {"a": 1}},
        ),
        (
            {"type": "business", "name": "order_placed", "request_id": "r"},
            "business",
            "order_placed",
            "low",
            {"request_id": "r"},
        ),
    ],
)
def test_an_occasion_is_kept(event: Any, kind: Any, type_: str, severity: Any, detail: Any) -> None:
    assert one(event) == Occasion("0" * 32, NOW, SHOP, kind, type_, severity, "", detail)


def test_a_deploy_is_an_occasion_of_its_release() -> None:
    found = one({"type": "deploy", "release": "2.0", "at": 5})
    assert found == Occasion("0" * 32, 5.0, Origin("shop", "production", "2.0"), "deploy", "2.0")


@pytest.mark.parametrize(
    ("event", "measured"),
    [
        (
            {"type": "operation", "name": "bom", "duration": 2.5, "failed": True},
            values.Operation(SHOP, "events", "bom", 2.5, failed=True, at=NOW),
        ),
        (
            {"type": "task", "name": "mail", "duration": 1, "trace_id": "ab"},
            values.Task(SHOP, "events", "mail", "success", 1.0, at=NOW, trace_id="ab"),
        ),
        (
            {"type": "request", "method": "GET", "path": "/orders/7", "status": 200, "duration": 0.1},
            values.Request(SHOP, "events", "GET", "/orders/7", 200, 0.1, at=NOW),
        ),
        (
            {"type": "request", "method": "GET", "route": "/orders/{id}", "status": 200, "duration": 0.1},
            values.Request(SHOP, "events", "GET", "/orders/{id}", 200, 0.1, templated=True, at=NOW),
        ),
        (
            {"type": "query", "system": "postgresql", "operation": "SELECT", "duration": 0.01},
            values.Query(SHOP, "postgresql", "SELECT", 0.01),
        ),
        ({"type": "cache", "hit": True}, values.CacheUse(SHOP, "default", "hit")),
        (
            {"type": "cache", "name": "pages", "hits": 9, "misses": 1},
            [values.CacheUse(SHOP, "pages", "hit", 9.0), values.CacheUse(SHOP, "pages", "miss", 1.0)],
        ),
        (
            {"type": "ai_call", "model": "m-1", "input_tokens": 10, "output_tokens": 5, "duration": 2},
            values.AiCall(SHOP, "", "m-1", "chat", 2.0, False, 10.0, 5.0, source="events", at=NOW),
        ),
        (
            {"type": "upload", "file_type": "step", "bytes": 1000, "duration": 3},
            values.FileUse(SHOP, "upload", "step", 1000.0, 3.0),
        ),
        (
            {"type": "file", "operation": "delete", "file_type": "pdf", "failed": True},
            values.FileUse(SHOP, "delete", "pdf", failed=True),
        ),
    ],
)
def test_work_is_measured(event: Any, measured: Any) -> None:
    assert one(event) == measured


def test_an_id_counts_once_whatever_text_it_is() -> None:
    again = {"type": "operation", "id": "job 4111 1111 1111 1111", "name": "bom", "duration": 1}
    other = again | {"id": "job 4222 2222 2222 2"}
    batch, _ = parsed(
        again, again, other, {"type": "error", "id": "7", "message": "m"}, {"type": "business", "id": "7", "name": "n"}
    )
    ids = [id_ for id_, _ in batch.measured]
    assert len(ids) == len(set(ids)) == 2
    assert all(len(id_) == 32 and int(id_, 16) for id_ in ids)
    assert batch.occurrences[0].id != batch.occasions[0].id
    assert parsed(again)[0].measured[0][0] == ids[0]
    assert parsed({"type": "cache", "hit": True})[0].measured[0][0] == ""
