"""Components in the environment: which variables name which, and that none shows its secret."""

import sqlite3

import pytest

from exporter import catalogue
from exporter.config import Config
from exporter.config.discover import Found, always, configuration, found

from tests.kinds import specimens  # noqa: F401

CANARY = "c4nary-6f1d"
POSTGRES = f"postgresql://me:{CANARY}@db.internal:5433/shop"
REDIS = f"redis://:{CANARY}@cache.internal/0"


@pytest.fixture(autouse=True)
def built(monkeypatch):
    """The kinds of this part, whichever else there may be by now."""
    monkeypatch.setattr(catalogue, "kinds", lambda: ["disk", "host", "http", "postgres", "redis", "sqlite", "tcp"])


def table(environ: dict[str, str]) -> list[tuple[str, str, str, str, bool]]:
    return [(one.variable, one.kind, one.name, one.note, one.probed) for one in found(environ)]


@pytest.mark.parametrize(
    ("variable", "value", "expected"),
    [
        ("DATABASE_URL", POSTGRES, ("postgres", "database", "db.internal:5433", True)),
        ("POSTGRES_URL", "postgres://db/x", ("postgres", "postgres", "db:5432", True)),
        ("POSTGRESQL_URL", "postgis://db", ("postgres", "postgresql", "db:5432", True)),
        ("ANALYTICS_DATABASE_URL", "postgresql+asyncpg://db:1/x", ("postgres", "analytics_database", "db:1", True)),
        ("HEROKU_POSTGRESQL_BRONZE_URL", "postgres://db/x", ("postgres", "heroku_postgresql_bronze", "db:5432", True)),
        ("SQLALCHEMY_DATABASE_URI", "postgresql://[::1]:7/x", ("postgres", "sqlalchemy_database", "[::1]:7", True)),
        (
            "DATABASE_URL",
            "postgresql:///x?host=/run",
            ("postgres", "database", "as libpq's variables and defaults say", True),
        ),
        ("PGHOST", "db", ("postgres", "postgres", "db:5432", True)),
        ("PGHOST", "/run/postgresql", ("postgres", "postgres", "a Unix socket", True)),
        ("REDIS_URL", REDIS, ("redis", "redis", "cache.internal:6379", True)),
        ("REDIS_TLS_URL", "rediss://cache:6380", ("redis", "redis_tls", "cache:6380", True)),
        ("CACHE_URL", "valkey://cache", ("redis", "cache", "cache:6379", True)),
        ("CELERY_BROKER_URL", "redis://cache/1", ("redis", "celery_broker", "cache:6379", True)),
        ("CELERY_RESULT_BACKEND", "redis://cache/1", ("redis", "celery_result_backend", "cache:6379", True)),
        ("SESSIONS_REDIS_URL", "unix:///run/redis.sock?db=1", ("redis", "sessions_redis", "a Unix socket", True)),
        ("CELERY_BROKER_URL", "redis+socket:///run/redis.sock", ("redis", "celery_broker", "a Unix socket", True)),
        ("DATABASE_URL", "sqlite:////data/shop.db", ("sqlite", "database", "a file", True)),
    ],
)
def test_a_variable_names_a_component(variable, value, expected):
    assert table({variable: value}) == [(variable, *expected)]


@pytest.mark.parametrize(
    ("variable", "value", "kind", "place"),
    [
        ("MYSQL_URL", f"mysql+pymysql://me:{CANARY}@db/x", "mysql", "db:3306"),
        ("DATABASE_URL", "mariadb://db:1/x", "mysql", "db:1"),
        ("MONGODB_URI", "mongodb+srv://db/x", "mongodb", "db:27017"),
        ("MONGO_URL", f"mongodb://me:{CANARY}@a:1,b:2/x", "mongodb", "at an address not shown"),
        ("AMQP_URL", f"amqps://me:{CANARY}@mq/vhost", "rabbitmq", "mq:5672"),
        ("RABBITMQ_URL", "amqp://mq:5673", "rabbitmq", "mq:5673"),
        ("CELERY_BROKER_URL", "pyamqp://mq//", "rabbitmq", "mq:5672"),
        ("ELASTICSEARCH_URL", "https://search:9200", "elasticsearch", "search:9200"),
        ("OPENSEARCH_URL", "https://search", "elasticsearch", "search:443"),
        ("AWS_ENDPOINT_URL_S3", "http://minio:9000", "s3", "minio:9000"),
        ("AWS_ENDPOINT_URL", "http://minio", "s3", "minio:80"),
        ("S3_ENDPOINT", "minio:9000", "s3", "minio:9000"),
        ("EMAIL_URL", f"smtp+tls://me:{CANARY}@mail:587", "smtp", "mail:587"),
        ("CACHE_URL", "memcached://cache", "memcached", "cache:11211"),
    ],
)
def test_a_kind_that_is_not_built_is_found_and_not_probed(variable, value, kind, place):
    (one,) = found({variable: value})
    assert (one.kind, one.note, one.probed) == (kind, f"{place}: not probed, the kind {kind} is not built yet", False)


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("CACHE_URL", "locmem://"), ("CELERY_RESULT_BACKEND", "rpc://"), ("DATABASE_URL", ""), ("DATABASE_URL", CANARY),
        ("SENTRY_DSN", f"https://{CANARY}@sentry/1"), ("PUBLIC_URL", "https://shop"), ("EMAIL_CONFIRM_URL", "https://shop"),
        ("PATH", "redis://x"), ("HTTP_PROXY", "http://x"), ("PGPORT", "5432"), ("REDIS_PASSWORD", CANARY),
    ],
)  # fmt: skip
def test_what_names_no_server_is_left_alone(variable, value):
    assert found({variable: value}) == []


