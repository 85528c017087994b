"""PostgreSQL's store: several replicas at once, refused quickly while the server is away, and taken again when it is back."""

import asyncio
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from exporter.ingest.ports import Refusing
from exporter.store import commits, postgres
from exporter.store.connection import Unusable
from exporter.store.recorder import Recorder
from exporter.store.rows import Wanted
from exporter.store.schema import VERSION
from tests import servers
from tests.servers.databases import Postgres
from tests.store.disks import lost, recovered, refused
from tests.store.place import Place, error, event, fresh, seen

pytestmark = pytest.mark.xdist_group("postgres")

A = "a" * 32


@pytest.fixture(scope="module")
def own_server() -> Iterator[Postgres]:
    """One that may be stopped."""
    with servers.postgres() as server:
        yield server


def test_replicas_count_each_event_once_and_every_occurrence(in_postgres: Place) -> None:
    """The same 300 events, sent to three replicas at once, and 100 to each alone; groups of both."""
    same = [error("abc"[n % 3], user=f"{n % 5:016x}", detail={"n": n}) for n in range(300)]

    async def go() -> tuple[dict[str, int], list[int], set[str]]:
        async with (
            in_postgres.replica("1").opened() as first,
            in_postgres.replica("2").opened() as second,
            in_postgres.replica("3").opened() as third,
        ):
            stores = (first, second, third)

            async def send(store: Recorder) -> list[list[str]]:
                # A few at a time, so that their transactions meet often.
                return [
                    await store.add([*same[n : n + 6], error("abd"[n // 6 % 3]), error("abd"[n // 6 % 3])])
                    for n in range(0, 300, 6)
                ]

            told = [outcomes for sent in await asyncio.gather(*map(send, stores)) for outcomes in sent]
            groups = {group.id[0]: group for group in (await second.groups(Wanted())).items}
            occurrences = [(await third.occurrences(g.id, Wanted())).total for g in groups.values()]
            assert groups["a"].users == 5
            flat = [outcome for outcomes in told for outcome in outcomes]
            counts = {outcome: flat.count(outcome) for outcome in sorted(set(flat))}
            assert sorted(g.count for g in groups.values()) == sorted(occurrences)
            return counts, occurrences, set(groups)

    counts, occurrences, groups = asyncio.run(go())
    assert counts == {"duplicate": 600, "new": 4, "occurrence": 596}
    assert (sum(occurrences), groups) == (600, {"a", "b", "c", "d"})


def test_one_replica_holds_the_lease_until_it_is_gone(in_postgres: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("exporter.store.lease.LEASE", 0.5)
    monkeypatch.setattr("exporter.store.lease.RENEW", 0.0)

    async def go() -> list[bool]:
        found = []
        async with in_postgres.replica("2").opened() as second:
            async with in_postgres.replica("1").opened() as first:
                found += [await first.lease(), await second.lease(), await first.lease(), await second.lease()]
            await asyncio.sleep(0.6)
            found += [await second.lease()]
        return found

    assert asyncio.run(go()) == [True, False, True, False, True]


def test_replicas_that_start_together_make_the_schema_once(in_postgres: Place) -> None:
    async def one(name: str) -> object:
        async with in_postgres.replica(name).opened() as store:
            return await store.add([seen()])

    async def go() -> list[object]:
        return await asyncio.gather(*(one(str(n)) for n in range(5)))

    assert asyncio.run(go()) == [["seen"]] * 5


def test_a_newer_schema_is_refused_at_the_start_and_while_it_runs(
    in_postgres: Place, postgres_server: Postgres
) -> None:
    async def go() -> None:
        async with in_postgres.opened() as store:
            await store.add([error()])
            postgres_server.sql(f"UPDATE stack_schema SET version = {VERSION + 1}", dsn=in_postgres.url)
            ended = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'stack-exporter'"
            postgres_server.sql(f"{ended} AND datname = current_database()", dsn=in_postgres.url)
            await asyncio.sleep(0.05)
            assert (await refused(store))[0] == "unavailable"
        with pytest.raises(Unusable, match="newer stack-exporter"):
            async with in_postgres.opened():
                pass

    asyncio.run(go())


def test_a_server_that_goes_away_is_refused_at_once_until_it_is_back(own_server: Postgres, tmp_path: Path) -> None:
    async def go() -> None:
        async with Place(tmp_path, own_server.url).opened() as store:
            told = [error() for _ in range(20)]
            await store.add(told)
            await asyncio.to_thread(own_server.stop)
            for _ in range(2):
                reason, took = await refused(store)
                assert (reason, took < 1) == ("unavailable", True)
            with pytest.raises(Refusing):
                await store.groups(Wanted())
            await asyncio.sleep(commits.PAUSE)
            reason, took = await refused(store)
            assert (reason, took < 1) == ("unavailable", True)
            await asyncio.to_thread(own_server.start)
            assert await recovered(store) < 5
            assert await lost(store, [one.id for one in told]) == []

    asyncio.run(go())


def test_a_server_that_is_away_does_not_stop_the_start(own_server: Postgres, tmp_path: Path) -> None:
    async def go() -> None:
        own_server.stop()
        try:
            async with Place(tmp_path, own_server.url).opened() as store:
                assert (await refused(store))[0] == "unavailable"
                await asyncio.to_thread(own_server.start)
                assert await recovered(store) < 5
        finally:
            if not own_server.running:
                own_server.start()

    asyncio.run(go())


def test_a_server_that_stands_still_is_refused_as_slow_and_nothing_it_took_is_lost(
    own_server: Postgres, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(commits, "DEADLINE", 0.3)
    monkeypatch.setattr(commits, "TRIAL", 0.2)

    async def go() -> None:
        async with Place(tmp_path, own_server.url).opened() as store:
            mine = error()
            await store.add([mine])
            processes = [psutil.Process(own_server.pid), *psutil.Process(own_server.pid).children()]
            for process in processes:
                process.suspend()
            try:
                reason, took = await refused(store)
                assert (reason, took < 1) == ("slow", True)
                reason, took = await refused(store)
                assert (reason, took < 0.1) == ("slow", True)
                await asyncio.sleep(commits.PAUSE)
                reason, took = await refused(store)
                assert (reason, took < 1) == ("slow", True)
            finally:
                for process in processes:
                    process.resume()
            assert await recovered(store) < 5
            assert await lost(store, [mine.id]) == []

    asyncio.run(go())


def test_a_server_without_free_connections_is_unavailable(own_server: Postgres, tmp_path: Path) -> None:
    place = Place(tmp_path, own_server.dsn("postgres", user="limited"))

    async def go() -> None:
        own_server.sql("CREATE ROLE limited LOGIN CONNECTION LIMIT 0; GRANT ALL ON SCHEMA public TO limited")
        async with place.opened() as store:
            assert (await refused(store))[0] == "unavailable"
            own_server.sql("ALTER ROLE limited CONNECTION LIMIT 8 SUPERUSER")
            assert await recovered(store) < 5

    asyncio.run(go())


def test_a_server_that_takes_no_writes_is_unavailable(in_postgres: Place, postgres_server: Postgres) -> None:
    name = in_postgres.url.rpartition("/")[2]

    async def go() -> None:
        async with in_postgres.opened() as store:
            await store.add([seen()])
            postgres_server.sql(f"ALTER DATABASE {name} SET default_transaction_read_only = on")
            ended = f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{name}'"
            postgres_server.sql(ended)
            await asyncio.sleep(0.05)
            assert (await refused(store))[0] == "unavailable"
            postgres_server.sql(f"ALTER DATABASE {name} RESET default_transaction_read_only")
            assert await recovered(store) < 5

    asyncio.run(go())


def test_a_lock_that_somebody_holds_is_waited_for_no_longer_than_said(
    in_postgres: Place, postgres_server: Postgres, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(commits, "DEADLINE", 0.3)

    async def go() -> None:
        async with in_postgres.opened() as store:
            await store.add([error()])
            sql = "BEGIN; LOCK TABLE stack_groups; SELECT pg_sleep(0.9); COMMIT"
            holding = asyncio.create_task(asyncio.to_thread(postgres_server.sql, sql, dsn=in_postgres.url))
            await asyncio.sleep(0.2)
            reason, took = await refused(store)
            assert (reason, took < 0.8) == ("slow", True)
            await holding
            assert await recovered(store) < 5
            assert (await store.group(A)).count == 1  # what was refused is not there

    asyncio.run(go())


def test_a_question_mark_stands_for_each_argument() -> None:
    assert postgres._numbered("a = ? AND b IN (?,?)") == "a = $1 AND b IN ($2,$3)"
