"""The kind celery before brokers and workers that say too much, nonsense, or nothing any more."""

import asyncio
import struct
from collections.abc import Callable
from typing import Any

import pytest
import uvloop

from exporter.probes import _celery_follow, _celery_wire
from exporter.probe import Result
from exporter.probes._celery_control import Answers
from exporter.probes._celery_frames import Frames
from exporter.run import run_once
from tests import hostile, probing, servers
from tests.fakes import pidbox
from tests.probes.rounds import Rounds, Turns
from tests.probing import probe, readings
from tests.servers.process import wait_until

IDLE = {
    "ping": {"ok": "pong"},
    "stats": {"pool": {"max-concurrency": 4}, "total": {"t": 3}, "uptime": 5},
    "active_queues": [{"name": "celery"}],
}
LOOPS = pytest.mark.parametrize("loop", [asyncio.run, uvloop.run])


async def timed(**fields: Any) -> tuple[Result, float]:
    """A run, and how long others had to wait meanwhile."""
    async with Turns() as turns:
        return await probing.run("celery", **fields), turns.longest


@LOOPS
def test_five_hundred_workers_are_heard_within_a_run(valkey_server: Any, loop: Any) -> None:
    with pidbox.workers(valkey_server.port, 500, lambda method, _: IDLE.get(method, [])):
        result, longest = loop(timed(url=valkey_server.url, answer_within="5s", timeout=10))
    found = readings(result)
    assert (result.outcome, found["stack_celery_workers"]) == ("healthy", 500)
    assert sum("_worker_up{" in name for name in found) == 500
    assert found['stack_celery_queue_consumers{queue="celery"}'] == 500
    assert longest < 0.1


def test_more_workers_than_there_are_series_for_are_counted(
    valkey_server: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    from exporter.probes import _celery_control, _celery_workers

    monkeypatch.setattr(_celery_workers, "MOST", 3)
    monkeypatch.setattr(_celery_control, "MOST", 5)
    with pidbox.workers(valkey_server.port, 10, lambda method, _: IDLE.get(method, [])):
        found = readings(probe("celery", url=valkey_server.url, timeout=10))
    assert found["stack_celery_workers"] == 10
    assert sum("_worker_up{" in name for name in found) == 3


ODD: dict[str, Callable[[str], Any]] = {
    "an error": lambda _: {"error": "KeyError('x')"},
    "null": lambda _: None,
    "a text": lambda _: "pong",
    "numbers where lists should be": lambda _: {"pool": 5, "total": [], "uptime": "x"},
    "nothing of the pool": lambda method: {"pool": {"max-concurrency": None}} if method == "stats" else [],
    "tasks without anything": lambda _: [{}, {"time_start": None}, {"time_start": 12.5}],
    "tasks of another form": lambda _: [5, "x", None],
    "a time beyond reason": lambda method: [{"name": "t", "time_start": 1e308}] if method == "active" else [],
}


@pytest.mark.parametrize("case", ODD)
def test_a_figure_that_a_worker_does_not_give_is_not_there_and_the_worker_is(valkey_server: Any, case: str) -> None:
    with pidbox.workers(valkey_server.port, 1, lambda method, _: ODD[case](method)):
        result = probe("celery", url=valkey_server.url, timeout=10)
    assert (result.outcome, result.detail) == ("healthy", "")
    assert readings(result)['stack_celery_worker_up{worker="w0@test"}'] == 1


def test_a_worker_speaks_for_itself_alone_and_for_this_round() -> None:
    answers = Answers("now", ("ping", "stats"))
    for ticket in ("before:ping", "now:shutdown", "now", ""):
        answers.take(ticket, "application/json", b'{"w": {}}')
    assert (answers.taken, answers.workers) == (0, {})
    answers.take("now:ping", "application/json", b'{"w": {}, "x": {}}')
    assert (answers.taken, answers.pings, list(answers.workers)) == (1, 1, ["w"])


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b"\xff\xfe", b'{"w": ', b"5"])
def test_an_answer_that_is_no_json_is_said(valkey_server: Any, body: bytes) -> None:
    with pidbox.workers(valkey_server.port, 1, lambda *_: body):
        result = probe("celery", url=valkey_server.url, timeout=10)
    assert (result.outcome, result.reason) == ("degraded", "serializer")
    assert readings(result)["stack_celery_workers"] == 1


def test_the_name_of_a_worker_is_not_believed_to_be_short_or_fit_to_print(valkey_server: Any) -> None:
    said = b'{"' + b"w" * 5000 + b'\\u001b[2J\\ud800": {"ok": "pong"}}'
    with pidbox.workers(valkey_server.port, 1, lambda *_: said):
        result = probe("celery", url=valkey_server.url, timeout=10)
    assert result.error is None
    assert all(len(name) < 300 for name in readings(result))


