"""Two that take envelopes in, parse and route them, and keep nothing: our endpoint, and a handler on stock aiohttp.

`python -m benchmarks.receivers ours|stock PORT`; each in a process of its own.
"""

import asyncio
import json
import sys
from types import SimpleNamespace
from typing import Any

import uvloop
from aiohttp import web

from exporter.ingest import sentry
from exporter.ingest.values import Batch
from tests.web.stand import stand


class Untouched:
    """A scrubber that leaves everything as it is: to scrub is not to parse."""

    def tree(self, value: Any) -> Any:
        return value

    def text(self, text: str) -> str:
        return text

    def user(self, user: Any) -> str:
        return ""


class Dropping:
    """An intake that keeps nothing."""

    scrubber = Untouched()

    def wait(self, key: str, events: int, source: str) -> float:
        return 0.0

    def count(self, source: str, outcome: str, events: int = 1) -> None:
        raise AssertionError(outcome)

    async def take(self, batch: Batch, source: str, client: object = None) -> int:
        return 0


def nothing(batch: Batch, item: Any, sent: Any) -> None:
    """In place of what makes values of an item: to clean and copy it is not to parse it."""


async def ours(port: int) -> None:
    sentry.add = nothing
    async with stand(f"127.0.0.1:{port}", ingest=True) as made:
        made.use(intake=Dropping())
        await asyncio.Event().wait()


async def envelope(request: web.Request) -> web.Response:
    body = await request.read()
    header, *lines = body.split(b"\n")
    found = json.loads(header)
    items = [(json.loads(lines[at]), json.loads(lines[at + 1])) for at in range(0, len(lines) - 1, 2)]
    route = SimpleNamespace(event=[payload for item, payload in items if item["type"] == "event"])
    assert len(route.event) == 1
    return web.json_response({"id": found["event_id"]})


def stock(port: int) -> None:
    application = web.Application(client_max_size=16 * 1024 * 1024)
    application.router.add_post("/api/{project}/envelope/", envelope)
    web.run_app(application, host="127.0.0.1", port=port, print=None, access_log=None)


if __name__ == "__main__":
    which, port = sys.argv[1:]
    if which == "stock":
        stock(int(port))
    else:
        uvloop.run(ours(int(port)))
