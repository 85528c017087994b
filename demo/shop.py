"""The shop: a web application on PostgreSQL, Valkey, a Celery worker and S3; its Sentry SDK sends to stack-exporter.

Started as `python -m demo.shop PORT`, its surroundings in the environment.
"""

import asyncio
import json
import os
import random
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import asyncpg
import sentry_sdk
import uvicorn
from fastapi import FastAPI, HTTPException
from redis.asyncio import Redis

from demo.worker import receipt

PRODUCTS = [("tea", 450), ("cup", 1200), ("kettle", 3900)]
SLOW = (5.5, 9.0)
"""Seconds that a page takes once somebody broke it so: the alert is at 5 s. They differ, so that visitors do not all wait
for the same moment: rules look at some seconds only, in each of which somebody must have waited."""

sentry_sdk.init(dsn=os.environ["SENTRY_DSN"], release="shop@1.4.2", environment="production", traces_sample_rate=1.0)


@asynccontextmanager
async def shared(app: FastAPI) -> AsyncIterator[None]:
    """Connections for as long as the shop runs; each request makes a new one to the database, so that it may be away."""
    app.state.cache = Redis.from_url(os.environ["CACHE_URL"], socket_timeout=2)
    connection = await asyncpg.connect(os.environ["DATABASE_URL"])
    await connection.execute("CREATE TABLE IF NOT EXISTS products (name text PRIMARY KEY, cents int)")
    await connection.execute("CREATE TABLE IF NOT EXISTS orders (id serial PRIMARY KEY, product text, at timestamptz)")
    await connection.executemany("INSERT INTO products VALUES ($1, $2) ON CONFLICT DO NOTHING", PRODUCTS)
    await connection.close()
    yield
    await app.state.cache.aclose()


app = FastAPI(lifespan=shared)
broken: dict[str, bool] = {"slow": False, "errors": False}


class PaymentRefused(Exception):
    """What the shop raises when it is broken by `errors`."""


@app.get("/healthz")
async def healthy() -> dict[str, str]:
    return {"shop": "open"}


@app.get("/products")
async def products() -> Any:
    if broken["slow"]:
        await asyncio.sleep(random.uniform(*SLOW))
    cached = await app.state.cache.get("products")
    if cached is not None:
        return json.loads(cached)
    connection = await asyncpg.connect(os.environ["DATABASE_URL"], timeout=2)
    try:
        found = {row["name"]: row["cents"] for row in await connection.fetch("SELECT name, cents FROM products")}
    finally:
        await connection.close()
    await app.state.cache.set("products", json.dumps(found), ex=1)
    return found


@app.post("/orders/{product}")
async def order(product: str) -> dict[str, int]:
    if broken["errors"]:
        raise PaymentRefused(f"the bank refuses the payment of a {product}")
    connection = await asyncpg.connect(os.environ["DATABASE_URL"], timeout=2)
    try:
        number = await connection.fetchval(
            "INSERT INTO orders (product, at) SELECT name, now() FROM products WHERE name = $1 RETURNING id", product
        )
    finally:
        await connection.close()
    if number is None:
        raise HTTPException(404, "no such product")
    receipt.delay(number)
    return {"order": number}


@app.post("/broken/{what}/{on}")
async def break_(what: str, on: int) -> dict[str, bool]:
    """Where the demo breaks the shop itself."""
    broken[what] = bool(on)
    return broken


if __name__ == "__main__":
    uvicorn.run(app, host="127.0.0.1", port=int(sys.argv[1]), log_level="warning")
