"""Django, whose views hand work to a Celery worker, both instrumented by OpenTelemetry: one trace from request to task.

Arguments: the port that it listens on, the OTLP/HTTP endpoint of the sidecar, and one that gets the very same spans for
comparison. It ends when its standard input does.
"""

import os
import sys
import threading
from wsgiref.simple_server import WSGIRequestHandler, make_server

import django
from celery import Celery
from celery.contrib.testing.worker import start_worker
from django.conf import settings
from django.core.wsgi import get_wsgi_application
from django.http import HttpRequest, HttpResponse
from django.urls import path
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.instrumentation.celery import CeleryInstrumentor
from opentelemetry.instrumentation.django import DjangoInstrumentor
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor

worker = Celery("desk", broker="memory://", backend="cache+memory://")


@worker.task(name="desk.ship")
def ship(order: int) -> int:
    if order == 13:
        raise LookupError(f"order {order} of jane.doe@example.com is nowhere")
    return order


def order(_: HttpRequest, number: int) -> HttpResponse:
    ship.delay(number).get(timeout=10, propagate=False)
    return HttpResponse(str(number))


def ready(_: HttpRequest) -> HttpResponse:
    return HttpResponse("ready")


class Quiet(WSGIRequestHandler):
    def log_message(self, *args: object) -> None:
        pass


def main() -> None:
    port, *endpoints = sys.argv[1:]
    provider = TracerProvider(resource=Resource.create({"service.name": "desk", "service.version": "1.2"}))
    for endpoint in endpoints:
        provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter(endpoint=f"{endpoint}/v1/traces")))
    module = type(sys)("urls")
    module.urlpatterns = [path("orders/<int:number>", order), path("ready", ready)]  # type: ignore[attr-defined]
    sys.modules["urls"] = module
    settings.configure(ROOT_URLCONF="urls", ALLOWED_HOSTS=["*"], SECRET_KEY="x" * 50, MIDDLEWARE=[])
    DjangoInstrumentor().instrument(tracer_provider=provider)
    CeleryInstrumentor().instrument(tracer_provider=provider)
    django.setup()
    with (
        start_worker(worker, pool="solo", perform_ping_check=False, shutdown_timeout=1),
        make_server("127.0.0.1", int(port), get_wsgi_application(), handler_class=Quiet) as server,
    ):
        threading.Thread(target=lambda: server.serve_forever(0.05), daemon=True).start()
        sys.stdin.read()
        server.shutdown()
        provider.shutdown()
        sys.stdout.close()
        os._exit(0)  # a worker that is asked to stop waits ten seconds for its timers


if __name__ == "__main__":
    main()
