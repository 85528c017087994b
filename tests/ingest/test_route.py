"""Paths become templates, and names lose what tells one from the next of the same."""

import random
import string

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from exporter.ingest.prices import Prices
from exporter.config.application import Price
from exporter.ingest.route import UNKNOWN, name, template

ROUTES = {
    "/users/123": "/users/{id}",
    "/users/550e8400-e29b-41d4-a716-446655440000/files": "/users/{uuid}/files",
    "/users/550E8400-E29B-41D4-A716-446655440000": "/users/{uuid}",
    "/orders/2027-01-05": "/orders/{date}",
    "/orders/2027-01": "/orders/{date}",
    "/at/2027-01-05T10:00:00Z": "/at/{date}",
    "/commit/deadbeef01": "/commit/{hash}",
    "/sum/5eb63bbbe01eeed093cb22bb8f5acdc3": "/sum/{hash}",
    "/files/123.json": "/files/{id}.json",
    "/img/logo.png": "/img/logo.png",
    "/static/main.3f2a9c1b.js": "/static/main.{hash}.js",
    "/mail/ann@example.com": "/mail/{email}",
    "/mail/[email]/x": "/mail/{email}/x",
    "/order-12345/items": "/order-{id}/items",
    "/invite/V1StGXR8_Z5jdHi6B-myT": "/invite/{token}",
    "/job/01ARZ3NDEKTSV4RRFFQ69G5FAV": "/job/{token}",
    "/host/10.0.0.1": "/host/{ip}",
    "/host/2001:db8::1": "/host/{ip}",
    "/say/%E2%82%AC%20x": "/say/{text}",
    "/say/" + "a" * 100: "/say/{text}",
    "/api/v1.2/oauth2/token": "/api/v1.2/oauth2/token",
    "/s3/md5/utf8": "/s3/md5/utf8",
    "/blog/how-to-write-a-template": "/blog/how-to-write-a-template",
    "/api/users/{id}": "/api/users/{id}",
    "/a/b/c/d/e/f/g/h/i/j/k/l/m": "/a/b/c/d/e/f/g/h/i/j/k/{path}",
    "/search?q=ann@example.com#top": "/search",
    "GET /users/9": "/users/{id}",
    "https://shop.example/users/9?x=1": "/users/{id}",
    "https://shop.example": "/",
    "/": "/",
    "": UNKNOWN,
    "shop.views.index": "shop.views.index",
}


@pytest.mark.parametrize(("path", "route"), ROUTES.items())
def test_a_path_becomes_its_template(path: str, route: str) -> None:
    assert template(path) == route


@pytest.mark.parametrize("route", [route for route in ROUTES.values() if route.startswith("/")])
def test_a_template_is_its_own(route: str) -> None:
    assert template(route) == route


@pytest.mark.parametrize("given_", ["/users/<int:pk>/2", "/2027/archive", "^api/(?P<id>[0-9]+)$"])
def test_the_frameworks_own_template_is_taken_as_it_is(given_: str) -> None:
    assert template(given_, templated=True) == given_
    assert template("", templated=True) == UNKNOWN


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("process order 1234", "process order {id}"),
        ("save 550e8400-e29b-41d4-a716-446655440000", "save {uuid}"),
        ("GET /orders/5", "GET /orders/{id}"),
        ("shop.tasks.v2.mail", "shop.tasks.v2.mail"),
        ("geometry_extraction", "geometry_extraction"),
        ("  ", UNKNOWN),
    ],
)
def test_a_name_loses_what_is_one_of_many(text: str, told: str) -> None:
    assert name(text) == told


@settings(max_examples=50, deadline=None)
@given(st.text(max_size=300))
def test_whatever_it_is_it_is_a_label_of_128_bytes(text: str) -> None:
    for made in (template(text), template(text, templated=True), name(text)):
        assert 0 < len(made.encode("utf-8", "replace")) <= 128


def test_random_ids_make_few_routes() -> None:
    chance = random.Random(7)
    letters = string.ascii_letters + string.digits
    made = {template(f"/x/{''.join(chance.choices(letters, k=21))}") for _ in range(2_000)}
    assert len(made) < 80


PRICES = Prices({"gpt-4o": Price(2.5, 10), "gpt-4*": Price(30, 60), "*": Price(1, 1), "gpt-4o-m*": Price(0.15, 0.6)})


@pytest.mark.parametrize(
    ("model", "dollars"),
    [("gpt-4o", 12.5), ("GPT-4o", 12.5), ("gpt-4-turbo", 90), ("gpt-4o-mini", 0.75), ("claude", 2)],
)
def test_a_call_costs_what_the_name_or_else_the_longest_pattern_says(model: str, dollars: float) -> None:
    assert PRICES.cost(model, 1e6, 1e6) == pytest.approx(dollars)


def test_a_model_without_a_price_has_no_cost() -> None:
    assert Prices({"gpt*": Price(1, 1)}).cost("claude", 1, 1) is None
