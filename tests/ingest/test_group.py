"""Which errors are one, by values as the parsers give them."""

import re

import pytest

from exporter.config.application import Grouping
from exporter.ingest.group import Groups
from exporter.ingest.ports import Grouped
from exporter.ingest.values import Frame, Occurrence, Origin, Raised

VIEW = Frame("shop.orders.views", "checkout", "shop/orders/views.py", 41, in_app=True)
DJANGO = Frame("django.core.handlers.base", "_get_response", "django/core/handlers/base.py", 197, in_app=False)


def error(type_: str = "KeyError", value: str = "'missing'", *frames: Frame, **fields: object) -> Occurrence:
    service = str(fields.pop("service", "shop"))
    raised = Raised(
        type_,
        value,
        str(fields.pop("module", "")),
        frames or (DJANGO, VIEW),
        fields.pop("handled", False),  # type: ignore[arg-type]
    )
    return occurrence(service=service, raised=(raised,), **fields)


def occurrence(service: str = "shop", **fields: object) -> Occurrence:
    return Occurrence(**({"id": "0" * 32, "at": 0.0, "origin": Origin(service), "source": "sdk"} | fields))  # type: ignore[arg-type]


def one(*occurrences: Occurrence, groups: Groups | None = None) -> bool:
    """Whether they are all one group."""
    groups = groups or Groups()
    return len({groups.group(each).fingerprint for each in occurrences}) == 1


def test_an_error_says_what_and_where_it_is() -> None:
    found = Groups().group(error())
    assert re.fullmatch(r"[0-9a-f]{32}", found.fingerprint)
    assert found == Grouped(
        found.fingerprint,
        title="KeyError: 'missing'",
        culprit="checkout in shop.orders.views",
        type="KeyError",
        severity="high",
    )


def test_the_fingerprint_is_the_same_in_every_process_and_version() -> None:
    """It is in the store: were it computed otherwise, every group would begin anew. Changing it is a decision."""
    assert Groups().group(error()).fingerprint == "9f486a42f3ac600fb65f14da19f452da"
    assert Groups().group(occurrence(message="user 42 not found")).fingerprint == "98b41898651b5432f0db86d6d9c72610"


def test_message_line_release_environment_and_library_frames_make_no_group() -> None:
    other = Frame("django.core.handlers.base", "another", "django/core/handlers/base.py", 1, in_app=False)
    moved = Frame("shop.orders.views", "checkout", "shop/orders/views.py", 99, in_app=True)
    released = error(value="'gone'")
    released = Occurrence(released.id, 5.0, Origin("shop", "staging", "2.0"), "otlp", raised=released.raised)
    assert one(error(), error("KeyError", "'other'", other, moved), released)


@pytest.mark.parametrize(
    "other",
    [
        error(service="billing"),
        error("ValueError"),
        error("KeyError", "'missing'", Frame("shop.orders.views", "refund", "shop/orders/views.py", 41, in_app=True)),
        error("KeyError", "'missing'", Frame("shop.users.views", "checkout", "shop/users/views.py", 41, in_app=True)),
        error("KeyError", "'missing'", VIEW, Frame("shop.stock", "take", "shop/stock.py", 7, in_app=True)),
        occurrence(message="'missing'"),
    ],
)
def test_service_class_function_module_and_way_make_one(other: Occurrence) -> None:
    assert not one(error(), other)


def test_a_recursion_is_one_however_deep() -> None:
    walk, visit = Frame("tree", "walk", "tree.py", 1, in_app=True), Frame("tree", "visit", "tree.py", 2, in_app=True)
    deep = (VIEW, *(walk, visit) * 40)
    assert one(error("RecursionError", "", VIEW, walk, visit), error("RecursionError", "", *deep))


def test_without_own_frames_all_count() -> None:
    urllib = Frame("urllib3.connection", "connect", "urllib3/connection.py", 1, in_app=False)
    assert not one(error("OSError", "", DJANGO), error("OSError", "", urllib))
    assert one(error("OSError", "a", urllib), error("OSError", "b", urllib))


def test_the_last_of_a_chain_counts() -> None:
    cause = Raised("ConnectionError", "refused", frames=(VIEW,))
    assert one(error(), occurrence(raised=(cause, error().raised[0])))
    assert Groups().group(occurrence(raised=(error().raised[0], cause))).type == "ConnectionError"


