"""An application that OpenTelemetry's SDK for Python instruments: its framework, how it exports and where to, as arguments."""

import os
import sys
from collections.abc import Callable

from opentelemetry.exporter.otlp.proto.grpc.trace_exporter import OTLPSpanExporter as GrpcExporter
from opentelemetry.exporter.otlp.proto.http.trace_exporter import Compression, OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor


class PaymentRefused(Exception):
    pass


def charge(order: int) -> None:
    raise PaymentRefused(f"order {order} of jane.doe@example.com")


def ship(order: int) -> int:
    return order


def fastapi(provider: TracerProvider) -> None:
    from fastapi import FastAPI  # noqa: PLC0415
    from fastapi.testclient import TestClient  # noqa: PLC0415
    from opentelemetry.instrumentation.fastapi import FastAPIInstrumentor  # noqa: PLC0415

    app = FastAPI()

    @app.get("/orders/{order}")
    def pay(order: int) -> None:
        with provider.get_tracer("shop").start_as_current_span("charge"):
            charge(order)

    @app.get("/ok/{order}")
    def fine(order: int) -> dict[str, int]:
        return {"order": order}

    FastAPIInstrumentor.instrument_app(app, tracer_provider=provider)
    with TestClient(app, raise_server_exceptions=False) as client:
        _visit(lambda path: client.get(path).status_code)


def django(provider: TracerProvider) -> None:
    import django as framework  # noqa: PLC0415
    from django.conf import settings  # noqa: PLC0415
    from django.http import HttpRequest, HttpResponse  # noqa: PLC0415
    from django.test import Client  # noqa: PLC0415
    from django.urls import path  # noqa: PLC0415
    from opentelemetry.instrumentation.django import DjangoInstrumentor  # noqa: PLC0415

    def pay(_: HttpRequest, order: int) -> HttpResponse:
        charge(order)
        return HttpResponse()

    def fine(_: HttpRequest, order: int) -> HttpResponse:
        return HttpResponse(str(order))

    module = type(sys)("urls")
    module.urlpatterns = [path("orders/<int:order>", pay), path("ok/<int:order>", fine)]  # type: ignore[attr-defined]
    sys.modules["urls"] = module
    settings.configure(ROOT_URLCONF="urls", ALLOWED_HOSTS=["*"], SECRET_KEY="x" * 50, MIDDLEWARE=[])
    DjangoInstrumentor().instrument(tracer_provider=provider)
    framework.setup()
    client = Client(raise_request_exception=False)
    _visit(lambda url: client.get(url).status_code)


def celery(provider: TracerProvider) -> None:
    from celery import Celery  # noqa: PLC0415
    from celery.contrib.testing.worker import start_worker  # noqa: PLC0415
    from opentelemetry.instrumentation.celery import CeleryInstrumentor  # noqa: PLC0415

    app = Celery("shop", broker="memory://", backend="cache+memory://")
    pay = app.task(name="shop.pay")(charge)
    fine = app.task(name="shop.fine")(ship)
    CeleryInstrumentor().instrument(tracer_provider=provider)
    with start_worker(app, pool="solo", perform_ping_check=False):
        for order in (17, 18, 19):
            pay.delay(order).get(timeout=10, propagate=False)
        fine.delay(1).get(timeout=10)
        provider.shutdown()
        os._exit(0)  # a worker that is asked to stop waits ten seconds for its timers


def _visit(get: Callable[[str], int]) -> None:
    for order in (17, 18, 19):
        assert get(f"/orders/{order}") == 500
    assert get("/ok/1") == 200


def main() -> None:
    framework, how, url = sys.argv[1:]
    provider = TracerProvider(resource=Resource.create({"service.name": framework, "service.version": "1.2"}))
    if how == "grpc":
        exporter = GrpcExporter(endpoint=url, insecure=True)
    else:
        exporter = OTLPSpanExporter(endpoint=f"{url}/v1/traces", compression=Compression(how))  # type: ignore[assignment]
    provider.add_span_processor(BatchSpanProcessor(exporter))
    {"fastapi": fastapi, "django": django, "celery": celery}[framework](provider)
    provider.shutdown()


if __name__ == "__main__":
    main()
