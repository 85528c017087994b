"""JSON events that are errors: what each field means."""

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
from tests.ingest.events_made import NOW, SHOP, one, parsed

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


def test_a_stack_of_no_language_may_be_all_that_is_known() -> None:
    found = one({"type": "error", "stack": "\nsomewhere\nin the depths"})
    assert (found.message, found.raised) == ("somewhere", ())


@pytest.mark.parametrize("said", ["", " \n", "\t", []])
@pytest.mark.parametrize("field", ["exception", "message", "stack"])
def test_an_error_that_says_nothing_is_none_by_the_schema_and_the_parser(field: str, said: Any) -> None:
    event = {"type": "error", field: said}
    assert not jsonschema.Draft202012Validator(schema()).is_valid(event)
    batch, problems = parsed(event)
    assert (batch.occurrences, len(problems)) == ([], 1)
    one(event | {"exception": "E", "message": "m", "stack": "s"} | {field: said if field == "stack" else ""})
