"""A component file that comes, changes, breaks, is swapped by a link, or goes: the daemon follows by itself."""

import os
from pathlib import Path

from tests import servers
from tests.servers.exporters import Daemon
from tests.servers.process import wait_until

COMPONENT = "components: {%s: {kind: host, interval: 200ms, timeout: 200ms}}\n"
RELOADED = "stack_exporter_config_last_reload_successful"


def follows(daemon: Daemon, *names: str) -> None:
    def found() -> set[str]:
        return {one["name"] for one in daemon.get("/health/detailed").json()["data"]["components"]}

    wait_until(lambda: found() == {"same", *names}, 10, f"{names} are there")


def runs(daemon: Daemon) -> float:
    """Whatever they resulted in: a busy machine is degraded."""
    counted = 'stack_probe_runs_total{component="same",'
    return sum(value for series, value in daemon.metrics().items() if str(series).startswith(counted))


def test_a_file_is_followed_without_a_signal(tmp_path: Path) -> None:
    files = tmp_path / "components.d"
    files.mkdir()
    config = f'component_files: ["{files}/*.yaml"]\n' + COMPONENT % "same"
    with servers.daemon(config) as daemon:
        follows(daemon)
        (files / "a.yaml").write_text(COMPONENT % "one")
        follows(daemon, "one")
        (files / "a.yaml").write_text(COMPONENT % "two" + "nonsense: 1\n")
        wait_until(lambda: daemon.metrics()[RELOADED] == 0, 10, "the file is refused")
        assert f"{files}/a.yaml:2: nonsense: unknown key" in daemon.log
        follows(daemon, "one")
        (files / "a.yaml").write_text(COMPONENT % "two")
        follows(daemon, "two")
        assert daemon.metrics()[RELOADED] == 1
        before = runs(daemon)
        (files / "a.yaml").unlink()
        follows(daemon)
        assert runs(daemon) >= before > 3, "what did not change kept its counters"


def test_a_mounted_configmap_is_followed_through_its_links(tmp_path: Path) -> None:
    for version, name in (("v1", "one"), ("v2", "two")):
        (tmp_path / version).mkdir()
        (tmp_path / version / "a.yaml").write_text(COMPONENT % name)
    os.symlink("v1", tmp_path / "..data")
    os.symlink("..data/a.yaml", tmp_path / "a.yaml")
    with servers.daemon(f'component_files: ["{tmp_path}/*.yaml"]\n' + COMPONENT % "same") as daemon:
        follows(daemon, "one")
        os.symlink("v2", tmp_path / "..new")
        os.replace(tmp_path / "..new", tmp_path / "..data")
        follows(daemon, "two")
