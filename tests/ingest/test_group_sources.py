"""One error by each way in, from the SDKs' own words to its group: by Sentry's, as OpenTelemetry tells it, as an event."""

import runpy
import traceback
from pathlib import Path
from typing import Any

import pytest
import sentry_sdk
from sentry_sdk.transport import Transport
from sentry_sdk.utils import event_from_exception

from exporter.config.application import Scrub
from exporter.ingest.group import Groups
from exporter.ingest.otlp_stack import chain
from exporter.ingest.ports import Grouped
from exporter.ingest.scrub import Scrubbing
from exporter.ingest.sentry_event import Sent, occurrence
from exporter.ingest.values import Frame, Occurrence, Origin, Raised

SCRIPT = """
import json
from pathlib import Path


class PaymentRefused(Exception):
    pass


def charge(number):
    try:
        json.loads("{")
    except ValueError as error:
        raise PaymentRefused(f"order {number} is refused") from error


def checkout(number):
    charge(number)


try:
    checkout(NUMBER)
except PaymentRefused as error:
    caught = error
"""


class Capture(Transport):
    """Takes the events that a real client makes."""

    def __init__(self, options: Any = None) -> None:
        super().__init__(options)
        self.events: list[dict[str, Any]] = []

    def capture_envelope(self, envelope: Any) -> None:
        self.events.append(envelope.get_event())


def raised(file: Path, name: str) -> BaseException:
    caught: BaseException = runpy.run_path(str(file), {"NUMBER": 4711}, run_name=name)["caught"]
    return caught


def by_sentry(error: BaseException, root: Path) -> Grouped:
    transport = Capture()
    client = sentry_sdk.Client(
        dsn="http://0123456789abcdef@127.0.0.1:1/1",
        transport=transport,
        default_integrations=False,
        project_root=str(root),
    )
    try:
        client.capture_event(*event_from_exception(error, client_options=client.options))
    finally:
        client.close(timeout=0)
    sent = Sent("shop", "", Scrubbing(Scrub()), now=0.0)
    return Groups().group(occurrence(transport.events[0], sent, b"{}"))


def by_text(error: BaseException) -> Grouped:
    """As OpenTelemetry's record_exception: the class with its module, and the text of the stack trace."""
    sections = chain("".join(traceback.format_exception(error)))
    type_ = f"{type(error).__module__}.{type(error).__qualname__}"
    last = Raised(type_, str(error), frames=sections[-1].frames)
    return Groups().group(Occurrence("0" * 32, 0.0, Origin("shop"), "otlp", raised=(last,)))


@pytest.mark.parametrize(
    ("file", "module"), [("shop/payments.py", "shop.payments"), ("app.py", "__main__"), ("orders/views.py", "__main__")]
)
def test_an_error_of_python_is_one_group_by_sentry_and_by_its_stack_trace(
    tmp_path: Path, file: str, module: str
) -> None:
    path = tmp_path / file
    path.parent.mkdir(exist_ok=True)
    path.write_text(SCRIPT)
    error = raised(path, module)
    sentry, text = by_sentry(error, tmp_path), by_text(error)
    assert sentry.fingerprint == text.fingerprint
    assert {sentry.type, text.type} == {"PaymentRefused"}
    assert sentry.title == text.title == "PaymentRefused: order 4711 is refused"


JAVA = """com.acme.shop.PaymentRefused: order 7 is refused
\tat com.acme.shop.Payments.charge(Payments.java:41)
\tat com.acme.shop.Checkout.lambda$run$0(Checkout.java:12)
\tat java.base/java.util.concurrent.FutureTask.run(FutureTask.java:264)
"""
NODE = """PaymentRefused: order 7 is refused
    at charge (/srv/shop/lib/payments.js:41:11)
    at Layer.handle (/srv/shop/node_modules/express/lib/router/layer.js:95:5)
    at async Server.<anonymous> (/srv/shop/lib/server.js:5:3)
"""


@pytest.mark.parametrize(
    ("text", "type_", "frames"),
    [
        (
            JAVA,
            "PaymentRefused",
            (
                Frame("java.util.concurrent.FutureTask", "run", "FutureTask.java", 264, in_app=False),
                Frame("com.acme.shop.Checkout", "lambda$run$3", "Checkout.java", 14, in_app=True),
                Frame("com.acme.shop.Payments", "charge", "Payments.java", 43, in_app=True),
            ),
        ),
        (
            NODE,
            "PaymentRefused",
            (
                Frame("server", "Server.<anonymous>", "/srv/shop/lib/server.js", 5, in_app=True),
                Frame("router:layer", "Layer.handle", "/srv/shop/node_modules/x/layer.js", 95, in_app=False),
                Frame("payments", "charge", "/srv/shop/lib/payments.js", 41, in_app=True),
            ),
        ),
    ],
)
def test_so_is_one_of_java_and_of_node(text: str, type_: str, frames: tuple[Frame, ...]) -> None:
    (section,) = chain(text)
    by_stack = Raised(section.type, section.value, frames=section.frames)
    by_sdk = Raised(type_, "order 8 is refused", "com.acme.shop" if text is JAVA else "", frames, handled=False)
    found = [
        Groups().group(Occurrence("0" * 32, 0.0, Origin("shop"), "sdk", raised=(each,))) for each in (by_stack, by_sdk)
    ]
    assert found[0].fingerprint == found[1].fingerprint
    assert {each.type for each in found} == {"PaymentRefused"}
