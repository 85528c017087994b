"""Nobody watches the watcher: tasks of the daemon that die come back, and one that hangs fails /livez."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from http.client import HTTPConnection
from typing import Any

import pytest

from exporter import schedule
from exporter.app import App
from exporter.config import load
from exporter.options import parse
from exporter.plan import Plan
from exporter.schedule import Scheduler

CONFIG = "components: {one: {kind: host, interval: 100ms}}"


@asynccontextmanager
async def running(config: str = CONFIG) -> AsyncIterator[App]:
    options = parse(["--web.listen-address=127.0.0.1:0", "--ingest.listen-address=off"], {})
    app = App(options, {}, Plan(load(config, source="it", environ={})))
    await app.start()
    try:
        yield app
    finally:
        await app.stop()


async def get(app: App, path: str) -> tuple[int, str]:
    return await asyncio.to_thread(_get, app.listeners.urls["web"].rpartition(":")[2], path)


def _get(port: str, path: str) -> tuple[int, str]:
    connection = HTTPConnection("127.0.0.1", int(port), timeout=5)
    try:
        connection.request("GET", path)
        response = connection.getresponse()
        return response.status, response.read().decode()
    finally:
        connection.close()


async def until(claim: Callable[[], Any]) -> None:
    async with asyncio.timeout(10):
        while not claim():
            await asyncio.sleep(0.02)


def restarts(app: App, task: str) -> float:
    text = app.page.families().decode()
    (line,) = [
        one for one in text.splitlines() if one.startswith(f'stack_exporter_task_restarts_total{{task="{task}"}}')
    ]
    return float(line.rpartition(" ")[2])


def runs(app: App) -> int:
    return len(app.state.records["one"].runs)


@pytest.mark.parametrize("death", [RuntimeError("died"), SystemExit(1), asyncio.CancelledError()])
def test_a_schedule_that_dies_is_started_again_and_counted(death: BaseException, monkeypatch) -> None:
    async def story() -> None:
        async with running() as app:
            await until(lambda: runs(app) >= 1)
            follow, died = Scheduler._run, []

            async def dies(self, entry):
                if not died:
                    died.append(entry)
                    raise death
                return await follow(self, entry)

            monkeypatch.setattr(Scheduler, "_run", dies)
            await until(lambda: died)
            before = runs(app)
            await until(lambda: runs(app) > before)
            assert restarts(app, "probe") == 1
            assert (await get(app, "/livez"))[0] == 200

    asyncio.run(story())


def test_liveness_fails_when_no_run_has_ended_for_three_intervals(monkeypatch) -> None:
    monkeypatch.setattr(schedule, "ABANDON_AFTER", 0.1)

    async def story() -> None:
        async with running() as app:
            await until(lambda: runs(app) >= 1)
            assert (await get(app, "/livez"))[0] == 200

            async def hangs(self, entry):
                await asyncio.Event().wait()

            monkeypatch.setattr(Scheduler, "_run", hangs)
            await until(app.scheduler.silent)
            status, text = await get(app, "/livez")
            assert (status, "no probe run has ended for three intervals" in text) == (503, True)
            assert (await get(app, "/-/healthy"))[0] == 503
            assert (await get(app, "/readyz"))[0] == 200

    asyncio.run(story())


def test_liveness_fails_while_a_background_task_hangs() -> None:
    async def story() -> None:
        async with running() as app:
            app.tasks.start("stuck", asyncio.Event().wait, heartbeat=0.02)
            await asyncio.sleep(0.1)
            status, text = await get(app, "/livez")
            assert (status, "background task stuck is stuck" in text) == (503, True)

    asyncio.run(story())


def test_every_background_task_has_a_heartbeat_that_moves() -> None:
    async def story() -> None:
        async with running() as app:
            start = 'stack_exporter_task_heartbeat_timestamp_seconds{task="'
            beats = [line for line in app.page.families().decode().splitlines() if line.startswith(start)]
            assert {line.split('"')[1] for line in beats} == {"lag", "store", "probe", "records", "series", "spools"}
            assert app.tasks.stuck() == []

    asyncio.run(story())


def test_a_daemon_that_never_probed_is_alive() -> None:
    async def story() -> None:
        async with running("") as app:
            assert (await get(app, "/livez"))[0] == (await get(app, "/health"))[0] == 200

    asyncio.run(story())


def test_nothing_is_left_when_it_has_stopped() -> None:
    async def story() -> None:
        async with running():
            pass
        assert asyncio.all_tasks() == {asyncio.current_task()}

    asyncio.run(story())
