"""/readyz follows what is taken in where `web.readiness` is ingest, else never; /livez and /health never follow it."""

import msgspec
import pytest

from tests.web.client import ask
from tests.web.kept import Rows
from tests.web.sent import Queued, Sent, forwarding
from tests.web.stand import Stand, stand

READY = (200, "ready")


def follow(s: Stand, readiness: str = "ingest") -> None:
    s.use(web=msgspec.structs.replace(s.site.services.web, readiness=readiness))


async def ready(s: Stand) -> tuple[int, str]:
    """What /readyz answers."""
    reply = await ask(s.port, "GET /readyz")
    assert (await ask(s.port, "GET /livez")).status == 200
    return reply.status, reply.json["message"]


@pytest.mark.parametrize("ingest", [False, True])
async def test_a_store_that_refuses_makes_it_unready_until_it_takes_again(ingest: bool) -> None:
    async with stand(ingest=ingest) as s:
        rows = Rows()
        s.use(records=rows)
        follow(s)
        assert await ready(s) == READY
        rows.full = "full"
        assert await ready(s) == (503, "not ready: the store takes nothing: full")
        if not ingest:
            assert [(await ask(s.port, f"GET {path}")).status for path in ("/-/ready", "/-/healthy", "/health")] == [
                503,
                200,
                200,
            ]
        rows.full = ""
        assert await ready(s) == READY


async def test_a_spool_that_takes_nothing_makes_it_unready_until_it_does() -> None:
    async with stand() as s:
        backend = Sent("tempo", "traces", queue=Queued(refusing="full"))
        s.use(forwarding=forwarding(Sent("other"), backend))
        follow(s)
        assert await ready(s) == (503, "not ready: what waits for traces of tempo takes nothing more: full")
        backend.queue.refusing = ""
        assert await ready(s) == READY


async def test_by_default_it_does_not_follow() -> None:
    async with stand() as s:
        rows = Rows()
        rows.full = "full"
        s.use(records=rows, forwarding=forwarding(Sent("tempo", queue=Queued(refusing="unavailable"))))
        assert s.site.services.web.readiness == "always"
        assert await ready(s) == READY


async def test_where_nothing_is_kept_it_is_ready() -> None:
    async with stand() as s:
        follow(s)
        assert await ready(s) == READY
        s.stopping = True
        assert await ready(s) == (503, "not ready: stopping")
