"""With --config.watch=on the daemon follows its file, and those that it names, as Kubernetes swaps them: by a link."""

import os
from pathlib import Path

from tests import servers
from tests.servers.exporters import Daemon
from tests.servers.process import wait_until

WATCH = {"STACK_EXPORTER_CONFIG_WATCH": "on"}
RELOADED = "stack_exporter_config_last_reload_successful"
TAKEN_AT = "stack_exporter_config_last_reload_success_timestamp_seconds"
ONE = "  {name}: {{kind: host, interval: 200ms, timeout: 200ms}}\n"
TOKENS = 'web: {{admin_tokens: ["${{file:{0}}}"]}}\n'


class Mount:
    """A volume as the kubelet makes it of a ConfigMap or a Secret: ..data is a link to a folder, files are links into ..data."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._versions = 0
        path.mkdir()

    def put(self, **files: str) -> None:
        """As the kubelet does: a new folder, and one rename, so that all files change at once (AtomicWriter)."""
        self._versions += 1
        new = self.path / f"..{self._versions}"
        new.mkdir()
        for name, text in files.items():
            (new / name).write_text(text)
            if not (self.path / name).is_symlink():
                (self.path / name).symlink_to(f"..data/{name}")
        (self.path / "..data_tmp").symlink_to(new.name)
        os.replace(self.path / "..data_tmp", self.path / "..data")


def components(*names: str) -> str:
    return "components:\n" + "".join(ONE.format(name=name) for name in names)


def named(daemon: Daemon) -> set[str]:
    return {one["name"] for one in daemon.get("/health/detailed").json()["data"]["components"]}


def admitted(daemon: Daemon, token: str) -> bool:
    return daemon.get("/api/v1/logs", {"Authorization": f"Bearer {token}"}).status == 200


def runs(daemon: Daemon) -> float:
    counted = 'stack_probe_runs_total{component="same",'
    return sum(value for series, value in daemon.metrics().items() if str(series).startswith(counted))


def test_a_config_map_and_a_secret_are_followed_in_place(tmp_path: Path) -> None:
    config, secret = Mount(tmp_path / "config"), Mount(tmp_path / "secrets")
    token = TOKENS.format(secret.path / "token")
    config.put(**{"exporter.yaml": token + components("same", "one")})
    secret.put(token="token-of-the-first")
    flag = f"--config.file={config.path / 'exporter.yaml'}"
    with servers.daemon(None, flag, env=WATCH) as daemon:
        wait_until(lambda: runs(daemon) > 1, 10, "it runs")
        before = runs(daemon)
        config.put(**{"exporter.yaml": token + components("same", "two")})
        wait_until(lambda: named(daemon) == {"same", "two"}, 10, "the ConfigMap is followed")
        assert runs(daemon) >= before, "what did not change kept its counters"

        assert admitted(daemon, "token-of-the-first")
        taken_at = daemon.metrics()[TAKEN_AT]
        secret.put(token="token-of-the-second")
        wait_until(lambda: daemon.metrics()[TAKEN_AT] > taken_at, 10, "the Secret is followed")
        assert (admitted(daemon, "token-of-the-first"), admitted(daemon, "token-of-the-second")) == (False, True)

        taken_at = daemon.metrics()[TAKEN_AT]
        config.put(**{"exporter.yaml": token + components("two") + "nonsense: 1\n"})
        wait_until(lambda: daemon.metrics()[RELOADED] == 0, 10, "a mistake is refused")
        assert (named(daemon), daemon.metrics()[TAKEN_AT]) == ({"same", "two"}, taken_at)

        config.put(**{"exporter.yaml": token + components("same")})
        wait_until(lambda: named(daemon) == {"same"}, 10, "it is mended")
        assert daemon.metrics()[RELOADED] == 1