@pytest.mark.parametrize(
    ("value", "note"),
    [
        (
            f"redis://:{CANARY}/x@cache:6379",
            "not probed: a special character in its user or password is not percent-encoded",
        ),
        (
            f"redis://:{CANARY}#x@cache:6379",
            "not probed: a special character in its user or password is not percent-encoded",
        ),
        (f"redis://[{CANARY}", "not probed: its URL can't be read"),
        ("sqlite://", "not probed: a database in memory is its process's own"),
        ("sqlite:///:memory:", "not probed: a database in memory is its process's own"),
    ],
)
def test_what_can_not_be_probed_says_why(value, note):
    (one,) = found({"CACHE_URL": value})
    assert (one.note, one.probed) == (note, False)


def test_two_variables_with_one_target_are_one_component():
    environ = {
        "CELERY_BROKER_URL": "redis://localhost:6379/1",
        "REDIS_URL": "redis://127.0.0.1/0",
        "CACHE_URL": "redis://me:other@LOCALHOST/2",
        "OTHER_REDIS_URL": "redis://localhost:6380/0",
        "DATABASE_URL": "postgres://localhost/a",
        "POSTGRES_URL": "postgresql+psycopg://me@localhost:5432/a",
        "REPORTS_DATABASE_URL": "postgres://localhost/b",
    }
    assert [(one.variable, one.name) for one in found(environ)] == [
        ("DATABASE_URL, POSTGRES_URL", "database"),
        ("REDIS_URL, CACHE_URL, CELERY_BROKER_URL", "redis"),
        ("OTHER_REDIS_URL", "other_redis"),
        ("REPORTS_DATABASE_URL", "reports_database"),
    ]


def test_a_relative_file_is_the_applications_own(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert found({"DATABASE_URL": "sqlite:///my%20shop.db?mode=ro"})[0].fields["path"] == str(tmp_path / "my shop.db")


def test_a_found_component_shows_no_credentials():
    one = found({"DATABASE_URL": POSTGRES})[0]
    assert one.fields == {"kind": "postgres", "dsn": POSTGRES}
    assert CANARY not in repr(one) + str(one)


def test_what_is_always_there():
    assert always(None, ":9676") == {
        "host": {"kind": "host"},
        "disk": {"kind": "disk", "path": "/", "writable": False},
        "listener": {"kind": "http", "url": "http://127.0.0.1:9676/livez"},
    }


@pytest.mark.parametrize(
    ("listen", "tls", "fields"),
    [
        ("0.0.0.0:80", False, {"kind": "http", "url": "http://127.0.0.1:80/livez"}),
        ("[::]:80", False, {"kind": "http", "url": "http://[::1]:80/livez"}),
        ("10.0.0.1:80", True, {"kind": "tcp", "address": "10.0.0.1:80"}),
    ],
)
def test_the_listener_is_asked_where_it_listens(listen, tls, fields):
    assert always(None, listen, tls=tls)["listener"] == fields


def test_a_start_without_a_file_probes_what_it_finds(tmp_path, monkeypatch):
    state = tmp_path / "state.db"
    sqlite3.connect(state).close()
    environ = {
        "DATABASE_URL": POSTGRES,
        "STATE_DATABASE_URL": f"sqlite:///{tmp_path}/other.db",
        "DISK_DATABASE_URL": "postgres://x/y",
        "MYSQL_URL": "mysql://db",
        "HOST_DATABASE_URL": f"postgres://me:{CANARY}@h:99999999/x",
    }
    config, seen = configuration(environ, state=state, listen=":9676")
    assert isinstance(config, Config)
    assert [(component.name, component.kind) for component in config.components] == [
        ("host", "host"),
        ("disk", "disk"),
        ("state", "sqlite"),
        ("listener", "http"),
        ("database", "postgres"),
        ("disk_database", "postgres"),
        ("state_database", "sqlite"),
    ]
    refused = next(one for one in seen if one.variable == "HOST_DATABASE_URL")
    assert not refused.probed
    assert refused.note.startswith("at an address not shown: not probed, ")
    assert CANARY not in repr(config) + repr(seen)


@pytest.mark.parametrize("url", [POSTGRES, REDIS, "unix:///run/redis.sock?db=1", "sqlite:////data/shop.db"])
def test_a_kind_takes_what_is_found_for_it(url):
    config, (one,) = configuration({"CACHE_URL": url}, state=None, listen=":9676")
    assert one.probed, one.note
    assert config.components[-1].name == "cache"


def test_a_missing_driver_is_told_and_stops_nothing(monkeypatch):
    monkeypatch.setattr("exporter.config.resolve._installed", lambda module: False)
    config, (one,) = configuration({"DATABASE_URL": POSTGRES}, state=None, listen=":9676")
    assert [component.name for component in config.components] == ["host", "disk", "listener"]
    note = "db.internal:5433: not probed, needs asyncpg: pip install 'stack-exporter[postgres]'"
    assert one == Found("DATABASE_URL", "postgres", "database", note, {})


def test_the_applications_own_database_is_critical_and_nothing_else():
    environ = {"DATABASE_URL": POSTGRES, "POSTGRES_URL": "postgres://other/x", "REDIS_URL": REDIS}
    components = configuration(environ, state=None, listen=":9676")[0].components
    assert [one.name for one in components if one.critical] == ["database"]
    environ = {"ANALYTICS_DATABASE_URL": POSTGRES, "REDIS_URL": REDIS}
    components = configuration(environ, state=None, listen=":9676")[0].components
    assert [one.name for one in components if one.critical] == []


def test_what_is_no_url_says_the_usual_cause():
    (one,) = configuration({"REDIS_URL": "redis://cache:99999"}, state=None, listen=":9676")[1]
    assert one.note == "not probed: not a URL (a special character must be percent-encoded)"
