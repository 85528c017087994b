"""A reload takes nothing away of what waits, whatever is configured otherwise and however the back end is."""

import asyncio
import logging
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from exporter.config.onward import Waiting
from exporter.forward.figures import DROPPED, RECEIVED, SENT
from exporter.forward.forwarding import Forwarding
from exporter.forward.ports import LOST
from exporter.forward.spool import Spool
from exporter.forward.target import Target
from exporter.supervise import Tasks
from exporter.tally import Tallies
from exporter.values import Secret
from tests.forward.backends import Back, backend, mute, says, until
from tests.forward.spools import KILO, looped

NOWHERE = "http://127.0.0.1:9/v1/traces"


class Daemon:
    """Forwarding as the daemon has it."""

    def __init__(self, storage: Path | None) -> None:
        self.tallies = Tallies()
        self.tasks = Tasks(self.tallies)
        self.forwarding = Forwarding(self.tallies, self.tasks)
        self.storage = storage

    async def use(self, *targets: Target) -> float:
        """Seconds that it took."""
        began = time.monotonic()
        await self.forwarding.use(targets, self.storage)
        return time.monotonic() - began

    async def put(self, *bodies: bytes) -> None:
        for body in bodies:
            await self.forwarding.put("traces", body, 2)

    def dropped(self, name: str = "0") -> dict[str, float]:
        found = {reason: self.tallies.child(DROPPED, "traces", name, reason).value for reason in LOST}
        return {reason: value for reason, value in found.items() if value}

    @property
    def waiting(self) -> Sequence[int]:
        return [one.queue.items for one in self.forwarding.backends]


@asynccontextmanager
async def running(storage: Path | None) -> AsyncIterator[Daemon]:
    daemon = Daemon(storage)
    try:
        yield daemon
    finally:
        await daemon.forwarding.end(0.2)
        await daemon.tasks.end()


@pytest.fixture(params=["disk", "memory"])
def storage(request: pytest.FixtureRequest, tmp_path: Path) -> Path | None:
    return tmp_path if request.param == "disk" else None


@looped
async def test_another_header_keeps_what_waits_though_the_back_end_is_mute(storage: Path | None) -> None:
    async with backend(mute, mute, says(200)) as back, running(storage) as daemon:
        target = Target(back.url, headers={"authorization": Secret("old")})
        await daemon.use(target)
        await daemon.put(b"a")
        await until(lambda: len(back.requests) == 1)
        assert await daemon.use(replace(target, headers={"authorization": Secret("new")})) < 0.5
        await until(lambda: len(back.requests) == 2)
        assert back.requests[-1].headers["authorization"] == "new"
        await daemon.put(b"b")
        changed = replace(target, timeout=7.0)
        await daemon.use(changed)
        await until(lambda: daemon.waiting == [0])
        assert b"".join(back.bodies[2:]) == b"ab"
        assert daemon.dropped() == {}
        assert daemon.tallies.child(SENT, "traces", "0").value == daemon.tallies.child(RECEIVED, "traces").value == 4


@looped
async def test_another_name_or_place_keeps_what_waits(storage: Path | None) -> None:
    async with running(storage) as daemon:
        await daemon.use(Target(NOWHERE))
        await daemon.put(b"a", b"b")
        await daemon.use(Target("http://127.0.0.1:9/other"), Target(NOWHERE, name="1"))
        assert daemon.waiting == [0, 4]
        assert daemon.dropped("1") == {}


@looped
async def test_a_smaller_spool_drops_the_oldest_and_counts_them(storage: Path | None) -> None:
    async with running(storage) as daemon:
        await daemon.use(Target(NOWHERE, waiting=Waiting(size=1024 * KILO)))
        await daemon.put(*(b"%d" % number * 500 for number in range(400)))
        assert await daemon.use(Target(NOWHERE, waiting=Waiting(size=128 * KILO))) < 1
        [left] = daemon.waiting
        assert 0 < left < 400
        assert daemon.dropped() == {"full": 800 - left}


@looped
async def test_a_back_end_that_comes_back_gets_what_waited_for_it(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.WARNING)
    async with backend() as back, running(tmp_path) as daemon:
        gone, other = Target(NOWHERE, name="gone", named=True), Target(back.url)
        await daemon.use(gone, other)
        await daemon.put(b"a")
        await until(lambda: daemon.waiting[1] == 0)
        assert await daemon.use() < 1
        assert not daemon.forwarding.takes("traces")
        shown = [line for line in daemon.tallies.families if line.name.startswith("stack_exporter_spool")]
        assert not [one for one in shown if daemon.tallies.families[one].children]
        daemon.forwarding._sweep()
        left = [record for record in caplog.records if "has no back end any more" in record.message]
        assert [Path(record.folder).name for record in left] == ["traces-gone"]
        await daemon.use(replace(gone, endpoint=back.url))
        await until(lambda: back.bodies == [b"a", b"a"])


@looped
async def test_what_waited_in_memory_goes_to_the_disk_once_there_is_one(tmp_path: Path) -> None:
    (tmp_path / "spool").write_text("in the way")
    async with running(tmp_path) as daemon:
        await daemon.use(Target(NOWHERE))
        await daemon.put(b"a", b"b")
        assert not daemon.forwarding.backends[0].queue.durable
        (tmp_path / "spool").unlink()
        await daemon.use(Target(NOWHERE, timeout=7.0))
        assert daemon.forwarding.backends[0].queue.durable
        assert (daemon.waiting, daemon.dropped()) == ([4], {})


@looped
async def test_a_spool_that_does_not_open_holds_up_neither_a_reload_nor_what_comes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("exporter.forward.backend.OPENING", 0.2)
    real = Spool.open

    def hangs(self: Spool) -> None:
        time.sleep(0.5)
        real(self)

    async with running(tmp_path) as daemon:
        await daemon.use()
        monkeypatch.setattr(Spool, "open", hangs)
        took, _ = await asyncio.gather(daemon.use(Target(NOWHERE)), daemon.put(b"waits for it"))
        assert took < 0.4
        await daemon.put(b"a")
        assert (daemon.waiting, daemon.forwarding.backends[0].queue.durable) == ([4], False)
        await asyncio.sleep(0.5)
        monkeypatch.setattr(Spool, "open", real)
        await daemon.use(Target(NOWHERE, timeout=7.0))  # what opened late has let go of it
        assert (daemon.waiting, daemon.forwarding.backends[0].queue.durable) == ([4], True)


@pytest.mark.parametrize("protocol", ["http", "grpc"])
@looped
async def test_an_end_waits_no_longer_than_it_may_for_a_back_end_that_is_mute(tmp_path: Path, protocol: str) -> None:
    async with backend(mute) as back:
        daemon = Daemon(tmp_path)
        await daemon.use(
            Target(back.url, protocol), Target("http://no-such-name.invalid/v1/traces", protocol, name="1")
        )
        await daemon.put(b"a" * 100_000)
        await asyncio.sleep(0.1)
        began = time.monotonic()
        await daemon.forwarding.end(0.3)
        assert time.monotonic() - began < 1
        await daemon.tasks.end()
        assert daemon.dropped() == daemon.dropped("1") == {}
