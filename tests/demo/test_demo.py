"""`make demo` shows the way of a fault in its order and ends well; Ctrl-C, at any time, leaves no process and no file."""

import re
import signal
from pathlib import Path

import pytest

from demo.story import STORIES
from demo.waits import rule
from tests.demo.shown import DEMO, demo

pytestmark = [pytest.mark.debian, pytest.mark.xdist_group("demo")]
STEP = re.compile(r"^ *([0-9.]+) s  (\S+(?: \S+)?)  +(\S.*)$", re.MULTILINE)
TERMINAL = ("script", "-qec", " ".join(DEMO), "/dev/null")
"""A terminal of its own, for which what is written to it is typed."""


def _steps(output: str) -> tuple[list[str], list[str]]:
    """Who did something, in the order of the lines, after the fault and after it was mended. Times never go back."""
    found = []
    for part in re.split(r"^Mended:$", output, flags=re.MULTILINE):
        lines = STEP.findall(part)
        times = [float(after) for after, _, _ in lines]
        assert times == sorted(times), part
        found.append([who for _, who, _ in lines])
    broken, mended = found
    return broken, mended


def test_a_break_shows_each_step_to_the_receivers_and_back(tmp_path: Path) -> None:
    with demo(tmp_path / "output", "--break=database", "--faster=120") as shown:
        assert shown.ended() == 0, shown.output
        broken, mended = _steps(shown.output)
        told = ["to history", "to page-platform"]
        exporter = ["stack-exporter"] * 2
        assert broken == ["you", *exporter, "Prometheus", "Prometheus", "Alertmanager", *told]
        assert mended == ["you", "stack-exporter", "Prometheus", *told]
        assert "to page-platform  database (postgres) is down" in shown.output
        assert "docs/runbooks/ComponentDown.md" in shown.output
        assert "\x1b" not in shown.output, "it is no terminal"
        assert shown.left() == []


def test_ctrl_c_while_it_starts_leaves_nothing(tmp_path: Path) -> None:
    with demo(tmp_path / "output", "--break=database") as shown:
        shown.wait_for("starting stack-exporter")
        shown.send(signal.SIGINT)
        assert shown.ended() == 130, shown.output
        assert shown.output.endswith("ended: no process and no file of it is left\n")
        assert shown.left() == []
        assert len(shown.seen) > 3, "nothing ran that could have been left"


@pytest.mark.slow
def test_what_is_typed_breaks_it_and_ctrl_c_leaves_nothing(tmp_path: Path) -> None:
    with demo(tmp_path / "output", command=TERMINAL) as shown:
        assert shown.process.stdin
        shown.wait_for("ends the demo.")
        for typed, told in ((b"databas", "did you mean database?"), (b"security", "failed logins in 5 minutes")):
            shown.process.stdin.write(typed + b"\n")
            shown.process.stdin.flush()
            shown.wait_for(told)
        shown.process.stdin.write(b"\x03")
        shown.process.stdin.flush()
        assert shown.ended() == 0, shown.output
        assert shown.left() == []


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
@pytest.mark.parametrize(
    "moment", ["starting PostgreSQL", "starting the shop", "Alertmanager    http", "Broken:", "Mended:"]
)
def test_a_signal_at_any_moment_leaves_nothing(moment: str, number: signal.Signals, tmp_path: Path) -> None:
    with demo(tmp_path / "output", "--break=database", "--faster=120") as shown:
        shown.wait_for(moment)
        shown.send(number)
        assert shown.ended() == 130, shown.output
        assert shown.left() == []


@pytest.mark.slow
@pytest.mark.parametrize("name", STORIES)
def test_each_thing_that_can_be_broken_is_told_and_resolved(name: str, tmp_path: Path) -> None:
    story = STORIES[name]
    with demo(tmp_path / "output", f"--break={name}") as shown:
        assert shown.ended() == 0, shown.output
        broken, mended = _steps(shown.output)
        told = [f"to {receiver}" for receiver in story.receivers]
        exporter = ["stack-exporter"] * (2 if story.verdict else 1)
        waits = rule(story.alert, story.labels["severity"]).waits.strip("0smh")
        prometheus = ["Prometheus"] * (2 if waits else 1)
        assert broken == ["you", *exporter, *prometheus, "Alertmanager", *told]
        assert mended == ["you", *exporter[1:], "Prometheus", *told]
        assert shown.left() == []