@LOOPS
def test_a_run_that_is_cut_off_takes_away_what_it_put_there(loop: Any) -> None:
    async def story(server: Any) -> None:
        component = probing.component("celery", url=server.url, answer_within="30s", timeout=30)
        memory = probing.Memory()
        listening = await asyncio.open_connection("127.0.0.1", server.port)
        listening[1].write(b"SUBSCRIBE /0.celery.pidbox\r\n")  # and never answers
        await listening[0].readline()
        task = asyncio.create_task(run_once(component, memory, memory))
        while b"*0" in server.call("KEYS", "*"):
            await asyncio.sleep(0.01)
        task.cancel()
        await asyncio.wait([task])
        listening[1].close()
        await asyncio.to_thread(wait_until, lambda: server.call("KEYS", "*") == b"*0\r\n")

    with servers.valkey() as server:
        loop(story(server))


def framed(kind: int, payload: bytes, channel: int = 0) -> bytes:
    return struct.pack(">BHI", kind, channel, len(payload)) + payload + b"\xce"


AMQP = {
    "another version": b"AMQP\x00\x01\x00\x00",
    "a frame of a gigabyte": struct.pack(">BHI", 1, 0, 1 << 30),
    "no end": b"\x01\x00\x00\x00\x00\x00\x04\x00\x0a\x00\x0a\x00",
    "no name": framed(1, b"\x00"),
    "no fields": framed(1, struct.pack(">HH", 10, 10)),
    "a table longer than its frame": framed(
        1, struct.pack(">HHBBI", 10, 10, 0, 9, 1 << 31) + b"\x01aA\xff\xff\xff\xff"
    ),
    "another method": framed(1, struct.pack(">HH", 60, 50)),
    "a close without a text": framed(1, struct.pack(">HHH", 10, 50, 403)),
    "redis": b"-ERR unknown command\r\n",
}


@pytest.mark.parametrize("case", AMQP)
def test_what_is_no_amqp_is_told_at_once(case: str) -> None:
    with hostile.serving(hostile.holds(AMQP[case]), ask=False) as found:
        result = probe("celery", url=f"amqp://me:s3cret-word@{found.address}", timeout=5)
    assert (result.outcome, result.reason) == ("unhealthy", "protocol"), result.error
    assert result.duration < 2
    assert "s3cret-word" not in result.detail


@pytest.mark.parametrize(
    ("scheme", "junk"),
    [("redis", b":0\r\n" * 9 + b"$8388608\r\n" + b"x" * 65536), ("amqp", framed(8, b"") * 5000), ("redis", b"x" * 9)],
)
def test_a_flood_in_place_of_answers_ends_by_its_size_or_the_deadline(scheme: str, junk: bytes) -> None:
    with hostile.serving(hostile.floods(b"", junk), ask=False) as found:
        result, longest = asyncio.run(timed(url=f"{scheme}://{found.address}", timeout=1))
    assert result.outcome == "unhealthy"
    assert result.reason in ("protocol", "timeout")
    assert result.duration < 1.5
    assert longest < 0.1


def test_a_wait_for_a_method_behind_very_much_else_lets_others_have_their_turn() -> None:
    async def story() -> None:
        frames = Frames("it", str)
        frames.data_received(framed(8, b"") * 1200)
        task = asyncio.create_task(frames.method())
        left = []
        for _ in range(3):
            await asyncio.sleep(0)
            left.append(len(frames.rest) // len(framed(8, b"")))
        task.cancel()
        assert left == [700, 200, 0]

    asyncio.run(story())


def test_what_a_connection_holds_is_bounded() -> None:
    async def paused(port: int) -> None:
        transport, wire = await asyncio.get_running_loop().create_connection(
            lambda: _celery_wire.Wire("it"), "127.0.0.1", port
        )
        wire.attach(transport)
        await asyncio.sleep(0.3)
        held = len(wire.rest)
        await asyncio.sleep(0.1)
        assert _celery_wire.HELD < held == len(wire.rest) < 2 * _celery_wire.HELD
        await wire.more()
        assert len(wire.rest) > held
        transport.abort()

    with hostile.serving(hostile.floods(b"", b"x" * 65536), ask=False) as found:
        for loop in (asyncio.run, uvloop.run):
            loop(paused(found.port))


@LOOPS
def test_a_broker_that_falls_mute_is_followed_no_more(loop: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_celery_follow.Follower.__init__, "__defaults__", (0.1,))

    async def story(server: Any) -> None:
        async with Rounds(url=server.url, min_workers=0).watching() as rounds:
            await asyncio.sleep(0.5)
            assert rounds.watched_values()["stack_celery_events_followed"] == 1, "its PONG is life enough"
            server.pause()
            await rounds.until(lambda: rounds.watched_values()["stack_celery_events_followed"] == 0)
            server.resume()

    with servers.valkey() as server:
        loop(story(server))


@LOOPS
def test_a_flood_of_nothing_that_is_followed_holds_up_nobody(loop: Any) -> None:
    async def story(url: str) -> float:
        rounds = Rounds(url=url, min_workers=0)
        rounds.component.probe._memory.follower.reached(yes=True)
        async with Turns() as turns:
            task = asyncio.create_task(rounds.component.probe.watch(rounds.watched))
            await rounds.until(lambda: rounds.watched_values().get("stack_celery_events_followed"))
            await asyncio.sleep(0.5)
            task.cancel()
            await asyncio.wait([task])
        return turns.longest

    with hostile.serving(hostile.floods(b":1\r\n:1\r\n", b":1\r\n" * 20000), ask=False) as found:
        assert loop(story(f"redis://{found.address}")) < 0.1