def test_the_same_error_by_sentry_by_a_tracebacks_text_and_by_an_event_is_one() -> None:
    """Sentry knows the module; the text has the path, and nothing says what is the application's own."""
    text = (
        Frame("", "_get_response", "/usr/local/lib/python3.11/site-packages/django/core/handlers/base.py", 197),
        Frame("", "checkout", "/srv/app/shop/orders/views.py", 41),
    )
    named = (Frame("django.core.handlers.base", "_get_response"), Frame("shop.orders.views", "checkout"))
    sentry = error("PaymentError", "a", module="shop.errors")
    assert one(sentry, error("shop.errors.PaymentError", "b", *text), error("PaymentError", "c", *named))
    assert {Groups().group(each).type for each in (sentry, error("shop.errors.PaymentError"))} == {"PaymentError"}


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ("user 42 not found", "user 4711 not found"),
        ("order 8a6e0804-2bd0-4672-b79d-d97027f9071a is late", "order 0c8e2f1a-2bd0-4672-b79d-d97027f9071b is late"),
        ("<Foo object at 0x7f00d0>", "<Foo object at 0x55a2c1b0>"),
        ("no column 'a b'", "no column 'it'"),
        ('no column "a"', 'no column "b"'),
        ("can't read /etc/a/b.yaml: denied", "can't read /srv/shop/c.yaml: denied"),
        ("10.0.0.1:5432 refused", "192.168.1.7:80 refused"),
        ("GET https://a.example/x?y=1 failed", "GET http://b.example failed"),
        ("mail to joe@a.example bounced", "mail to jane.doe@b.example bounced"),
        ("key 3f9a1c02de is taken", "key 77aa1c02de is taken"),
        ("ids [1, 2, 3] are gone", "ids [7] are gone"),
        ("at 2026-11-22T13:17:00.123Z", "at 2025-01-02T03:04:05Z"),
        ("took 3.5 s", "took 12 s"),
        ("x " * 600 + "a", "x " * 600 + "b"),
        ("id 1 " + "y " * 495, "id 12345678901234567890 " + "y " * 495),
    ],
)
def test_a_message_is_the_same_whatever_it_speaks_of(first: str, second: str) -> None:
    assert one(occurrence(message=first), occurrence(message=second))
    assert one(error("E", first, Frame()), error("E", second, Frame())), "nor without a stack"


@pytest.mark.parametrize(("first", "second"), [("disk full", "disk gone"), ("a 1", "b 1"), ("", "x"), ("é", "è")])
def test_other_words_are_another_message(first: str, second: str) -> None:
    assert not one(occurrence(message=first), occurrence(message=second))


def test_a_template_counts_before_its_message() -> None:
    made = [occurrence(message=f"hello {name}", template="hello %s") for name in ("joe", "jane")]
    assert one(*made, occurrence(template="hello %s"))
    assert Groups().group(made[0]).title == "hello joe"


def test_a_missing_type_is_read_from_the_message() -> None:
    found = [
        Groups().group(error("", text)) for text in ("TypeError: x is null", "Uncaught RangeError: 1", "it: broke")
    ]
    assert [(each.type, each.title) for each in found] == [
        ("TypeError", "TypeError: x is null"),
        ("RangeError", "RangeError: Uncaught RangeError: 1"),
        ("Error", "Error: it: broke"),
    ]


def test_what_a_minifier_named_counts_less_than_the_message() -> None:
    def built(*names: str, value: str = "render failed") -> Occurrence:
        frames = [Frame("", name, f"https://shop.example/app.{name}3f9a1c.js", 1, in_app=True) for name in names]
        return error("Error", value, *frames, platform="javascript")

    assert one(built("iA", "Rh"), built("xY"))
    assert not one(built("iA"), built("iA", value="load failed"))
    assert one(built("checkout"), built("checkout", value="load failed"))


@pytest.mark.parametrize(
    ("fingerprint", "same"),
    [
        (("payment",), True),
        (("payment", "{{ default }}"), False),
        (("{{default}}",), False),
        (("{{ type }}",), False),
        (("{{ error.value }}",), True),
        (("{{ transaction }}", "x"), True),
        (("{{ unknown }}",), True),
        (("{{ message }}-{{ service }}",), True),
    ],
)
def test_the_sdks_fingerprint_is_what_makes_a_group(fingerprint: tuple[str, ...], same: bool) -> None:  # noqa: FBT001
    pair = [
        error(type_, f"no order {n}", fingerprint=fingerprint) for n, type_ in enumerate(("KeyError", "ValueError"))
    ]
    assert one(*pair) is same
    assert not one(*(error(fingerprint=fingerprint, service=name) for name in ("a", "b")))


def test_a_default_alone_is_as_none() -> None:
    assert one(error(), error(fingerprint=("{{ default }}",)), error(fingerprint=(" {{default}} ",)))


def test_a_rule_of_ours_counts_before_the_sdks_fingerprint() -> None:
    rules = (
        Grouping(fingerprint=("gateway",), type="*ConnectionError", message="gateway*", service="sh*"),
        Grouping(fingerprint=("{{ type }}", "views"), module="shop.*.views"),
    )
    groups = Groups(grouping=rules)
    gateway = error("ConnectionError", "gateway down for 42")
    assert one(gateway, error("api.ConnectionError", "gateway x", fingerprint=("own",)), groups=groups)
    assert not one(gateway, error("ConnectionError", "gateway", service="billing"), groups=groups)
    assert not one(gateway, error("ConnectionError", "refused"), groups=groups)
    other = Frame("shop.users.views", "login", "shop/users/views.py", in_app=True)
    assert one(error(), error("KeyError", "x", other), groups=groups)
    assert not one(error(), error("ValueError", "x", other), groups=groups)
