"""What a team writes itself: uvicorn, prometheus_client, and checks by httpx, asyncpg and redis-py, one of each in a loop.

`python -m benchmarks.homemade PORT HTTP_URL POSTGRES_DSN REDIS_URL INTERVAL`. Clients are made once, as their authors
advise, and each check connects anew, for the reason that ours does: a kept connection hides a server that takes none.
"""

import asyncio
import random
import sys
import time
from collections.abc import Awaitable, Callable

import asyncpg
import httpx
import uvicorn
from prometheus_client import CONTENT_TYPE_LATEST, Counter, Gauge, Histogram, generate_latest
from redis.asyncio import Redis

UP = Gauge("check_up", "Whether the last check succeeded.", ["check", "kind"])
RUNS = Counter("check_runs_total", "Checks by result.", ["check", "kind", "result"])
SECONDS = Histogram("check_duration_seconds", "How long a check took.", ["check", "kind"])
STATUS = Gauge("http_status_code", "Status of the last response.", ["check"])
CONNECTIONS = Gauge("postgres_connections", "Sessions by state.", ["check", "state"])
SIZE = Gauge("postgres_database_bytes", "Size of the database.", ["check"])
CACHE = Gauge("redis_info", "Numbers of INFO.", ["check", "field"])
FIELDS = ("used_memory", "connected_clients", "blocked_clients", "evicted_keys", "keyspace_hits", "keyspace_misses")


async def http(name: str, client: httpx.AsyncClient, url: str) -> None:
    response = await client.get(url)
    STATUS.labels(name).set(response.status_code)
    response.raise_for_status()


async def postgres(name: str, dsn: str) -> None:
    connection = await asyncpg.connect(dsn, timeout=5)
    try:
        for row in await connection.fetch(
            "SELECT coalesce(state, '') AS state, count(*) FROM pg_stat_activity GROUP BY 1"
        ):
            CONNECTIONS.labels(name, row["state"]).set(row["count"])
        SIZE.labels(name).set(await connection.fetchval("SELECT pg_database_size(current_database())"))
    finally:
        await connection.close()


async def redis(name: str, client: Redis) -> None:
    await client.ping()
    found = await client.info()
    for field in FIELDS:
        CACHE.labels(name, field).set(found[field])
    await client.connection_pool.disconnect()


async def again(name: str, kind: str, interval: float, check: Callable[[], Awaitable[None]]) -> None:
    await asyncio.sleep(random.random() * interval)
    while True:
        began = time.monotonic()
        try:
            async with asyncio.timeout(5):
                await check()
        except Exception:
            UP.labels(name, kind).set(0)
            RUNS.labels(name, kind, "failure").inc()
        else:
            UP.labels(name, kind).set(1)
            RUNS.labels(name, kind, "success").inc()
        took = time.monotonic() - began
        SECONDS.labels(name, kind).observe(took)
        await asyncio.sleep(max(0.0, interval - took))


class Service:
    """The ASGI application: /metrics, and the checks beside it."""

    def __init__(self, url: str, dsn: str, cache: str, interval: float) -> None:
        self.url, self.dsn, self.cache, self.interval = url, dsn, cache, interval
        self.tasks: list[asyncio.Task[None]] = []

    async def __call__(self, scope, receive, send) -> None:
        if scope["type"] == "lifespan":
            await receive()
            self.start()
            await send({"type": "lifespan.startup.complete"})
            await receive()
            for task in self.tasks:
                task.cancel()
            await send({"type": "lifespan.shutdown.complete"})
            return
        found = scope["path"] == "/metrics"
        body = generate_latest() if found else b"not found\n"
        headers = [(b"content-type", CONTENT_TYPE_LATEST.encode()), (b"content-length", b"%d" % len(body))]
        await send({"type": "http.response.start", "status": 200 if found else 404, "headers": headers})
        await send({"type": "http.response.body", "body": body})

    def start(self) -> None:
        client = httpx.AsyncClient(timeout=5, limits=httpx.Limits(max_keepalive_connections=0))
        caches = [Redis.from_url(self.cache) for _ in range(2)]
        checks = [(f"http-{n}", "http", lambda name: http(name, client, self.url)) for n in range(4)]
        checks += [(f"postgres-{n}", "postgres", lambda name: postgres(name, self.dsn)) for n in range(2)]
        checks += [
            (f"redis-{n}", "redis", lambda name, cache=cache: redis(name, cache)) for n, cache in enumerate(caches)
        ]
        for name, kind, check in checks:
            work = again(name, kind, self.interval, lambda check=check, name=name: check(name))
            self.tasks.append(asyncio.create_task(work))


if __name__ == "__main__":
    port, url, dsn, cache, interval = sys.argv[1:]
    service = Service(url, dsn, cache, float(interval))
    uvicorn.run(service, host="127.0.0.1", port=int(port), log_level="warning", access_log=False)
