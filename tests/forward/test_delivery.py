import asyncio
import logging
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any

import pytest

from exporter.forward import delivery
from exporter.forward.delivery import Delivery
from exporter.forward.http import HttpClient
from exporter.forward.patience import Patience
from exporter.forward.ports import Reply
from exporter.values import Secret
from exporter.web.otlp_reply import Taken, response
from tests.forward.backends import Answer, Back, Peer, Seen, Waits, backend, says, until

TAKEN = Reply("taken", "200")


class Scripted:
    """A client whose n-th request gets the n-th reply, and later ones the last; None: none until `released`."""

    def __init__(self, *replies: Reply | None) -> None:
        self.replies = replies or (TAKEN,)
        self.bodies: list[bytes] = []
        self.under_way = 0
        self.released = asyncio.Event()

    async def send(self, body: bytes) -> Reply:
        self.bodies.append(body)
        self.under_way += 1
        assert self.under_way == 1, "two requests at a time"
        try:
            reply = self.replies[min(len(self.bodies), len(self.replies)) - 1]
            if reply is None:
                await self.released.wait()
            await asyncio.sleep(0)
            return reply or TAKEN
        finally:
            self.under_way -= 1

    async def close(self) -> None:
        pass


def deliver(queue: Any, client: Any, seen: Seen, **about: Any) -> Delivery:
    given: dict[str, Any] = {"name": "0", "address": "b:1", "signal": "traces", "most": 1000, "gather": 0.02}
    given["patience"] = Patience(0.01, 0.05)
    return Delivery(queue, client, seen, **(given | about))


@asynccontextmanager
async def working(delivery: Delivery) -> AsyncIterator[None]:
    work = asyncio.create_task(delivery.work(lambda: None))
    try:
        yield
    finally:
        work.cancel()
        await asyncio.gather(work, return_exceptions=True)
        await delivery.close()


def run(*replies: Reply | None, bodies: Sequence[bytes] = (b"a", b"b", b"c"), **about: Any) -> tuple[Scripted, Seen]:
    """Deliver these records of two items each."""

    async def go() -> tuple[Scripted, Seen]:
        queue, client, seen = Waits(), Scripted(*replies), Seen()
        async with working(deliver(queue, client, seen, **about)):
            for body in bodies:
                await queue.put(body, 2)
            await until(lambda: not queue.items)
        assert seen.sent_items + sum(seen.lost.values()) == 2 * len(bodies)
        return client, seen

    return asyncio.run(go())


def test_records_are_joined_in_their_order_up_to_the_size_of_a_request() -> None:
    client, seen = run(bodies=[b"a" * 30, b"b" * 30, b"c" * 30, b"d" * 200, b"e"], most=100)
    assert client.bodies == [b"a" * 30 + b"b" * 30 + b"c" * 30, b"d" * 200, b"e"]
    assert (seen.sent_items, seen.lost, seen.codes) == (10, {}, ["200"] * 3)


def test_a_few_wait_a_little_for_more_and_many_do_not() -> None:
    async def go() -> tuple[list[bytes], float]:
        queue, client = Waits(), Scripted()
        async with working(deliver(queue, client, Seen(), gather=0.3, most=100)):
            loop = asyncio.get_running_loop()
            await queue.put(b"a", 1)
            await asyncio.sleep(0.05)
            await queue.put(b"b", 1)
            await until(lambda: not queue.items)
            began = loop.time()
            await queue.put(b"c" * 60, 1)
            await until(lambda: not queue.items)
            return client.bodies, loop.time() - began

    bodies, took = asyncio.run(go())
    assert bodies == [b"ab", b"c" * 60]
    assert took < 0.2


@pytest.mark.parametrize("code", ["400", "401", "403", "404", "413", "500", "501", "301"])
def test_what_is_rejected_is_sent_once_and_counted_as_dropped(code: str) -> None:
    client, seen = run(Reply("rejected", code), bodies=[b"a"])
    assert client.bodies == [b"a"]
    assert (seen.codes, seen.sent_items, seen.lost) == ([code], 0, {"rejected": 2})


