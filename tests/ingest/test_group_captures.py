"""Errors as real SDKs sent them: what each is called, and that none falls in with another."""

import pytest

from exporter.ingest.group import Groups
from exporter.ingest.values import Frame, Occurrence, Origin, Raised

HOST = "http://127.0.0.1:38037"
NODE = "/srv/app/xy/node_modules/router/lib/layer.js"

# platform, transaction, the last exceptions (type, value, handled, frames); title, culprit, type, severity
CAPTURES = {
    "sentry-sdk 2.75, Django": (
        "python",
        "/orders/{oid}/",
        [
            (
                "KeyError",
                "'missing'",
                False,
                [
                    ("django.core.handlers.exception", "inner", "django/core/handlers/exception.py", False),
                    ("django.core.handlers.base", "_get_response", "django/core/handlers/base.py", False),
                    ("__main__", "checkout", "app_django.py", True),
                ],
            )
        ],
        ("KeyError: 'missing'", "checkout in app_django", "KeyError", "high"),
    ),
    "sentry-sdk 2.75, Celery": (
        "python",
        "shop.charge",
        [("ConnectionError", "gateway down for 42", False, [("__main__", "charge", "app_celery.py", True)])],
        ("ConnectionError: gateway down for 42", "charge in app_celery", "ConnectionError", "high"),
    ),
    "sentry-sdk 2.75, FastAPI": (
        "python",
        "/items/{i}",
        [
            (
                "ZeroDivisionError",
                "division by zero",
                False,
                [
                    ("starlette._exception_handler", "wrapped_app", "starlette/_exception_handler.py", False),
                    ("starlette._exception_handler", "wrapped_app", "starlette/_exception_handler.py", False),
                    ("fastapi.routing", "run_endpoint_function", "fastapi/routing.py", False),
                    ("__main__", "item", "app_fastapi.py", True),
                ],
            )
        ],
        ("ZeroDivisionError: division by zero", "item in app_fastapi", "ZeroDivisionError", "high"),
    ),
    "@sentry/node 11, Express": (
        "node",
        "GET /boom/:id",
        [
            (
                "TypeError",
                "bad id 3",
                False,
                [
                    ("node:async_hooks", "AsyncLocalStorage.run", "node:async_hooks", False),
                    ("router.lib:layer", "?", NODE, False),
                    ("router.lib:layer", "Layer.__apm$wrapped", NODE, False),
                    ("app", "?", "/srv/app/xy/app.mjs", True),
                ],
            )
        ],
        ("TypeError: bad id 3", "app", "TypeError", "high"),
    ),
    "@sentry/browser 11": (
        "javascript",
        "/browser.html",
        [
            (
                "TypeError",
                "Cannot read properties of null (reading 'total')",
                False,
                [
                    ("", "HTMLButtonElement.n", f"{HOST}/browser.js", True),
                    ("", "HTMLButtonElement.<anonymous>", f"{HOST}/browser.js", True),
                ],
            )
        ],
        (
            "TypeError: Cannot read properties of null (reading 'total')",
            "HTMLButtonElement.? in browser",
            "TypeError",
            "high",
        ),
    ),
    "@sentry/react 11, error boundary": (
        "javascript",
        "",
        [
            (
                "React ErrorBoundary Error",
                "render failed in <Bad>",
                True,
                [("", "uo", f"{HOST}/react.js", True), ("", "JR", f"{HOST}/react.js", True)],
            ),
            (
                "Error",
                "render failed in <Bad>",
                True,
                [("", "Sd", f"{HOST}/react.js", True), ("", "JR", f"{HOST}/react.js", True)],
            ),
        ],
        ("Error: render failed in <Bad>", "JR in react", "Error", "medium"),
    ),
}


def captured(name: str, **changes: object) -> Occurrence:
    platform, transaction, exceptions, _ = CAPTURES[name]
    raised = tuple(
        Raised(
            type_,
            str(changes.get("value", value)),
            frames=tuple(
                Frame(module, function, file, int(str(changes.get("line", 1))), in_app=own)
                for module, function, file, own in frames
            ),
            handled=handled,
        )
        for type_, value, handled, frames in exceptions
    )
    fields = {"raised": raised, "transaction": transaction, "platform": platform}
    return Occurrence("0" * 32, 0.0, Origin("shop"), "sdk", **fields)  # type: ignore[arg-type]


@pytest.mark.parametrize("name", CAPTURES)
def test_an_error_of_a_real_sdk_is_called_by_its_class_and_place(name: str) -> None:
    found = Groups().group(captured(name))
    assert (found.title, found.culprit, found.type, found.severity) == CAPTURES[name][3]
    assert (found.code, found.team, found.security) == ("", "", False)


def test_each_is_a_group_of_its_own_and_comes_back_to_it() -> None:
    groups = Groups()
    first = [groups.group(captured(name)).fingerprint for name in CAPTURES]
    again = [groups.group(captured(name, line=77)).fingerprint for name in CAPTURES]
    assert first == again
    assert len(set(first)) == len(CAPTURES)


@pytest.mark.parametrize("name", [name for name in CAPTURES if "react" not in name and "browser" not in name])
def test_another_message_of_the_same_place_is_the_same_error(name: str) -> None:
    groups = Groups()
    assert groups.group(captured(name)).fingerprint == groups.group(captured(name, value="other words")).fingerprint
