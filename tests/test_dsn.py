"""`stack-exporter dsn`: the DSN of a project, and lines for SDKs; what it prints works as it is."""

import re
from pathlib import Path

import pytest

from tests import servers
from tests.command import command

KEY = "0123456789abcdef0123456789abcdef"
PROJECT = f'ingest:\n  projects:\n    "7": {{keys: ["{KEY}", other12345], origins: ["*"]}}\n'
CONFIG = f'{PROJECT}    "8": {{keys: [another1234]}}\n'
SDKS = ("Python", "Node.js", "Browser", "PHP", "Java", "Flutter")
ADDRESSES = {
    "": "127.0.0.1:4318",
    "0.0.0.0:9000": "localhost:9000",
    ":9000": "localhost:9000",
    "[::]:9000": "localhost:9000",
    "[::1]:9000": "[::1]:9000",
    "10.0.0.7:9000": "10.0.0.7:9000",
}


def shown(tmp_path: Path, *args: str, config: str = CONFIG) -> tuple[int, str, str]:
    file = tmp_path / "exporter.yaml"
    file.write_text(config)
    ended = command("dsn", f"--config.file={file}", *args)
    return ended.returncode, ended.stdout, ended.stderr


@pytest.mark.parametrize("listen", ADDRESSES)
def test_it_shows_the_dsn_and_lines_for_sdks(listen: str, tmp_path: Path) -> None:
    flags = [f"--ingest.listen-address={listen}"] if listen else []
    code, out, err = shown(tmp_path, *flags, config=PROJECT)
    dsn = f"http://{KEY}@{ADDRESSES[listen]}/7"
    assert (code, err, out.splitlines()[0]) == (0, "", f"SENTRY_DSN={dsn}")
    lines = [line for line in out.splitlines() if line.startswith(SDKS)]
    assert [line.split()[0] for line in lines] == list(SDKS)
    assert all(dsn in line for line in lines)


def test_it_shows_the_project_that_is_asked_for(tmp_path: Path) -> None:
    code, out, _ = shown(tmp_path, "8")
    assert (code, out.splitlines()[0]) == (0, "SENTRY_DSN=http://another1234@127.0.0.1:4318/8")


def test_it_shows_each_project_when_none_is_named(tmp_path: Path) -> None:
    code, out, _ = shown(tmp_path)
    lines = out.splitlines()
    assert (code, [line for line in lines if line.startswith(("# Project", "SENTRY_DSN"))]) == (
        0,
        [
            "# Project 7",
            f"SENTRY_DSN=http://{KEY}@127.0.0.1:4318/7",
            "# Project 8",
            "SENTRY_DSN=http://another1234@127.0.0.1:4318/8",
        ],
    )
    assert out.count("wins over the file's") == 1


def test_the_lines_say_the_environment_of_the_project_or_of_the_file(tmp_path: Path) -> None:
    text = "environment: it's staging\n" + CONFIG.replace("[another1234]", "[another1234], environment: qa")
    _, out, _ = shown(tmp_path, "7", config=text)
    assert "SENTRY_ENVIRONMENT='it'\"'\"'s staging'\n" in out
    lines = {line.split()[0]: line for line in out.splitlines() if line.startswith(SDKS)}
    said = {
        "Python": 'environment="it\'s staging")',
        "Node.js": 'environment: "it\'s staging" })',
        "Browser": 'environment: "it\'s staging" })',
        "PHP": "'environment' => 'it\\'s staging']);",
        "Java": 'options.setEnvironment("it\'s staging"); });',
        "Flutter": "options.environment = 'it\\'s staging'; });",
    }
    assert {sdk: lines[sdk][-len(end) :] for sdk, end in said.items()} == said
    assert 'environment="qa"' in shown(tmp_path, "8", config=text)[1]
    assert "environment" not in shown(tmp_path, "7")[1].partition("# What the SDK says")[0]
    assert "SENTRY_RELEASE" in out


def test_browsers_send_to_their_site_which_passes_it_on(tmp_path: Path) -> None:
    text = CONFIG.replace('["*"]', '["*", "https://shop.example:8443"]')
    _, out, _ = shown(tmp_path, "7", config=text)
    (browser,) = (line for line in out.splitlines() if line.startswith("Browser"))
    assert f'dsn: "https://{KEY}@shop.example:8443/7"' in browser
    assert "location /api/7/envelope/ { proxy_pass http://127.0.0.1:4318; }\n" in out
    assert "location" not in shown(tmp_path, "8")[1]


def test_the_help_names_the_project_as_what_may_be_left_out() -> None:
    assert "[PROJECT]" in command("dsn", "--help").stdout
    assert "[PROJECT]" in command("--help").stdout


REFUSED = {
    "9": "no project 9; there are: 7, 8",
    "shop": "a project is a number, as it stands at the end of a DSN",
    "7 8": "dsn takes one project",
    "7 --ingest.listen-address=off": "nothing listens for what applications send: --ingest.listen-address is off",
}


@pytest.mark.parametrize("args", REFUSED)
def test_it_says_why_it_shows_none(args: str, tmp_path: Path) -> None:
    assert shown(tmp_path, *args.split()) == (2, "", f"stack-exporter: {REFUSED[args]}\n")


def test_without_a_project_it_makes_a_key_and_shows_the_yaml_with_which_the_dsn_works(tmp_path: Path) -> None:
    code, out, _ = shown(tmp_path, "12", config="{}")
    found = re.search(r'ingest:\n  projects:\n    "12": \{keys: \["([0-9a-f]{32})"\]\}\n', out)
    assert code == 0
    assert found is not None
    assert f"SENTRY_DSN=http://{found[1]}@127.0.0.1:4318/12" in out
    assert "whoever is on this machine may send, under any key" in out
    assert f"stack-exporter --config.file={tmp_path / 'exporter.yaml'}\n" in out
    assert found[1] not in shown(tmp_path, "12", config="{}")[1]
    with servers.daemon(found[0]) as daemon:
        target, body = "/api/12/envelope/?sentry_key=", b'{}\n{"type":"event"}\n{"message":"x"}'
        assert daemon.request("POST", target + found[1], body=body, port=daemon.ingest_port).status == 200
        assert daemon.request("POST", target + KEY, body=body, port=daemon.ingest_port).status == 403
