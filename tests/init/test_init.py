"""Three sample projects: what is found in each, that `check` accepts what is written, and that no secret is in it."""

import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest

from exporter.config import read
from exporter.init import look
from tests.tree import ROOT

PROJECTS = ROOT / "tests" / "fixtures" / "projects"
FOUND = {
    "django": {
        "database": "postgres", "migrations": "migrations", "database_legacy": "sqlite", "database_reports": "mysql",
        "cache": "redis", "cache_sessions": "memcached", "broker": "redis", "celery": "celery", "mail": "smtp",
        "media": "disk", "logs": "logs",
    },
    "compose": {
        "web": "http", "redis": "redis", "celery": "celery", "db": "postgres", "queue": "rabbitmq", "reports": "mysql",
        "documents": "mongodb", "sessions": "memcached", "mail": "smtp", "proxy": "http",
    },
    "dotenv": {
        "database": "postgres", "redis": "redis", "cache": "redis", "s3": "s3", "celery_broker": "rabbitmq",
        "celery": "celery", "email": "smtp", "mongodb": "mongodb",
    },
}  # fmt: skip
CRITICAL = {"django": "database", "compose": "db", "dotenv": "database"}


def command(*arguments: str, folder: Path, **more: str) -> subprocess.CompletedProcess[str]:
    environ = {"PATH": os.environ["PATH"], "HOME": str(folder), "PYTHONPATH": str(ROOT), **more}
    return subprocess.run(
        [sys.executable, "-m", "exporter", *arguments],
        cwd=folder,
        env=environ,
        capture_output=True,
        text=True,
        timeout=60,
    )


@pytest.fixture(params=FOUND)
def project(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    return Path(shutil.copytree(PROJECTS / request.param, tmp_path / request.param))


def test_what_is_written_names_each_component_and_check_accepts_it(project: Path) -> None:
    done = command("init", folder=project)
    assert (done.returncode, done.stderr) == (0, "")
    env = ["--env.file=.env"] if (project / ".env").exists() else []
    checked = command("check", "--config.file=exporter.yaml", *env, folder=project)
    expected = FOUND[project.name]
    assert (checked.returncode, checked.stdout) == (0, f"exporter.yaml: valid, {len(expected) + 1} components\n"), (
        checked.stderr
    )
    text = (project / "exporter.yaml").read_text()
    variables = (
        dict(line.split("=", 1) for line in (project / ".env").read_text().splitlines() if "=" in line) if env else {}
    )
    config = read(project / "exporter.yaml", {name: value.strip("'\"") for name, value in variables.items()})
    assert {one.name: one.kind for one in config.components} == {"host": "host", **expected}
    assert [one.name for one in config.components if one.critical] == [CRITICAL[project.name]]
    assert "canary" not in text + done.stdout
    assert all(f"  {name} " in done.stdout for name in expected)
    assert "check it:  stack-exporter check --config.file=exporter.yaml" in done.stdout


def test_what_is_there_is_not_written_over_unasked(project: Path) -> None:
    file = project / "exporter.yaml"
    file.write_text("mine\n")
    refused = command("init", folder=project)
    assert (refused.returncode, "is there already" in refused.stderr, file.read_text()) == (2, True, "mine\n")
    shown = command("init", "--output=-", folder=project)
    assert (shown.returncode, file.read_text()) == (0, "mine\n")
    assert command("init", "--force", folder=project).returncode == 0
    assert file.read_text() == shown.stdout


def test_the_environment_wins_over_the_files() -> None:
    found, _, sources = look(
        PROJECTS / "dotenv", {"DATABASE_URL": "postgres://u:canary@here/x", "CACHE_URL": "redis://c"}
    )
    assert [(one.name, one.origin) for one in found][:2] == [
        ("database", "DATABASE_URL in the environment"),
        ("cache", "CACHE_URL in the environment"),
    ]
    assert sources == ["the environment", ".env"]


def test_settings_are_read_and_never_run(tmp_path: Path) -> None:
    (tmp_path / "manage.py").touch()
    (tmp_path / "settings.py").write_text(
        'import os\nos.abort()\nDATABASES = {"default": env.db("DB_URL", default="postgres://u:canary@db/x")}\n'
        'CELERY_BROKER_URL = env("BROKER", default="redis://:canary@r/0")\nMEDIA_ROOT = 9 ** 9 ** 9 ** 9\n'
        'LOGGING = {"handlers": {"a": {"filename": "/a.log", "maxBytes": 9 ** 9 ** 9}}}\n'
    )
    found, remarks, _ = look(tmp_path, {})
    assert {one.name: one.fields for one in found} == {
        "database": {"dsn": "${DB_URL:-postgres://u@db/x}"},
        "migrations": {"tool": "django", "path": str(tmp_path), "dsn": "${DB_URL:-postgres://u@db/x}"},
        "broker": {"url": "${BROKER:-redis://@r/0}"},
        "celery": {"url": "${BROKER:-redis://@r/0}"},
        "logs": {"files": {"a": {"path": "/a.log", "required": False}}},
    }
    assert remarks == []


BOMB = "a: &a [x, x]\n" + "".join(
    f"{chr(98 + n)}: &{chr(98 + n)} [*{chr(97 + n)}, *{chr(97 + n)}]\n" for n in range(24)
)


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("compose.yaml", "services: ["),
        ("compose.yaml", "just a text"),
        ("compose.yaml", "services: {web: 5, 7: {image: 8, environment: 9}, a: {image: {}, healthcheck: [], command: {}}}"),
        ("compose.yaml", BOMB + "services: {web: {image: *y, environment: *y}}"),
        ("compose.yaml", "x" * 2_000_000),
        ("compose.yaml", "services: {a: {image: !!python/object/apply:os.abort []}}"),
        ("settings.py", "def ("),
        ("settings.py", "DATABASES = {'default': {'ENGINE': [], 'NAME': lambda: 0}}\nCACHES = DATABASES = CACHES\nLOGGING = LOGGING"),
        ("settings.py", "X = X\nMEDIA_ROOT = X\nA = B\nB = A\nEMAIL_HOST = A\n"),
        ("settings.py", "MEDIA_ROOT = " + "(" * 3000 + "1" + ")" * 3000),
        (".env", "\x00\xff=\nA='unclosed\n=b\nDATABASE_URL\n"),
    ],
)  # fmt: skip
def test_files_that_are_broken_or_hostile_are_remarked_and_stop_nothing(
    name: str, content: str, tmp_path: Path
) -> None:
    (tmp_path / "manage.py").touch()
    (tmp_path / name).write_text(content)
    began = time.monotonic()
    found, _, _ = look(tmp_path, {"REDIS_URL": "redis://here"})
    assert ("redis" in [one.name for one in found], time.monotonic() - began < 5) == (True, True)


