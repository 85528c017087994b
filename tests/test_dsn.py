"""`stack-exporter dsn`: the DSN of a project, and lines for SDKs; what it prints works as it is."""

import re
from pathlib import Path

import pytest

from tests import servers
from tests.command import command

KEY = "0123456789abcdef0123456789abcdef"
CONFIG = f'ingest:\n  projects:\n    "7": {{keys: ["{KEY}", other12345], origins: ["*"]}}\n    "8": {{keys: [another1234]}}\n'
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
    code, out, err = shown(tmp_path, *flags)
    dsn = f"http://{KEY}@{ADDRESSES[listen]}/7"
    assert (code, err, out.splitlines()[0]) == (0, "", f"SENTRY_DSN={dsn}")
    lines = [line for line in out.splitlines() if line.startswith(SDKS)]
    assert [line.split()[0] for line in lines] == list(SDKS)
    assert all(dsn in line for line in lines)


def test_it_shows_the_project_that_is_asked_for(tmp_path: Path) -> None:
    code, out, _ = shown(tmp_path, "8")
    assert (code, out.splitlines()[0]) == (0, "SENTRY_DSN=http://another1234@127.0.0.1:4318/8")


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
    assert found[1] not in shown(tmp_path, "12", config="{}")[1]
    with servers.daemon(found[0]) as daemon:
        target, body = "/api/12/envelope/?sentry_key=", b'{}\n{"type":"event"}\n{"message":"x"}'
        assert daemon.request("POST", target + found[1], body=body, port=daemon.ingest_port).status == 200
        assert daemon.request("POST", target + KEY, body=body, port=daemon.ingest_port).status == 403
