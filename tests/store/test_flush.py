"""What a flush tells those who wait for the same write."""

import asyncio
import sqlite3

from exporter.store import sqlite
from exporter.store.sqlite import Store


def test_whoever_waits_for_the_same_failing_write_is_told_so(tmp_path, monkeypatch):
    # A fake for the disk: it is full from the second transaction on.
    wrote = []

    def full(*written):
        wrote.append(written)
        if len(wrote) > 1:
            raise sqlite3.OperationalError("database or disk is full")

    async def go() -> list[bool]:
        store = Store(tmp_path)
        store.open()
        monkeypatch.setattr(sqlite, "_write", full)
        store.kept("db", "sqlite").put("first", 1)
        flushes = [asyncio.create_task(store.flush())]
        await asyncio.sleep(0)
        for name in ("second", "third"):
            store.kept("db", "sqlite").put(name, 2)
            flushes.append(asyncio.create_task(store.flush()))
        told = await asyncio.gather(*flushes)
        store.close()
        return told

    assert asyncio.run(go())[1:] == [False, False]
