"""Flags, their variables, and where state is kept."""

import os
from pathlib import Path

import pytest

from exporter import __version__
from exporter.options import FLAGS, Options, parse

VALUES = {
    "config.file": ("a.yaml", Path("a.yaml")),
    "config.watch": ("on", "on"),
    "env.file": (".env", Path(".env")),
    "web.listen-address": ("127.0.0.1:1", "127.0.0.1:1"),
    "web.config.file": ("web.yaml", Path("web.yaml")),
    "web.health-address": (":8", ":8"),
    "ingest.listen-address": ("off", "off"),
    "ingest.grpc-listen-address": (":4317", ":4317"),
    "storage.path": ("/nowhere/state", Path("/nowhere/state")),
    "log.level": ("debug", "debug"),
    "log.format": ("console", "console"),
}
FIELDS = {"storage.path": "storage"}


def test_every_flag_has_a_row_here() -> None:
    assert set(VALUES) == {flag.name for flag in FLAGS}


@pytest.mark.parametrize("name", VALUES)
def test_a_flag_is_taken_before_and_after_the_verb_and_before_its_variable(name: str) -> None:
    text, value = VALUES[name]
    field = FIELDS.get(name, name.replace(".", "_").replace("-", "_"))
    variable = "STACK_EXPORTER_" + name.replace(".", "_").replace("-", "_").upper()
    other = {"log.level": "error", "log.format": "json", "config.watch": "off"}.get(name, ":9")
    for arguments, environ in (
        ([f"--{name}={text}"], {}),
        ([f"--{name}", text, "check"], {}),
        (["check", f"--{name}={text}"], {}),
        ([], {variable: text}),
        ([f"--{name}={text}"], {variable: other}),
        (["check", f"--{name}={text}"], {variable: other}),
    ):
        assert getattr(parse(arguments, environ), field) == value, (arguments, environ)


def test_without_anything_the_defaults_hold_also_where_a_variable_is_empty() -> None:
    defaults = Options("run", None, ":9676", None, "off", "127.0.0.1:4318", None, "info", "")
    assert parse([], {}) == defaults
    assert parse([], {flag.variable: "" for flag in FLAGS}) == defaults


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--no.such"], "unrecognized arguments: --no.such"),
        (["--web.listen"], "unrecognized arguments: --web.listen"),
        (["check", "--config"], "unrecognized arguments: --config"),
        (["explode"], "invalid choice: 'explode'"),
        (["--log.level=loud"], "invalid choice: 'loud'"),
        (["once", "--output=xml"], "invalid choice: 'xml'"),
        (["--config.file"], "expected one argument"),
        (["check", "surplus"], "unrecognized arguments: surplus"),
    ],
)
def test_a_wrong_argument_is_named_and_ends_with_2(
    arguments: list[str], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        parse(arguments, {})
    assert ended.value.code == 2
    assert said in capsys.readouterr().err


def test_a_wrong_variable_is_named_and_ends_with_2(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        parse([], {"STACK_EXPORTER_LOG_LEVEL": "loud"})
    assert ended.value.code == 2
    assert "STACK_EXPORTER_LOG_LEVEL is one of debug, info, warning, error" in capsys.readouterr().err


def test_help_names_every_flag_with_its_default_and_every_verb(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        parse(["--help"], {})
    shown = capsys.readouterr().out
    assert ended.value.code == 0
    for flag in FLAGS:
        assert f"--{flag.name}" in shown
        assert not flag.default or f"[{flag.default}]" in shown
    assert [verb for verb in ("run", "check", "once", "metrics", "schema", "healthcheck") if verb not in shown] == []
    assert "STACK_EXPORTER_CONFIG_FILE" in shown


def test_version_is_printed(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        parse(["--version"], {})
    assert (ended.value.code, capsys.readouterr().out) == (0, f"stack-exporter {__version__}\n")


def test_state_is_kept_where_systemd_or_the_xdg_specification_says(tmp_path: Path) -> None:
    home = str(tmp_path)
    for environ, folder in (
        ({"STATE_DIRECTORY": f"{home}/a:{home}/b", "XDG_STATE_HOME": home}, tmp_path / "a"),
        ({"XDG_STATE_HOME": home, "HOME": "/"}, tmp_path / "stack-exporter"),
        ({"HOME": home}, tmp_path / ".local" / "state" / "stack-exporter"),
        ({}, None),
    ):
        assert parse([], environ).storage == folder
        assert not parse([], environ).storage_given
    assert parse(["--storage.path=/x"], {"HOME": home}).storage_given
    assert list(tmp_path.iterdir()) == []


def test_a_default_folder_that_cannot_be_made_is_no_folder_and_one_that_was_asked_for_stays(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.touch()
    assert parse([], {"STATE_DIRECTORY": str(file / "state")}).storage is None
    assert parse([], {"HOME": "/proc"}).storage is None or os.geteuid() == 0
    assert parse([f"--storage.path={file}/state"], {}).storage == file / "state"


def test_a_mistyped_variable_is_refused_with_what_was_meant(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        parse([], {"STACK_EXPORTER_CONFIG": "nope.yaml"})
    assert ended.value.code == 2
    said = "STACK_EXPORTER_CONFIG belongs to no flag; did you mean STACK_EXPORTER_CONFIG_FILE?"
    assert said in capsys.readouterr().err


def test_somebody_elses_variable_is_said_and_kubernetes_own_are_not(capsys: pytest.CaptureFixture[str]) -> None:
    parse([], {"STACK_EXPORTER_IMAGE": "x"})
    assert capsys.readouterr().err == "stack-exporter: STACK_EXPORTER_IMAGE belongs to no flag and is ignored\n"
    # What a Service called stack-exporter puts into every Pod of its namespace.
    for name in ("SERVICE_HOST", "SERVICE_PORT", "SERVICE_PORT_WEB", "PORT", "PORT_9676_TCP", "PORT_9676_TCP_ADDR"):
        parse([], {f"STACK_EXPORTER_{name}": "x"})
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize(
    ("arguments", "watched"),
    [
        ([], None),
        (["--web.config.file=web.yml"], None),
        (["--config.watch=on"], ()),
        (["--config.watch=on", "--web.config.file=web.yml"], ("web.yml",)),
    ],
)
def test_the_web_configuration_is_watched_where_watching_is_asked_for(
    arguments: list[str], watched: tuple[str, ...] | None
) -> None:
    assert parse(arguments, {}).watched == watched
