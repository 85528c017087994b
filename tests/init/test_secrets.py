"""No secret of a project gets into what init writes, in whatever form its files hold it."""

from pathlib import Path

import pytest

from exporter.init import look, page, secret

CACHE = 'CACHES = {{"default": {{"BACKEND": "django_redis.cache.RedisCache", "LOCATION": {}}}}}\n'
DATABASE = 'DATABASES = {{"default": {}}}\n'
SERVICE = "services:\n  web:\n    build: .\n    {}\n"
FILES = {
    "a password with a slash": ("settings.py", CACHE.format('"redis://:can/ary@h:6379/1"')),
    "a password with an at sign": ("settings.py", CACHE.format('"redis://u:p@canary@h:6379/1"')),
    "a user with an at sign": ("settings.py", CACHE.format('"redis://u@v:canary@h:6379/1"')),
    "a password with a space": ("settings.py", CACHE.format('"redis://u:p canary@h:6379/1"')),
    "a password in the query": ("settings.py", CACHE.format('"redis://h:6379/1?db=0&password=canary"')),
    "a part of a password": ("settings.py", CACHE.format("f\"redis://:{os.environ['P']}canary@h:6379/1\"")),
    "a default within a URL": (
        "settings.py",
        CACHE.format("f\"redis://:{os.environ.get('P', 'canary')}@h:6379/1\""),
    ),
    "a brace in a default": ("settings.py", CACHE.format('env("R", default="redis://u:p}canary@h/1")')),
    "a query in a default": ("settings.py", CACHE.format('env("R", default="redis://h/1?password=canary")')),
    "an at sign in a default": ("settings.py", CACHE.format('env("R", default="redis://u:p@canary@h/1")')),
    "what looks like a variable": ("settings.py", CACHE.format('"redis://:${canary}@h/1"')),
    "a DSN's query": ("settings.py", DATABASE.format('dj_database_url.parse("postgres://h/a?user=u&password=canary")')),
    "a DSN of words": ("settings.py", DATABASE.format('dj_database_url.parse("host=h password=canary")')),
    "options": (
        "settings.py",
        DATABASE.format(
            '{"ENGINE": "django.db.backends.postgresql", "PASSWORD": "canary", "OPTIONS": {"sslpassword": "canary"}}'
        ),
    ),
    "a worker's query": ("compose.yaml", SERVICE.format("environment: {REDIS_URL: 'redis://h/0?password=canary'}")),
    "a list with a query": (
        "compose.yaml",
        SERVICE.format("environment: ['DATABASE_URL=mysql://h/a?password=canary']"),
    ),
    "a variable's value": ("compose.yaml", SERVICE.format("environment: {REDIS_URL: 'redis://h/0?password=${P}'}")),
    "a health check's query": (
        "compose.yaml",
        SERVICE.format("healthcheck: {test: 'curl http://localhost:80/health?token=canary'}"),
    ),
    "a socket's query": (".env", "REDIS_URL=redis+socket:///run/redis.sock?password=canary\n"),
    "a scheme in capitals": (".env", "DATABASE_URL=Postgres://db/app?password=canary\n"),
    "an endpoint's keys": (".env", "AWS_BUCKET=bucket\nAWS_ENDPOINT_URL=http://key:canary@h:9000\n"),
}


@pytest.mark.parametrize("what", FILES)
def test_a_secret_is_not_written(what: str, tmp_path: Path) -> None:
    name, content = FILES[what]
    (tmp_path / "manage.py").touch()
    (tmp_path / name).write_text(content)
    found, remarks, sources = look(tmp_path, {"P": "canary"})
    assert "canary" not in page.text("shop", found, remarks, sources)
    assert "canary" not in "".join(f"{one.name}{one.origin}{one.note}" for one in found)


def test_a_name_that_looks_like_a_secret_in_a_path_is_none() -> None:
    assert not secret.holds("postgres://db/keystore?sslmode=require&authSource=admin")
    assert secret.holds("mongodb://db/x?authMechanismProperties=AWS_SESSION_TOKEN:t")


def test_what_is_no_secret_stays(tmp_path: Path) -> None:
    (tmp_path / "manage.py").touch()
    (tmp_path / "settings.py").write_text(
        CACHE.format("f\"redis://{os.environ.get('U', 'u')}:{os.environ['P']}@{os.environ.get('H', 'h')}:6379/1?x=1\"")
    )
    found, _, _ = look(tmp_path, {})
    assert [one.fields for one in found] == [{"url": "redis://${U:-u}:${P:-}@${H:-h}:6379/1?x=1"}]
