"""PHP (Laravel), Java (Spring Boot) and Flutter: no SDK of theirs runs here, so requests are in the form that these SDKs make.

The forms are those of sentry-php's PayloadSerializer and Util/Http, sentry-java's JsonSerializer and HttpConnection, and
sentry-dart's envelope and HttpTransportRequestHandler, all read in their repositories in 2026.
"""

import gzip
import json
import uuid
from typing import Any

import pytest

from tests import servers
from tests.end_to_end.test_sdk_javascript import KEY, check

SERVICES = ("laravel", "spring", "flutter")
MESSAGE = "order {} of jane.doe@example.com with card 4571 2345 6789 0111"
CONFIG = "web: {admin_tokens: [a-token-of-ours]}\ningest:\n  projects:\n" + "".join(
    f'    "{number}": {{keys: ["{KEY}"], service: {name}}}\n' for number, name in enumerate(SERVICES, 1)
)


def laravel(order: int) -> dict[str, Any]:
    """As sentry-php sends: the time as a number, the message of an item without a length."""
    frames = [
        {"function": "Illuminate\\Pipeline\\Pipeline::then", "filename": "/vendor/laravel/framework/src/Pipeline.php"}
        | {"raw_function": "then", "lineno": 116, "in_app": False, "abs_path": "/var/www/vendor/laravel/Pipeline.php"},
        {"function": "App\\Services\\Payments::charge", "filename": "/app/Services/Payments.php", "lineno": 12}
        | {
            "in_app": True,
            "abs_path": "/var/www/app/Services/Payments.php",
            "context_line": "        throw new Refused;",
        },
    ]
    mechanism = {"type": "generic", "handled": False, "data": {"code": 123}}
    raised = {"type": "App\\Exceptions\\PaymentRefused", "value": MESSAGE.format(order)}
    return {
        "timestamp": 1597790835,
        "platform": "php",
        "sdk": {"name": "sentry.php.laravel", "version": "4.13.0"},
        "level": "error",
        "transaction": "/orders/{order}",
        "server_name": "web-1",
        "release": "laravel@1.0.0",
        "environment": "production",
        "user": {"id": "7", "email": "jane.doe@example.com", "ip_address": "127.0.0.1"},
        "extra": {"password": "canary-laravel"},
        "request": {
            "method": "GET",
            "url": f"http://shop.example/orders/{order}",
            "cookies": {"PHPSESSID": "canary-laravel"},
        },
        "exception": {"values": [{**raised, "stacktrace": {"frames": frames}, "mechanism": mechanism}]},
    }


def spring(order: int) -> dict[str, Any]:
    """As sentry-java sends: ISO times, `threads`, a module with each frame and exception."""
    frames = [
        {
            "filename": "HttpServlet.java",
            "function": "service",
            "module": "jakarta.servlet.http.HttpServlet",
            "lineno": 564,
        }
        | {"in_app": False, "native": False},
        {
            "filename": "Payments.java",
            "function": "charge",
            "module": "com.shop.Payments",
            "lineno": 12,
            "in_app": True,
        },
    ]
    raised = {"type": "PaymentRefused", "module": "com.shop", "value": MESSAGE.format(order), "thread_id": 42}
    mechanism = {"type": "HandlerExceptionResolver", "handled": False}
    return {
        "timestamp": "2026-11-22T10:00:00.123Z",
        "platform": "java",
        "sdk": {"name": "sentry.java.spring-boot.jakarta", "version": "8.20.0"},
        "level": "error",
        "transaction": "GET /orders/{id}",
        "release": "spring@1.0.0",
        "environment": "production",
        "user": {"id": "7", "email": "jane.doe@example.com"},
        "extra": {"password": "canary-spring"},
        "threads": {"values": [{"id": 42, "name": "http-nio-8080-exec-1", "crashed": False, "current": True}]},
        "exception": {"values": [{**raised, "stacktrace": {"frames": frames}, "mechanism": mechanism}]},
    }


def flutter(order: int) -> dict[str, Any]:
    """As sentry-dart sends: packages for modules, breadcrumbs as a list."""
    frames = [
        {"filename": "framework.dart", "abs_path": "package:flutter/src/widgets/framework.dart", "package": "flutter"}
        | {"function": "StatefulElement.build", "lineno": 5841, "colno": 27, "in_app": False, "platform": "dart"},
        {"filename": "payments.dart", "abs_path": "package:shop/payments.dart", "package": "shop", "lineno": 12}
        | {"function": "Payments.charge", "colno": 5, "in_app": True, "platform": "dart"},
    ]
    raised = {"type": "PaymentRefused", "value": MESSAGE.format(order), "thread_id": 1}
    mechanism = {"type": "FlutterError", "handled": False}
    return {
        "timestamp": "2026-11-22T10:00:00.123456Z",
        "platform": "other",
        "sdk": {"name": "sentry.dart.flutter", "version": "9.6.0"},
        "level": "fatal",
        "release": "flutter@1.0.0",
        "environment": "production",
        "user": {"id": "7", "email": "jane.doe@example.com"},
        "extra": {"password": "canary-flutter"},
        "breadcrumbs": [{"timestamp": "2026-11-22T09:59:59Z", "category": "ui.click", "message": "pay"}],
        "exception": {"values": [{**raised, "stacktrace": {"frames": frames}, "mechanism": mechanism}]},
    }


def request(make: Any, order: int, project: int) -> tuple[bytes, dict[str, str]]:
    """The envelope and headers of the SDK. PHP writes no length, Java and Dart do; all compress by gzip."""
    id_ = uuid.uuid4().hex
    event = {**make(order), "event_id": id_}
    item = json.dumps(event).encode()
    header: dict[str, Any] = {"event_id": id_, "sent_at": "2026-11-22T10:00:01Z", "sdk": event["sdk"]}
    kind: dict[str, Any] = {"type": "event", "content_type": "application/json"}
    if make is not laravel:
        kind["length"] = len(item)
    else:
        header["dsn"] = f"http://{KEY}@127.0.0.1/{project}"
    body = gzip.compress(b"\n".join([json.dumps(header).encode(), json.dumps(kind).encode(), item]))
    client = f"{event['sdk']['name']}/{event['sdk']['version']}"
    headers = {
        "Content-Type": "application/x-sentry-envelope",
        "Content-Encoding": "gzip",
        "User-Agent": client,
        "X-Sentry-Auth": f"Sentry sentry_version=7, sentry_client={client}, sentry_key={KEY}",
    }
    return body, headers


@pytest.mark.parametrize(
    ("service", "make", "function"),
    [("laravel", laravel, "charge"), ("spring", spring, "charge"), ("flutter", flutter, "Payments.charge")],
    ids=SERVICES,
)
def test_errors_in_the_form_of_an_sdk_arrive_grouped_counted_and_scrubbed(
    service: str, make: Any, function: str
) -> None:
    with servers.daemon(CONFIG) as daemon:
        project = SERVICES.index(service) + 1
        for order in (17, 18):
            body, headers = request(make, order, project)
            reply = daemon.request("POST", f"/api/{project}/envelope/", body, headers, port=daemon.ingest_port)
            assert reply.status == 200, reply.text
        check(daemon, service, "PaymentRefused", function, 2)
