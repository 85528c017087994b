"""Layouts of projects as they are met: an override of Compose, settings in a package, environs, a virtual environment."""

from pathlib import Path

import pytest

from exporter.config import load
from exporter.init import look, page
from tests.init.test_init import command


def django(folder: Path, settings: str, name: str = "settings.py") -> None:
    (folder / "manage.py").touch()
    (folder / name).parent.mkdir(parents=True, exist_ok=True)
    (folder / name).write_text(settings)


def test_an_override_adds_to_services_and_brings_its_own(tmp_path: Path) -> None:
    (tmp_path / "docker-compose.yml").write_text(
        "services:\n  db: {image: 'postgres:16', environment: [POSTGRES_USER=app, POSTGRES_DB=shop]}\n"
    )
    (tmp_path / "docker-compose.override.yml").write_text(
        "services:\n  db: {environment: {POSTGRES_PASSWORD: canary}}\n  cache: {image: redis}\n"
    )
    found, _, sources = look(tmp_path, {})
    assert {one.name: one.fields for one in found} == {
        "db": {"dsn": "postgresql://app@db:5432/shop", "password": "${POSTGRES_PASSWORD:-}"},
        "cache": {"url": "redis://cache:6379/0"},
    }
    assert sources == ["docker-compose.yml and docker-compose.override.yml"]


def test_a_service_has_the_variables_of_its_env_file(tmp_path: Path) -> None:
    (tmp_path / "db.env").write_text("POSTGRES_USER=app\nPOSTGRES_PASSWORD=canary\n")
    (tmp_path / "compose.yaml").write_text(
        "services:\n  db: {image: postgres, env_file: [db.env, {path: gone.env}], environment: {POSTGRES_DB: '${DB:?is missing}'}}\n"
    )
    (one,), _, _ = look(tmp_path, {})
    assert one.fields == {
        "dsn": "postgresql://app@db:5432/${DB:-postgres_db}",
        "password": "${POSTGRES_PASSWORD:-}",
    }


def test_an_engine_may_be_a_variable_with_a_default(tmp_path: Path) -> None:
    django(
        tmp_path,
        'DATABASES: dict = {"default": {"ENGINE": os.environ.get("SQL_ENGINE", "django.db.backends.mysql"),'
        ' "NAME": "shop", "USER": "app", "HOST": "db", "PASSWORD": os.environ["SQL_PASSWORD"]}}\n',
    )
    found, remarks, _ = look(tmp_path, {})
    assert (found[0].kind, found[0].fields, remarks) == (
        "mysql",
        {"url": "mysql://app@db:3306/shop", "password": "${SQL_PASSWORD:-}"},
        [],
    )


def test_environs_names_the_variable_of_the_database(tmp_path: Path) -> None:
    django(
        tmp_path,
        'DATABASES = {"default": env.dj_db_url("SHOP_URL", default="postgres://db/shop")}',
        "a/settings/prod.py",
    )
    found, _, _ = look(tmp_path, {})
    assert found[0].fields == {"dsn": "${SHOP_URL:-postgres://db/shop}"}


def test_settings_are_found_beside_a_large_virtual_environment(tmp_path: Path) -> None:
    for folder in ("aa/.venv", "zz/node_modules"):
        (tmp_path / folder).mkdir(parents=True)
        for number in range(5100):
            (tmp_path / folder / f"{number}.py").touch()
    django(tmp_path, 'EMAIL_HOST = "mail"', "mm/settings.py")
    assert [one.name for one in look(tmp_path, {})[0]] == ["mail"]


def test_what_files_say_stays_within_its_comment_or_key(tmp_path: Path) -> None:
    django(
        tmp_path,
        'DATABASES = {"a": {"ENGINE": "x.y\\nweb: {}"}}\n'
        'LOGGING = {"handlers": {"a: b": {"filename": "/a.log"}, "c#": {"filename": "/c.log"}}}\n',
    )
    assert load(page.text("shop", *look(tmp_path, {})), source="x", environ={})


@pytest.mark.parametrize("content", [b"A=\xff\n", b"\xff\xfeA\0"])
def test_a_dotenv_that_is_not_utf8_is_said(content: bytes, tmp_path: Path) -> None:
    (tmp_path / ".env").write_bytes(content)
    done = command("init", "--output=-", folder=tmp_path)
    assert (done.returncode, "# - .env: can't be read" in done.stdout, done.stderr) == (0, True, "")
    done = command("check", "--env.file=.env", folder=tmp_path)
    assert (done.returncode, done.stderr) == (2, "stack-exporter: --env.file: .env can't be read: it is not UTF-8\n")


def test_laravel_names_its_servers_in_parts(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text(
        "DB_CONNECTION=pgsql\nDB_HOST=db\nDB_DATABASE=shop\nDB_USERNAME=app\nDB_PASSWORD=canary\n"
        "REDIS_HOST=127.0.0.1\nREDIS_PASSWORD=null\nREDIS_PORT=6379\nMAIL_HOST=mailpit\nMAIL_PORT=1025\n"
    )
    done = command("init", folder=tmp_path)
    checked = command("check", "--config.file=exporter.yaml", "--env.file=.env", folder=tmp_path)
    assert (checked.returncode, checked.stdout) == (0, "exporter.yaml: valid, 4 components\n")
    assert "canary" not in done.stdout + (tmp_path / "exporter.yaml").read_text()
    found, remarks, _ = look(tmp_path, {})
    assert ({one.name: one.fields for one in found}, remarks) == (
        {
            "database": {
                "dsn": "postgresql://${DB_USERNAME}@${DB_HOST}:${DB_PORT:-5432}/${DB_DATABASE}",
                "password": "${DB_PASSWORD:-}",
            },
            "redis": {"url": "redis://${REDIS_HOST}:${REDIS_PORT:-6379}/0"},
            "mail": {"address": "${MAIL_HOST}:${MAIL_PORT:-25}"},
        },
        [],
    )


def test_parts_of_what_a_url_names_too_are_not_probed_twice(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text(
        "DATABASE_URL=mysql://app:canary@db/shop\nDB_CONNECTION=mysql\nDB_HOST=db\nDB_PORT=3306\nDB_NAME=shop\n"
        "REDIS_URL=redis://localhost\nREDIS_HOST=127.0.0.1\n"
    )
    assert [one.origin for one in look(tmp_path, {})[0]] == ["DATABASE_URL in .env", "REDIS_URL in .env"]
