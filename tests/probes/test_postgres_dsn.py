"""The forms in which a PostgreSQL address is taken, and those that are refused."""

from typing import Any

import msgspec
import pytest

from exporter.probes import _postgres_dsn
from tests import probing

SECRET = "planted-canary"


def parsed(dsn: str) -> tuple[Any, ...]:
    found = _postgres_dsn.parse(dsn)
    return found.hosts, found.ports, found.user, found.password, found.database


@pytest.mark.parametrize(
    "scheme",
    ["postgres", "postgresql", "postgresql+asyncpg", "postgresql+psycopg2", "postgis", "pgsql", "psql", "POSTGRES"],
)
def test_a_scheme_may_be_postgresqls_djangos_or_sqlalchemys(scheme: str) -> None:
    assert parsed(f"{scheme}://me:pw@db.example:6432/app") == (("db.example",), (6432,), "me", "pw", "app")


@pytest.mark.parametrize(
    ("dsn", "expected"),
    [
        ("postgres:///", (None, None, None, None, None)),
        ("postgres://db", (("db",), (5432,), None, None, None)),
        ("postgres://db/app?connect_timeout=3&pool_size=5&schema=public", (("db",), (5432,), None, None, "app")),
        ("postgres://me:a%40b%2F%3A@db/", (("db",), (5432,), "me", "a@b/:", None)),
        ("postgres://me:a@b:c@db/app", (("db",), (5432,), "me", "a@b:c", "app")),
        ("postgres://[::1]:5433,two,three:5434/x", (("::1", "two", "three"), (5433, 5432, 5434), None, None, "x")),
        ("postgres:///x?host=/run/postgresql&user=me&password=p", (("/run/postgresql",), (5432,), "me", "p", "x")),
        ("postgres://%2Frun%2Fpostgresql/x", (("/run/postgresql",), (5432,), None, None, "x")),
        ("postgres://?host=a,b&port=1,2&dbname=x", (("a", "b"), (1, 2), None, None, "x")),
    ],
)
def test_a_url_is_read_as_libpq_reads_it(dsn: str, expected: tuple[Any, ...]) -> None:
    assert parsed(dsn) == expected


@pytest.mark.parametrize(
    ("mode", "expected"),
    [
        ("disable", (None, False)),
        ("allow", ((True, ""), False)),
        ("prefer", ((True, ""), False)),
        ("require", ((True, ""), True)),
        ("true", ((True, ""), True)),
        ("verify-ca", ((False, ""), True)),
        ("verify-full", ((False, ""), True)),
    ],
)
def test_sslmode_says_what_is_asked_for_and_what_is_enough(mode: str, expected: Any) -> None:
    found = _postgres_dsn.parse(f"postgres://db/?sslmode={mode}")
    tls = found.tls and (found.tls.insecure_skip_verify, found.tls.ca_file)
    assert (tls, found.required) == expected


def test_no_sslmode_is_that_of_the_environment_or_prefer(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("PGSSLMODE", raising=False)
    assert not _postgres_dsn.parse("postgres://db/").required
    monkeypatch.setenv("PGSSLMODE", "require")
    assert _postgres_dsn.parse("postgres://db/").required


@pytest.mark.parametrize(
    ("dsn", "problem"),
    [
        (f"mysql://me:{SECRET}@db/x", "expected a URL such as postgresql://user:password@host:5432/database"),
        (f"host=db password={SECRET}", "expected a URL such as postgresql://user:password@host:5432/database"),
        (SECRET, "expected a URL such as postgresql://user:password@host:5432/database"),
        (
            f"postgres://me:{SECRET}@db:0/x",
            "a port is a number from 1 to 65535; special characters in a password are percent-encoded",
        ),
        (
            f"postgres://me:{SECRET}@db:port/x",
            "a port is a number from 1 to 65535; special characters in a password are percent-encoded",
        ),
        (
            f"postgres://me:[{SECRET}@db/x",
            "the URL can't be read; special characters in a password are percent-encoded",
        ),
        (
            f"postgres://me:{SECRET}@db/?sslmode=on-sundays",
            "sslmode is one of disable, allow, prefer, require, verify-ca, verify-full",
        ),
        (
            f"postgres://me:{SECRET}@db/?target_session_attrs=best",
            "target_session_attrs is one of any, primary, standby, prefer-standby, read-write, read-only",
        ),
        (
            f"postgres://me:{SECRET}@db/?sslmode=verify-full&sslrootcert=/nonexistent.pem",
            "/nonexistent.pem: No such file or directory",
        ),
    ],
)
def test_what_is_wrong_is_said_without_what_was_written(dsn: str, problem: str) -> None:
    with pytest.raises(msgspec.ValidationError) as caught:
        probing.component("postgres", dsn=dsn)
    assert str(caught.value) == problem
