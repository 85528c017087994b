"""Servers that several variables name together, as in Laravel's .env: DB_HOST, DB_PORT, DB_PASSWORD."""

from collections.abc import Iterator, Mapping

from exporter.init.proposal import Proposal

_DRIVERS = {
    "mysql": ("mysql", "3306"), "mariadb": ("mysql", "3306"), "pgsql": ("postgres", "5432"),
    "postgres": ("postgres", "5432"), "postgresql": ("postgres", "5432"),
}  # fmt: skip
_BY_PORT = {"3306": "mysql", "5432": "pgsql"}


def read(environ: Mapping[str, str], origin: str) -> Iterator[Proposal]:
    """A proposal for each of database, Redis and mail server; the values stay where they are."""
    driver = environ.get("DB_CONNECTION") or _BY_PORT.get(environ.get("DB_PORT", ""), "")
    if environ.get("DB_HOST") and driver in _DRIVERS:
        kind, default = _DRIVERS[driver]
        user, database = (_given(names, environ) for names in (("DB_USERNAME", "DB_USER"), ("DB_DATABASE", "DB_NAME")))
        place = f"{_or(user, 'root' if kind == 'mysql' else 'postgres')}@{_host('DB', default)}"
        key, scheme = ("dsn", "postgresql") if kind == "postgres" else ("url", "mysql")
        fields = {key: f"{scheme}://{place}/{f'${{{database}}}' if database else ''}", **_password("DB", environ)}
        yield Proposal("database", kind, fields, f"DB_HOST in {origin}")
    if environ.get("REDIS_HOST"):
        fields = {"url": f"redis://{_host('REDIS', '6379')}/0", **_password("REDIS", environ)}
        yield Proposal("redis", "redis", fields, f"REDIS_HOST in {origin}")
    for name in ("MAIL", "EMAIL"):
        if environ.get(f"{name}_HOST"):
            fields = {"address": _host(name, "25")}
            yield Proposal("mail", "smtp", fields, f"{name}_HOST in {origin}")


def _host(name: str, port: str) -> str:
    return f"${{{name}_HOST}}:${{{name}_PORT:-{port}}}"


def _password(name: str, environ: Mapping[str, str]) -> dict[str, str]:
    """`null` is how Laravel writes that there is none."""
    given = environ.get(f"{name}_PASSWORD", "")
    return {"password": f"${{{name}_PASSWORD:-}}"} if given not in ("", "null") else {}


def _given(names: tuple[str, ...], environ: Mapping[str, str]) -> str:
    return next((name for name in names if environ.get(name)), "")


def _or(name: str, default: str) -> str:
    return f"${{{name}}}" if name else default
