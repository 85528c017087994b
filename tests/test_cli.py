"""The verbs as a user types them: what they print, where, and with which exit status they end."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import jsonschema
import pytest
import yaml

from exporter import __version__
from tests.command import command, environment

BAD = """\
defaults: {interval: fast}
components:
  a: {kind: nonsense}
  b: {kind: tcp, address: "127.0.0.1:80", colour: red}
  c: {kind: postgres, dsn: "postgresql://u:hunter2hunter2@", timeout: [hunter2hunter2]}
  d: {kind: http, url: "${NOT_SET}"}
web: {admin_tokens: [hunter2]}
"""
BAD_WEB = """\
basic_auth_users: {ann: hunter2hunter2}
tls_server_config: {cert: hunter2hunter2}
"""


@pytest.fixture
def bad(tmp_path: Path) -> Path:
    file = tmp_path / "bad.yaml"
    file.write_text(BAD)
    return file


def test_python_m_exporter_is_the_command() -> None:
    installed = Path(sys.executable).parent / "stack-exporter"
    said = subprocess.run([installed, "--version"], capture_output=True, text=True, timeout=30)
    assert (said.returncode, said.stdout, said.stderr) == (0, f"stack-exporter {__version__}\n", "")
    assert command("--version").stdout == said.stdout


def test_check_lists_every_problem_with_its_line_and_path_and_no_value(bad: Path) -> None:
    web = bad.with_name("web.yaml")
    web.write_text(BAD_WEB)
    ended = command(
        "check", f"--config.file={bad}", f"--web.config.file={web}", "--web.listen-address=off",
        "--ingest.listen-address=nowhere", "--web.health-address=:70000",
    )  # fmt: skip
    assert (ended.returncode, ended.stdout) == (2, "")
    places = [line.partition(": ")[0] + ": " + line.split(": ")[1] for line in ended.stderr.splitlines()]
    assert places[:6] == [
        f"{bad}:1: defaults.interval",
        f"{bad}:3: components.a.kind",
        f"{bad}:4: components.b.colour",
        f"{bad}:5: components.c.timeout",
        f"{bad}:6: components.d.url",
        f"{bad}:7: web.admin_tokens",
    ]
    wrong = {
        "basic_auth_users.ann",
        "tls_server_config.cert",
        "tls_server_config.cert_file",
        "tls_server_config.key_file",
    }
    assert {place.rpartition(": ")[2] for place in places[6:-3]} == wrong
    for flag, value in (("web.listen", "'off'"), ("web.health", "':70000'"), ("ingest.listen", "'nowhere'")):
        assert f"--{flag}-address: {value} is not a listen address" in ended.stderr
    assert "hunter2" not in ended.stderr


def test_check_says_that_a_file_without_components_ends_the_search_for_them(tmp_path: Path) -> None:
    file = tmp_path / "exporter.yaml"
    file.write_text("ingest: {projects: {1: {keys: [abcdefgh1]}}}\n")
    found = command("check", f"--config.file={file}", env={"REDIS_URL": "redis://127.0.0.1:1/hunter2"})
    assert (found.returncode, found.stderr) == (0, "")
    assert "no components: nothing would be probed; with a file, what the environment names (REDIS_URL)" in found.stdout
    assert (
        command("check", f"--config.file={file}").stdout == f"{file}: valid, no components: nothing would be probed\n"
    )


def test_check_is_content_with_a_valid_configuration(tmp_path: Path) -> None:
    file, web = tmp_path / "good.yaml", tmp_path / "web.yaml"
    file.write_text("components: {a: {kind: host}}")
    web.write_text("http_server_config: {headers: {X-Frame-Options: deny}}")
    ended = command("check", f"--config.file={file}", f"--web.config.file={web}")
    said = f"{file}: valid, 1 component\n{web}: valid\n"
    assert (ended.returncode, ended.stdout, ended.stderr) == (0, said, "")


def test_check_of_a_file_that_is_not_there_says_so(tmp_path: Path) -> None:
    ended = command("check", f"--config.file={tmp_path / 'none.yaml'}")
    assert (ended.returncode, ended.stdout) == (2, "")
    assert ended.stderr == f"{tmp_path / 'none.yaml'}: can't be read: No such file or directory\n"


def test_a_bad_configuration_keeps_the_daemon_from_starting(bad: Path) -> None:
    ended = command(f"--config.file={bad}", env={"HOME": str(bad.parent)})
    assert (ended.returncode, ended.stdout, len(ended.stderr.splitlines())) == (2, "", 6)
    assert "Traceback" not in ended.stderr


@pytest.mark.parametrize("flag", ["web.listen-address", "ingest.listen-address", "web.health-address"])
def test_a_malformed_address_is_one_clear_line_and_2(flag: str, tmp_path: Path) -> None:
    ended = command(f"--{flag}=here", env={"HOME": str(tmp_path)})
    said = "stack-exporter: 'here' is not a listen address, such as :9676, 127.0.0.1:9676 or [::1]:9676\n"
    assert (ended.returncode, ended.stdout, ended.stderr) == (2, "", said)


def test_metrics_are_shown_as_a_table_as_markdown_and_as_json() -> None:
    found = {output: command("metrics", f"--output={output}") for output in ("table", "markdown", "json")}
    assert {(one.returncode, one.stderr) for one in found.values()} == {(0, "")}
    names = [one["name"] for one in json.loads(found["json"].stdout)]
    assert {"stack_probe_success", "stack_exporter_build_info", "stack_redis_memory_used_bytes"} <= set(names)
    for name in names:
        assert len([row for row in found["table"].stdout.splitlines() if row.startswith(f"{name} ")]) == 1, name
        assert f"`{name}`" in found["markdown"].stdout, name


def test_the_schema_takes_our_own_example_and_refuses_a_mistake() -> None:
    ended = command("schema")
    assert (ended.returncode, ended.stderr) == (0, "")
    schema = json.loads(ended.stdout)
    example = yaml.safe_load(Path(__file__).parents[1].joinpath("exporter.yaml").read_text())
    jsonschema.validate(example, schema)
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(example | {"componets": {}}, schema)


@pytest.mark.parametrize("verb", ["metrics", "metrics --output=json", "schema", "once", "check", "--help"])
def test_a_reader_that_has_left_is_no_error(verb: str, tmp_path: Path) -> None:
    theirs, ours = os.pipe()
    os.close(theirs)
    env = environment({"HOME": str(tmp_path)})
    try:
        program = [sys.executable, "-m", "exporter", *verb.split()]
        ended = subprocess.run(program, env=env, stdout=ours, stderr=subprocess.PIPE, text=True, timeout=30)
    finally:
        os.close(ours)
    assert (ended.returncode, ended.stderr) == (0, "")


def test_check_without_a_file_names_what_is_found_and_not_probed(tmp_path: Path) -> None:
    environ = {"HOME": str(tmp_path), "KAFKA_URL": "kafka://db", "REDIS_URL": "redis://r"}
    ended = command("check", env=environ, cwd=tmp_path)
    assert (ended.returncode, ended.stderr) == (0, "")
    told = [
        "what the environment names: valid, 5 components",
        "KAFKA_URL: kafka, db:9092: not probed, there is no kind kafka",
    ]
    assert ended.stdout.splitlines() == told
    (tmp_path / "exporter.yaml").touch()
    hint = "exporter.yaml is here and was not asked for: --config.file=exporter.yaml checks it"
    assert command("check", env=environ, cwd=tmp_path).stdout.splitlines() == [*told, hint]


def test_metrics_of_one_kind_and_of_none() -> None:
    ended = command("metrics", "disk")
    assert (ended.returncode, ended.stdout.splitlines()[0]) == (0, "DISK")
    ended = command("metrics", "dsik")
    assert (ended.returncode, ended.stdout) == (2, "")
    assert ended.stderr.startswith("stack-exporter: dsik: unknown kind; did you mean disk?")


def test_ctrl_c_while_it_is_imported_shows_no_traceback(tmp_path: Path) -> None:
    for delay in (0.06, 0.09, 0.12, 0.16, 0.25):
        program = [sys.executable, "-m", "exporter", "once"]
        env = environment({"HOME": str(tmp_path)})
        process = subprocess.Popen(program, env=env, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        time.sleep(delay)
        process.send_signal(signal.SIGINT)
        _, said = process.communicate(timeout=30)
        assert process.returncode in (0, 130), said
        assert "Traceback" not in said
