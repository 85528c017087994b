"""Whose change makes the daemon reload: files with components always, all that was read when it is watched."""

import asyncio
from collections.abc import Sequence
from pathlib import Path

import pytest

from exporter import changes, config
from exporter.changes import Changes
from exporter.config.problem import ConfigError
from exporter.supervise import Tasks
from exporter.tally import Tallies


class Reloading:
    """The configuration of a file, read again whenever it is asked for."""

    def __init__(self, file: Path, beside: Sequence[str] | None) -> None:
        self.file = file
        self.tasks = Tasks(Tallies())
        self.reloads: list[bool] = []
        self.refuses = False
        """What is beside, which nobody reads here."""
        self._changes = Changes(self.tasks, self.reload, beside)

    async def reload(self) -> None:
        try:
            read = config.read(self.file, {})
            if self.refuses:
                raise ConfigError([], "web.yml")
            await self._changes.use(read)
        except ConfigError:
            self.reloads.append(False)
        else:
            self.reloads.append(True)

    async def until(self, wanted: list[bool]) -> None:
        async with asyncio.timeout(5):
            while self.reloads != wanted:
                await asyncio.sleep(0.005)
        await asyncio.sleep(0.03)
        assert self.reloads == wanted, "and nothing more"


@pytest.fixture(autouse=True)
def soon(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(changes, "EVERY", 0.005)
    monkeypatch.setattr(changes, "AGAIN", 60.0)


def written(folder: Path, secret: str = "secret") -> Path:
    (folder / "secret").write_text("a-long-token")
    file = folder / "exporter.yaml"
    file.write_text(f'web: {{admin_tokens: ["${{file:{folder / secret}}}"]}}\n')
    return file


def test_the_file_what_it_names_and_what_is_beside_it_are_watched(tmp_path: Path) -> None:
    beside = tmp_path / "web.yml"

    async def follow() -> None:
        its = Reloading(written(tmp_path), [str(beside)])
        await its.reload()
        (tmp_path / "secret").write_text("another-token")
        await its.until([True, True])
        its.file.write_text(its.file.read_text() + "service: shop\n")
        await its.until([True, True, True])
        beside.write_text("{}")
        await its.until([True, True, True, True])
        its.file.write_text("nonsense: 1\n")
        await its.until([True, True, True, True, False])
        await its.tasks.end()

    asyncio.run(follow())


def test_what_is_being_written_is_not_read_before_it_rests(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(changes, "EVERY", 0.02)

    async def follow() -> None:
        its = Reloading(written(tmp_path), [])
        await its.reload()
        whole = its.file.read_text() + "service: shop\n"
        for end in range(len(whole) + 1):
            its.file.write_text(whole[:end])
            await asyncio.sleep(0.002)
        await its.until([True, True])
        await its.tasks.end()

    asyncio.run(follow())


def test_what_a_component_file_names_is_watched(tmp_path: Path) -> None:
    (tmp_path / "url").write_text("redis://one")
    (tmp_path / "a.yaml").write_text(f'components: {{a: {{kind: redis, url: "${{file:{tmp_path / "url"}}}"}}}}\n')
    file = tmp_path / "exporter.yaml"
    file.write_text("component_files: [a.yaml]\n")

    async def follow() -> None:
        its = Reloading(file, [])
        await its.reload()
        (tmp_path / "url").write_text("redis://another")
        await its.until([True, True])
        await its.tasks.end()

    asyncio.run(follow())


def test_blackbox_modules_are_watched(tmp_path: Path) -> None:
    (tmp_path / "blackbox.yml").write_text("modules: {up: {prober: tcp}}\n")
    file = tmp_path / "exporter.yaml"
    file.write_text("probe: {modules: blackbox.yml}\n")

    async def follow() -> None:
        its = Reloading(file, [])
        await its.reload()
        (tmp_path / "blackbox.yml").write_text("modules: {up: {prober: http}}\n")
        await its.until([True, True])
        await its.tasks.end()

    asyncio.run(follow())


def test_what_is_refused_is_tried_again_as_a_secret_may_be_mounted_after_what_names_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(changes, "AGAIN", 0.2)

    async def follow() -> None:
        its = Reloading(written(tmp_path), [])
        await its.reload()
        written(tmp_path, "later")
        await its.until([True, False])
        (tmp_path / "later").write_text("a-later-token")
        await its.until([True, False, True])
        await its.tasks.end()

    asyncio.run(follow())


def test_what_was_refused_and_is_as_before_is_taken_again(tmp_path: Path) -> None:
    """A mount that was away for a moment brings the same files: nobody else would say that all is well again."""

    async def follow() -> None:
        its = Reloading(written(tmp_path), [])
        await its.reload()
        (tmp_path / "secret").rename(tmp_path / "away")
        await its.until([True, False])
        (tmp_path / "away").rename(tmp_path / "secret")
        await its.until([True, False, True])
        await its.tasks.end()

    asyncio.run(follow())


def test_what_is_beside_and_was_refused_is_tried_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(changes, "AGAIN", 0.2)
    beside = tmp_path / "web.yml"

    async def follow() -> None:
        its = Reloading(written(tmp_path), [str(beside)])
        await its.reload()
        its.refuses = True
        beside.write_text("{}")
        await its.until([True, False])
        its.refuses = False
        await its.until([True, False, True])
        await its.tasks.end()

    asyncio.run(follow())


def test_unless_it_is_asked_for_only_files_with_components_are_watched(tmp_path: Path) -> None:
    async def follow() -> None:
        its = Reloading(written(tmp_path), None)
        await its.reload()
        (tmp_path / "secret").write_text("another-token")
        its.file.write_text(its.file.read_text() + "service: shop\n")
        await its.until([True])
        its.file.write_text("component_files: ['*.yml']\n")
        await its.reload()
        (tmp_path / "secret").write_text("the-token-before")
        its.file.write_text(its.file.read_text() + "service: shop\n")
        await its.until([True, True])
        (tmp_path / "a.yml").write_text("components: {}\n")
        await its.until([True, True, True])
        await its.tasks.end()

    asyncio.run(follow())
