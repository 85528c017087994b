"""A Django application in one file that fails: python django_shop.py DSN PORT."""

import sys
from wsgiref.simple_server import make_server

import sentry_sdk
from django.conf import settings
from django.core.wsgi import get_wsgi_application
from django.http import HttpRequest, HttpResponse
from django.urls import path

sentry_sdk.init(dsn=sys.argv[1], release="django@1.0.0", environment="production", traces_sample_rate=1.0)


class PaymentRefused(Exception):
    pass


def charge(order: int, password: str) -> None:
    raise PaymentRefused(f"order {order} of jane.doe@example.com with card 4571 2345 6789 0111")


def pay(request: HttpRequest, order: int) -> HttpResponse:
    sentry_sdk.set_user({"id": "7", "email": "jane.doe@example.com"})
    charge(order, "-".join(("canary", "django")))  # not as it stands in the source, which SDKs send too
    return HttpResponse("paid")


def fine(request: HttpRequest, order: int) -> HttpResponse:
    return HttpResponse("fine")


urlpatterns = [path("orders/<int:order>", pay), path("ok/<int:order>", fine)]
settings.configure(
    ROOT_URLCONF=__name__, SECRET_KEY="not-a-secret", ALLOWED_HOSTS=["*"], MIDDLEWARE=[], LOGGING_CONFIG=None
)
make_server("127.0.0.1", int(sys.argv[2]), get_wsgi_application()).serve_forever()
