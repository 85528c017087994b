"""A Celery worker whose task fails: celery -A celery_shop worker, with SENTRY_DSN and BROKER_URL."""

import os

import sentry_sdk
from celery import Celery

sentry_sdk.init(release="celery@1.0.0", environment="production", traces_sample_rate=1.0)
app = Celery("celery_shop", broker=os.environ["BROKER_URL"])


class PaymentRefused(Exception):
    pass


def charge(order: int, password: str) -> None:
    raise PaymentRefused(f"order {order} of jane.doe@example.com with card 4571 2345 6789 0111")


@app.task(name="shop.pay")
def pay(order: int) -> None:
    sentry_sdk.set_user({"id": "7", "email": "jane.doe@example.com"})
    charge(order, "-".join(("canary", "celery")))  # not as it stands in the source, which SDKs send too


@app.task(name="shop.fine")
def fine(order: int) -> None:
    pass
