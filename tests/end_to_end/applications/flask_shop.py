"""A Flask application that fails: python flask_shop.py DSN PORT."""

import sys

import sentry_sdk
from flask import Flask

sentry_sdk.init(dsn=sys.argv[1], release="flask@1.0.0", environment="production", traces_sample_rate=1.0)
app = Flask(__name__)


class PaymentRefused(Exception):
    pass


def charge(order: int, password: str) -> None:
    raise PaymentRefused(f"order {order} of jane.doe@example.com with card 4571 2345 6789 0111")


@app.get("/orders/<int:order>")
def pay(order: int) -> str:
    sentry_sdk.set_user({"id": "7", "email": "jane.doe@example.com"})
    charge(order, "-".join(("canary", "flask")))  # not as it stands in the source, which SDKs send too
    return "paid"


@app.get("/ok/<int:order>")
def fine(order: int) -> str:
    return "fine"


app.run("127.0.0.1", int(sys.argv[2]), threaded=False)
