"""Maintenance shows, and ends, on time: at once after a reload, and between runs that are far apart."""

import asyncio
import datetime as dt
import logging
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from exporter import windows
from exporter.app import App
from exporter.options import parse
from exporter.plan import plan
from tests.test_app import until

COMPONENTS = """
components:
  one: {kind: host, interval: 1h, critical: true}
  two: {kind: host, interval: 1h}
"""


def window(until: float = 3600.0, begins: float = -3600.0, components: str = "[one]") -> str:
    begin, end = (dt.datetime.fromtimestamp(time.time() + each, dt.UTC).isoformat() for each in (begins, until))
    return f"maintenance: [{{components: {components}, from: '{begin}', until: '{end}'}}]\n{COMPONENTS}"


@asynccontextmanager
async def running(file: Path) -> AsyncIterator[App]:
    flags = ["--web.listen-address=127.0.0.1:0", "--ingest.listen-address=off", f"--config.file={file}"]
    options = parse(flags, {})
    app = App(options, {}, plan(options, {}))
    await app.start()
    try:
        await until(lambda: all(record.result for record in app.state.records.values()))
        yield app
    finally:
        await app.stop()


def status(app: App, name: str) -> str:
    """As the page has it."""
    start = f'stack_component_status{{component="{name}",kind="host",status="'
    lines = [line for line in app.page.families().decode().splitlines() if line.startswith(start)]
    (found,) = [line.removeprefix(start).split('"')[0] for line in lines if float(line.split()[-1])]
    return found


def changes(caplog: pytest.LogCaptureFixture) -> list[tuple[str, str, str]]:
    return [(record.component, record.before, record.status) for record in caplog.records if hasattr(record, "before")]


def beats(app: App) -> bool:
    return b'heartbeat_timestamp_seconds{task="maintenance"}' in app.page.families()


def test_a_window_that_a_reload_brings_and_takes_shows_at_once(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    file = tmp_path / "it.yaml"
    file.write_text(COMPONENTS)

    async def story() -> None:
        async with running(file) as app:
            was = status(app, "one")
            assert not beats(app)
            assert "maintenance" not in {task.get_name() for task in asyncio.all_tasks()}
            caplog.clear()
            file.write_text(window())
            assert await app.reload() == []
            assert (status(app, "one"), status(app, "two")) == ("maintenance", was)
            assert beats(app)
            file.write_text(window(components="all"))
            assert await app.reload() == []
            assert (status(app, "one"), status(app, "two")) == ("maintenance", "maintenance")
            file.write_text(COMPONENTS)
            assert await app.reload() == []
            assert (status(app, "one"), status(app, "two")) == (was, was)
            assert not beats(app)
            assert changes(caplog) == [
                ("one", was, "maintenance"),
                ("two", was, "maintenance"),
                ("one", "maintenance", was),
                ("two", "maintenance", was),
            ]

    asyncio.run(story())


def test_a_window_opens_and_closes_between_runs(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(windows, "EVERY", 0.02)
    caplog.set_level(logging.INFO)
    real, jump = time.time, 0.0
    monkeypatch.setattr(time, "time", lambda: real() + jump)
    file = tmp_path / "it.yaml"
    file.write_text(window(begins=600.0, until=1200.0))

    async def story() -> None:
        nonlocal jump
        async with running(file) as app:
            was = status(app, "one")
            assert was != "maintenance"
            caplog.clear()
            jump = 601.0
            await until(lambda: status(app, "one") == "maintenance")
            jump = 1201.0
            await until(lambda: status(app, "one") == was)
            assert changes(caplog) == [("one", was, "maintenance"), ("one", "maintenance", was)]
            assert {len(record.runs) for record in app.state.records.values()} == {1}

    asyncio.run(story())


def test_the_series_of_the_traces_end_when_a_reload_takes_the_back_end_away(tmp_path: Path) -> None:
    file = tmp_path / "it.yaml"
    file.write_text("forward: {traces: [{endpoint: 'http://127.0.0.1:9', timeout: 100ms}]}\n" + COMPONENTS)

    async def story() -> None:
        async with running(file) as app:
            assert b'heartbeat_timestamp_seconds{task="spans"}' in app.page.families()
            assert b'stack_exporter_spool_items{signal="traces",backend="0"}' in app.page.families()
            file.write_text(COMPONENTS)
            assert await app.reload() == []
            assert b'heartbeat_timestamp_seconds{task="spans"}' not in app.page.families()
            assert b"stack_exporter_spool_" not in app.page.families()

    asyncio.run(story())