def test_a_folder_that_is_none_and_a_dotenv_that_is_not_there_are_refused(tmp_path: Path) -> None:
    assert "is not a folder" in command("init", "nowhere", folder=tmp_path).stderr
    done = command("check", "--env.file=nowhere", folder=tmp_path)
    assert (done.returncode, done.stderr) == (2, "stack-exporter: --env.file: nowhere is not a file\n")


def test_what_two_files_name_is_one_component(tmp_path: Path) -> None:
    (tmp_path / "manage.py").touch()
    (tmp_path / ".env").write_text(
        "DATABASE_URL=postgres://u:canary@db/x\nREDIS_URL=redis://r:6379/0\nCELERY_BROKER_URL=redis://r:6379/1\n"
    )
    (tmp_path / "settings.py").write_text(
        'DATABASES = {"default": env.db("DATABASE_URL")}\nCELERY_BROKER_URL = env("CELERY_BROKER_URL")\n'
        'CACHES = {"default": {"BACKEND": "django_redis.cache.RedisCache", "LOCATION": env("REDIS_URL")}}\n'
    )
    found, _, _ = look(tmp_path, {})
    assert [one.name for one in found] == ["database", "redis", "celery", "migrations"]


def test_a_variable_that_is_not_set_is_asked_for_and_stands_for_nobody(tmp_path: Path) -> None:
    (tmp_path / "manage.py").touch()
    (tmp_path / "settings.py").write_text(
        'DATABASES = {"default": {"ENGINE": "django.db.backends.mysql", "NAME": "shop", "HOST": "db",\n'
        ' "USER": config("SHOP_USER"), "PASSWORD": config("SHOP_PASSWORD")}}\n'
    )
    (one, _), _, _ = look(tmp_path, {})
    assert one.fields == {"url": "mysql://${SHOP_USER:-unknown}@db:3306/shop", "password": "${SHOP_PASSWORD:-}"}
    assert one.note == "set SHOP_USER, SHOP_PASSWORD"
    (one, _), _, _ = look(tmp_path, {"SHOP_USER": "ann", "SHOP_PASSWORD": "canary"})
    assert one.note == ""
