"""What was acknowledged outlives kill -9, once per event id."""

import asyncio
import os
import random
import signal
import sqlite3
import subprocess
import sys
import time

import pytest

from exporter.store.rows import Wanted
from tests.store.place import Place

ADDER = """
import asyncio, sys
from pathlib import Path
from tests.store.place import Place, error, event

async def client(store, base):
    for n in range(1_000_000):
        id_ = f"{base + n:032x}"
        await store.add([error("abcdef"[n % 6], id=id_, detail=event(n))])
        print(id_, flush=True)

async def go():
    async with Place(Path(sys.argv[1]), sys.argv[2]).opened() as store:
        await asyncio.gather(*(client(store, int(sys.argv[3]) + (k << 24)) for k in range(8)))

asyncio.run(go())
"""


def killed(place: Place, round_: int, after: float) -> list[str]:
    """The ids that a process of that round was told are kept, before it was killed."""
    command = [sys.executable, "-c", ADDER, str(place.folder), place.url, str(round_ << 32)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=os.environ | {"PYTHONPATH": "."}) as adder:
        assert adder.stdout is not None
        # On a busy machine a fixed time alone would be over before there is anything to lose.
        first = [adder.stdout.readline().strip() for _ in range(11)]
        time.sleep(after)
        os.kill(adder.pid, signal.SIGKILL)
        # A line that the kill cut short is not one that was said.
        rest = adder.stdout.read().rpartition("\n")[0].split()
    assert all(first), "it ended by itself"
    return [*first, *rest]


async def found(place: Place, ids: list[str]) -> tuple[list[str], int, int]:
    """Of the ids those that are not there, how many occurrences there are, and how many the groups count."""
    async with place.opened() as store:
        missing = [id_ for id_ in ids if await store.occurrence(id_) is None]
        groups = (await store.groups(Wanted())).items
        total = sum([(await store.occurrences(group.id, Wanted())).total for group in groups])
        return missing, total, sum(group.count for group in groups)


def rounds(place: Place, number: int, longest: float) -> None:
    told: list[str] = []
    for round_ in range(number):
        told += killed(place, round_, random.uniform(0.05, longest))
        missing, kept, counted = asyncio.run(found(place, told))
        assert missing == []
        assert kept == counted >= len(told)
        for file in () if place.url else place.folder.glob("*.db"):
            connection = sqlite3.connect(file)
            assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
            connection.close()
    assert len(set(told)) == len(told) > 10 * number


def test_what_was_acknowledged_survives_kill_9_in_a_file_that_is_whole(place: Place) -> None:
    rounds(place, 2 if not place.url else 1, 0.15)


@pytest.mark.slow
def test_what_was_acknowledged_survives_twenty_kills(place: Place) -> None:
    rounds(place, 20, 0.3)
