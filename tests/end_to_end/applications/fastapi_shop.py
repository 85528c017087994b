"""A FastAPI application that fails: python fastapi_shop.py DSN PORT."""

import sys

import sentry_sdk
import uvicorn
from fastapi import FastAPI

sentry_sdk.init(dsn=sys.argv[1], release="fastapi@1.0.0", environment="production", traces_sample_rate=1.0)
app = FastAPI()


class PaymentRefused(Exception):
    pass


def charge(order: int, password: str) -> None:
    raise PaymentRefused(f"order {order} of jane.doe@example.com with card 4571 2345 6789 0111")


@app.get("/orders/{order}")
async def pay(order: int) -> str:
    sentry_sdk.set_user({"id": "7", "email": "jane.doe@example.com"})
    charge(order, "-".join(("canary", "fastapi")))  # not as it stands in the source, which SDKs send too
    return "paid"


@app.get("/ok/{order}")
async def fine(order: int) -> str:
    return "fine"


uvicorn.run(app, host="127.0.0.1", port=int(sys.argv[2]), log_level="critical")
