"""Components in the environment: which variables name which, and that none shows its secret."""

import sqlite3

import pytest

from exporter.config import Config
from exporter.config.discover import Found, always, configuration, found

from tests.kinds import specimens  # noqa: F401

CANARY = "c4nary-6f1d"
POSTGRES = f"postgresql://me:{CANARY}@db.internal:5433/shop"
REDIS = f"redis://:{CANARY}@cache.internal/0"


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
        ("CELERY_RESULT_BACKEND", "redis://cache/1", ("redis", "celery_result_backend", "cache:6379", True)),
        ("SESSIONS_REDIS_URL", "unix:///run/redis.sock?db=1", ("redis", "sessions_redis", "a Unix socket", True)),
        ("CELERY_BROKER_URL", "redis+socket:///run/redis.sock", ("redis", "celery_broker", "a Unix socket", True)),
        ("DATABASE_URL", "sqlite:////data/shop.db", ("sqlite", "database", "a file", True)),
    ],
)
def test_a_variable_names_a_component(variable, value, expected):
    assert table({variable: value}) == [(variable, *expected)]


@pytest.mark.parametrize(
    ("variable", "value", "kind", "place", "fields"),
    [
        ("MYSQL_URL", f"mysql+pymysql://me:{CANARY}@db/x", "mysql", "db:3306", {"url": f"mysql+pymysql://me:{CANARY}@db/x"}),
        ("DATABASE_URL", "mariadb://me@db:1/x", "mysql", "db:1", {"url": "mariadb://me@db:1/x"}),
        ("MONGODB_URI", "mongodb+srv://db/x", "mongodb", "db:27017", {"url": "mongodb+srv://db/x"}),
        ("MONGO_URL", "mongodb://a:1,b:2/x", "mongodb", "at an address not shown", {"url": "mongodb://a:1,b:2/x"}),
        ("AMQP_URL", f"amqps://me:{CANARY}@mq/v", "rabbitmq", "mq:5672", {"url": f"amqps://me:{CANARY}@mq/v"}),
        ("RABBITMQ_URL", "amqp://mq:5673", "rabbitmq", "mq:5673", {"url": "amqp://mq:5673"}),
        ("EMAIL_URL", f"smtp+tls://me:{CANARY}@mail", "smtp", "mail:25", {"address": "mail:25", "encryption": "starttls"}),
        ("EMAIL_URL", "smtp://mail:587", "smtp", "mail:587", {"address": "mail:587", "encryption": "starttls"}),
        ("SMTP_URL", "smtps://mail", "smtp", "mail:25", {"address": "mail:465", "encryption": "tls"}),
        ("CACHE_URL", "memcached://cache", "memcached", "cache:11211", {"address": "cache:11211"}),
        ("AWS_STORAGE_BUCKET_NAME", "uploads", "s3", "bucket uploads", {"url": "s3://uploads"}),
    ],
)  # fmt: skip
def test_what_is_found_has_the_fields_of_its_kind(variable, value, kind, place, fields):
    (one,) = found({variable: value})
    assert (one.kind, one.note, one.fields) == (kind, place, {"kind": kind, **fields})
    assert configuration({variable: value}, state=None, listen=":0")[0].components[-1].kind == kind


@pytest.mark.parametrize(
    ("variable", "value", "kind", "place"),
    [
        ("ELASTICSEARCH_URL", "https://search:9200", "elasticsearch", "search:9200"),
        ("OPENSEARCH_URL", "https://search", "elasticsearch", "search:443"),
        ("KAFKA_URL", "kafka://broker:9092", "kafka", "broker:9092"),
    ],
)
def test_what_there_is_no_kind_for_is_found_and_not_probed(variable, value, kind, place):
    (one,) = found({variable: value})
    assert (one.kind, one.note, one.probed) == (kind, f"{place}: not probed, there is no kind {kind}", False)


def test_a_bucket_is_asked_for_where_its_endpoint_says():
    environ = {"AWS_STORAGE_BUCKET_NAME": "uploads", "AWS_ENDPOINT_URL_S3": "http://minio:9000"}
    assert [(one.variable, one.fields) for one in found(environ)] == [
        ("AWS_STORAGE_BUCKET_NAME", {"kind": "s3", "url": "s3://uploads", "endpoint": "http://minio:9000"})
    ]
    (one,) = found({"S3_ENDPOINT": "minio:9000"})
    assert (one.kind, one.probed, one.note.startswith("not probed: which bucket?")) == ("s3", False, True)


def test_a_broker_is_a_server_and_celery():
    for url, kind in ((REDIS, "redis"), (f"amqp://me:{CANARY}@mq//", "rabbitmq")):
        seen = found({"CELERY_BROKER_URL": url})
        assert [(one.kind, one.name) for one in seen] == [(kind, "celery_broker"), ("celery", "celery")]
        assert seen[1].fields == {"kind": "celery", "url": url}
        config, _ = configuration({"CELERY_BROKER_URL": url}, state=None, listen=":0")
        assert [one.kind for one in config.components[-2:]] == [kind, "celery"]


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
        ("CELERY_BROKER_URL", "celery"),
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
