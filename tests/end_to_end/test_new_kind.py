"""Adding a kind is one file: put into a folder of kinds, it is configured, run, exposed, listed and documented."""

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import jsonschema
import pytest

from tests import servers
from tests.command import environment
from tests.servers.exporters import Daemon
from tests.servers.process import wait_until

MORE_KINDS = Path(__file__).parent / "programs" / "more_kinds.py"
KIND = '''
"""How much tea is left in the pot, as a file says."""

from pathlib import Path
from typing import Annotated, ClassVar

from msgspec import Meta

from exporter.metric import gauge
from exporter.probe import Down, Probe, Readings, Signal

LEFT_RATIO = gauge("stack_teapot_left_ratio", "Part of the pot that is full.", "component")


class Teapot(Probe, kw_only=True, frozen=True):
    """A pot of tea."""

    reasons: ClassVar = {"short_and_stout": "There is no pot."}
    signals: ClassVar = (Signal("left", LEFT_RATIO, "ratio", "What is left.", direction="below", warning=0.2, critical=0.1),)

    pot: Annotated[str, Meta(description="The file that says how full the pot is.")]

    async def run(self, out: Readings) -> None:
        try:
            out.set(LEFT_RATIO, float(Path(self.pot).read_text()))
        except FileNotFoundError:
            raise Down("short_and_stout", f"{self.pot} is not there") from None
'''


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("kinds")
    (made / "teapot.py").write_text(KIND)
    return made


@pytest.fixture(scope="module")
def daemon(folder: Path) -> Iterator[Daemon]:
    (folder / "pot").write_text("0.75")
    config = f"""
components:
  tea: {{kind: teapot, pot: {folder / "pot"}, interval: 100ms, fall: 1, rise: 1, thresholds: {{left: {{critical: 5%}}}}}}
"""
    with servers.daemon(config, program=[sys.executable, str(MORE_KINDS), str(folder)]) as running:
        yield running


def verb(folder: Path, *args: str) -> subprocess.CompletedProcess[str]:
    program = [sys.executable, str(MORE_KINDS), str(folder), *args]
    return subprocess.run(program, env=environment(), capture_output=True, text=True, timeout=30)


def test_it_is_configured_scheduled_and_exposed_with_its_thresholds(daemon: Daemon, folder: Path) -> None:
    labels = 'component="tea",kind="teapot"'
    wait_until(lambda: daemon.metrics().get(f"stack_probe_duration_seconds_count{{{labels}}}", 0) >= 2)
    metrics = daemon.metrics()
    assert metrics['stack_teapot_left_ratio{component="tea"}'] == 0.75
    assert metrics['stack_threshold_ratio{component="tea",signal="left",severity="warning"}'] == 0.2
    assert metrics['stack_threshold_ratio{component="tea",signal="left",severity="critical"}'] == 0.05
    assert metrics[f"stack_component_up{{{labels}}}"] == 1
    assert metrics[f'stack_probe_runs_total{{{labels},result="unhealthy",reason="short_and_stout"}}'] == 0
    (folder / "pot").write_text("0.15")
    wait_until(lambda: daemon.get("/health/tea").json()["data"]["reason"] == "threshold")
    (folder / "pot").unlink()
    wait_until(lambda: daemon.get("/health/tea").json()["data"]["reason"] == "short_and_stout")
    assert daemon.get("/health/tea").status == 503
    assert "short_and_stout" in daemon.get("/").text
    (folder / "pot").write_text("0.75")
    wait_until(lambda: daemon.get("/health/tea").status == 200)


def test_it_is_in_the_catalogue_the_schema_and_the_documents(folder: Path) -> None:
    rows = json.loads(verb(folder, "metrics", "--output=json").stdout)
    assert [row["help"] for row in rows if row["name"] == "stack_teapot_left_ratio"] == [
        "Part of the pot that is full."
    ]
    assert "## teapot" in verb(folder, "metrics", "--output=markdown").stdout
    schema = json.loads(verb(folder, "schema").stdout)
    right = {"components": {"tea": {"kind": "teapot", "pot": "/x", "thresholds": {"left": {"warning": "30%"}}}}}
    jsonschema.validate(right, schema)
    for wrong in ({"pot": 5}, {"pot": "/x", "spout": 1}, {}):
        with pytest.raises(jsonschema.ValidationError):
            jsonschema.validate({"components": {"tea": {"kind": "teapot", **wrong}}}, schema)
    docs = f"import sys, exporter.probes; exporter.probes.__path__.append({str(folder)!r}); from exporter.docs import pages"
    program = [sys.executable, "-c", f"{docs}; print('\\n'.join(pages().values()))"]
    pages = subprocess.run(program, env=environment(), capture_output=True, text=True, timeout=30).stdout
    for said in (
        "The file that says how full the pot is.",
        "short_and_stout",
        "stack_teapot_left_ratio",
        "What is left.",
    ):
        assert said in pages


def test_once_and_check_know_it(folder: Path) -> None:
    (folder / "pot").write_text("0.75")
    file = folder / "tea.yaml"
    file.write_text(f"components: {{tea: {{kind: teapot, pot: {folder / 'pot'}}}}}")
    (result,) = json.loads(verb(folder, "once", f"--config.file={file}", "--output=json").stdout)
    assert result["readings"] == [{"metric": "stack_teapot_left_ratio", "labels": {}, "value": 0.75}]
    file.write_text("components: {tea: {kind: teapot}, coffee: {kind: teapott, pot: /x}}")
    refused = verb(folder, "check", f"--config.file={file}").stderr
    assert f"{file}:1: components.tea.pot: " in refused or f"{file}:1: components.tea: " in refused
    assert "did you mean teapot?" in refused