@pytest.mark.parametrize("code", ["429", "502", "503", "504", "timeout", "unreachable", "UNAVAILABLE"])
def test_what_may_be_sent_again_is_and_in_its_order(code: str) -> None:
    later = Reply("later", code)
    client, seen = run(later, later, TAKEN, bodies=[b"a" * 600, b"b" * 600])
    assert [body[:1] for body in client.bodies] == [b"a", b"a", b"a", b"b"]
    assert (seen.codes, seen.sent_items, seen.lost) == ([code, code, "200", "200"], 4, {})


def test_a_partial_success_is_not_sent_again_and_its_loss_is_counted() -> None:
    client, seen = run(Reply("taken", "200", partial=4), TAKEN, bodies=[b"a", b"b", b"c"])
    assert client.bodies == [b"abc"]
    assert (seen.sent_items, seen.lost) == (2, {"partial": 4})
    _, seen = run(Reply("taken", "200", partial=10**9))
    assert (seen.sent_items, seen.lost) == (0, {"partial": 6})


@pytest.mark.parametrize("code", ["400", "413", "INVALID_ARGUMENT", "RESOURCE_EXHAUSTED"])
def test_one_wrong_record_costs_itself_alone(code: str) -> None:
    wrong = Reply("rejected", code)
    client, seen = run(wrong, TAKEN, wrong, Reply("later", "503"), TAKEN)
    assert client.bodies == [b"abc", b"a", b"b", b"c", b"c"]
    assert (seen.sent_items, seen.lost) == (4, {"rejected": 2})
    client, seen = run(wrong)
    assert client.bodies == [b"abc", b"a", b"b", b"c"]
    assert seen.lost == {"rejected": 6}


def test_records_are_joined_again_after_a_wrong_one() -> None:
    async def go() -> list[bytes]:
        queue, client = Waits(), Scripted(Reply("rejected", "400"), TAKEN)
        async with working(deliver(queue, client, Seen())):
            for bodies in (b"ab", b"cd"):
                for body in bodies:
                    await queue.put(bytes([body]), 1)
                await until(lambda: not queue.items)
        return client.bodies

    assert asyncio.run(go()) == [b"ab", b"a", b"b", b"cd"]


def test_it_shows_that_it_lives_whatever_it_waits_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(delivery, "BEAT", 0.01)

    async def go() -> None:
        queue, client, beats = Waits(), Scripted(Reply("later", "503"), None), []
        made = deliver(queue, client, Seen(), patience=Patience(0.2, 0.2))
        work = asyncio.create_task(made.work(lambda: beats.append(1)))
        for requests in range(3):  # waits for a record, for a back end that is away, for an answer
            before = len(beats)
            await until(lambda before=before: len(beats) > before + 5)  # type: ignore[misc]
            assert len(client.bodies) == requests
            if requests == 0:
                await queue.put(b"a", 1)
            await until(lambda requests=requests: len(client.bodies) > requests or requests == 2)  # type: ignore[misc]
        work.cancel()
        await asyncio.gather(work, return_exceptions=True)
        await made.close()

    asyncio.run(go())


def test_a_change_is_logged_once_and_no_header_with_it(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    busy, no = b"busy, s3cr3t-token", {"content-type": "text/plain"}
    answers: list[Answer] = [says(200), says(503, busy, no), says(503, busy, no), says(401, busy, no)]
    answers += [says(401), says(200, response(Taken(1, "s3cr3t-token"), "traces", json=False)), says(200), says(200)]

    async def go() -> Back:
        async with backend(*answers) as back:
            queue = Waits()
            client = HttpClient(Peer(back.url, headers={"authorization": Secret("Bearer s3cr3t-token")}))
            async with working(deliver(queue, client, Seen(), gather=0.0)):
                for _ in range(6):
                    await queue.put(b"a", 2)
                    await until(lambda: not queue.items)
            await client.close()
            return back

    assert len(asyncio.run(go()).requests) == 8
    told = [(record.message, vars(record).get("reason"), vars(record).get("detail")) for record in caplog.records]
    assert told == [
        ("a back end can't be sent to, and what is for it waits", "503", "HTTP status 503: busy, [REDACTED]"),
        ("a back end rejects what is sent, which is dropped", "401", "HTTP status 401: busy, [REDACTED]"),
        ("a back end takes only a part of what is sent, the rest is dropped", "200", "[REDACTED]"),
        ("a back end takes all that is sent again", None, None),
    ]
