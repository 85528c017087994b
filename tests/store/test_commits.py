"""What comes soon after a commit is written together with what comes next, and one who is alone does not wait for it."""

import asyncio
import time

import pytest

from exporter.store import commits
from exporter.store.commits import WRITE_DURATION
from exporter.tally import Tallies
from tests.store.place import Place, error


def transactions(tallies: Tallies) -> int:
    return sum(tallies.child(WRITE_DURATION).cells or ())


def test_two_that_come_one_after_the_other_are_one_transaction(
    in_sqlite: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(commits, "GATHER", 5.0)
    monkeypatch.setattr(commits, "RECENT", 5.0)
    tallies = Tallies()

    async def go() -> float:
        async with in_sqlite.opened(tallies=tallies) as store:
            await store.add([error()])
            first = asyncio.create_task(store.add([error()]))
            await asyncio.sleep(0.02)
            began = time.monotonic()
            await asyncio.gather(first, store.add([error()]))
            return time.monotonic() - began

    assert asyncio.run(go()) < 2.0
    assert transactions(tallies) == 2


def test_one_who_sends_the_next_when_the_last_is_kept_rarely_waits(
    in_sqlite: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(commits, "GATHER", 0.1)
    monkeypatch.setattr(commits, "RECENT", 5.0)

    async def go() -> float:
        async with in_sqlite.opened() as store:
            began = time.monotonic()
            for _ in range(20):
                await store.add([error()])
            return time.monotonic() - began

    assert 0.3 < asyncio.run(go()) < 1.5
