"""Which components does the environment name? Shows nothing of their values but host and port."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from itertools import chain, count
from pathlib import Path
from typing import Any
from urllib.parse import SplitResult, unquote, urlsplit

from exporter import catalogue
from exporter.config import Config
from exporter.config.problem import Report
from exporter.config.resolve import resolve
from exporter.config.sections import Defaults

# The order decides which variable names a component that several of them mean.
FIRST = ("DATABASE_URL", "POSTGRES_URL", "POSTGRESQL_URL", "PGHOST", "REDIS_URL", "VALKEY_URL", "CACHE_URL")
PRIMARY, DATABASES = FIRST[:4], ("postgres", "mysql", "sqlite")
"""Where the application's own database is named: the first found is critical, as without it nothing works."""
WORDS = (
    "DATABASE|DB|POSTGRES|POSTGRESQL|PG|MYSQL|MARIADB|MONGO|MONGODB|REDIS|VALKEY|CACHE|BROKER|RESULT_BACKEND|AMQP|RABBITMQ|"
    "CLOUDAMQP|MEMCACHED|ELASTICSEARCH|ELASTIC|OPENSEARCH|S3|MINIO|AWS|SMTP|EMAIL|MAIL|SQLITE|KAFKA|NATS"
)
# DATABASE_URL, ANALYTICS_DATABASE_URL, HEROKU_POSTGRESQL_BRONZE_URL, SQLALCHEMY_DATABASE_URI, AWS_ENDPOINT_URL_S3
_VARIABLE = re.compile(
    rf"([A-Z0-9_]+_)?({WORDS})(_[A-Z0-9]+)?_(URL|URI|DSN|ENDPOINT|ENDPOINT_URL(_S3)?)|CELERY_RESULT_BACKEND|CELERY_BROKER"
)
_HOST = re.compile(r"[A-Za-z0-9]([A-Za-z0-9._-]{0,251}[A-Za-z0-9])?|\[[0-9A-Fa-f:.]{2,45}\]")

_KINDS = {
    scheme: kind
    for kind, schemes in {
        "postgres": "postgres postgresql postgis pgsql psql timescale timescalegis",
        "redis": "redis rediss valkey valkeys rediscache unix",
        "sqlite": "sqlite sqlite3 spatialite",
        "mysql": "mysql mysql2 mysqlgis mariadb",
        "mongodb": "mongodb",
        "rabbitmq": "amqp amqps pyamqp",
        "memcached": "memcached memcache pymemcache",
        "smtp": "smtp smtps submission",
        "kafka": "kafka",
        "nats": "nats",
    }.items()
    for scheme in schemes.split()
}
_PORTS = {
    "postgres": 5432,
    "redis": 6379,
    "mysql": 3306,
    "mongodb": 27017,
    "rabbitmq": 5672,
    "memcached": 11211,
    "smtp": 25,
}
# What an http URL means, its variable tells.
_HTTP = {"ELASTIC": "elasticsearch", "OPENSEARCH": "elasticsearch", "S3": "s3", "AWS": "s3", "MINIO": "s3"}
_FIELDS = {"postgres": "dsn", "redis": "url"}


@dataclass(frozen=True, slots=True)
class Found:
    """A component that variables name. `fields` are its YAML keys; empty when it is not probed, and `note` says why."""

    variable: str
    kind: str
    name: str
    note: str
    fields: Mapping[str, Any] = field(default_factory=dict, repr=False)  # holds credentials

    @property
    def probed(self) -> bool:
        return bool(self.fields)


def found(environ: Mapping[str, str]) -> list[Found]:
    """What the environment names, one for each target, with those that can't be probed."""
    built = catalogue.kinds()
    targets: dict[tuple[str, ...], Found] = {}
    names: set[str] = set()
    for variable in sorted(environ, key=lambda name: (FIRST.index(name) if name in FIRST else len(FIRST), name)):
        if not environ[variable] or not (variable == "PGHOST" or _VARIABLE.fullmatch(variable)):
            continue
        for target, one in _read(variable, environ):
            if target in targets:
                known = targets[target]
                targets[target] = replace(known, variable=f"{known.variable}, {variable}")
                continue
            name = _free(one.name, names)
            names.add(name)
            unknown = one.probed and one.kind not in built
            targets[target] = replace(
                _skipped(one, f"the kind {one.kind} is not built yet") if unknown else one, name=name
            )
    return list(targets.values())


def schemes() -> list[tuple[str, list[str], bool]]:
    """Kind, the schemes by which it is known, and whether it is built."""
    built = catalogue.kinds()
    kinds = dict.fromkeys(_KINDS.values())
    found = [(kind, [scheme for scheme, of in _KINDS.items() if of == kind], kind in built) for kind in kinds]
    return found + [(kind, ["http", "https"], kind in built) for kind in dict.fromkeys(_HTTP.values())]


def always(state: Path | None, listen: str, *, tls: bool = False) -> dict[str, dict[str, Any]]:
    """Fields of what is there on every machine: the host, a disk, the state file, our own listener (host:port)."""
    port = listen.rpartition(":")[2]
    host = listen.rpartition(":")[0]
    host = {"": "127.0.0.1", "0.0.0.0": "127.0.0.1", "[::]": "[::1]"}.get(host, host)
    built = catalogue.kinds()
    fields: dict[str, dict[str, Any]] = {"host": {"kind": "host"}}
    # Without a folder for state nothing is written, and the root may be read-only, as in a container.
    fields["disk"] = (
        {"kind": "disk", "path": str(state.parent)} if state else {"kind": "disk", "path": "/", "writable": False}
    )
    if state:
        fields["state"] = {"kind": "sqlite", "path": str(state)}
    if port == "0":
        pass  # which it will be is known once it listens
    elif "http" in built and not tls:
        fields["listener"] = {"kind": "http", "url": f"http://{host}:{port}/livez"}
    else:
        fields["listener"] = {"kind": "tcp", "address": f"{host}:{port}"}
    return {name: one for name, one in fields.items() if one["kind"] in built}


def configuration(
    environ: Mapping[str, str], *, state: Path | None, listen: str, tls: bool = False
) -> tuple[Config, list[Found]]:
    """The configuration of a start without a file, and what was found; what is found and not valid is not probed."""
    components = list(resolve(always(state, listen, tls=tls), Defaults(), Report({})))
    taken = {component.name for component in components}
    seen: list[Found] = []
    primary = ""
    for named in found(environ):
        one = replace(named, name=_free(named.name, taken))
        if not primary and one.probed and one.kind in DATABASES and one.variable.split(",")[0] in PRIMARY:
            primary = one.name
            one = replace(one, fields={**one.fields, "critical": True})
        taken.add(one.name)
        report = Report({})
        if one.probed:
            components += resolve({one.name: one.fields}, Defaults(), report)
        seen.append(_skipped(one, report.problems[0].message) if report.problems else one)
    return Config(components=tuple(components)), seen


def _free(name: str, taken: set[str]) -> str:
    return next(free for free in chain((name,), (f"{name}_{number}" for number in count(2))) if free not in taken)


def _skipped(one: Found, why: str) -> Found:
    if "expected a URL" in why:
        # The kind's own words name its whole form, which here, in a table, hides the usual cause.
        note = "not probed: not a URL (a special character must be percent-encoded)"
    else:
        note = f"{one.note}: not probed, {why}"
    return replace(one, fields={}, note=note)


def _read(variable: str, environ: Mapping[str, str]) -> Iterator[tuple[tuple[str, ...], Found]]:
    """The target (what makes two variables the same component) and what was found, if the value names a server."""
    if variable == "PGHOST":
        host, port = environ["PGHOST"], environ.get("PGPORT") or "5432"
        shown = _place(host, port) if not host.startswith("/") else "a Unix socket"
        database = environ.get("PGDATABASE") or environ.get("PGUSER", "")
        # The kind takes what a URL leaves out from libpq's variables, as the application does.
        fields = {"kind": "postgres", "dsn": "postgresql://"}
        yield ("postgres", _same(host), port, database), Found(variable, "postgres", "postgres", shown, fields)
        return
    name = re.sub(r"_(URL|URI|DSN|ENDPOINT|ENDPOINT_URL(_S3)?)$", "", variable).lower().replace("aws", "s3")[:60]
    text = environ[variable]
    if "ENDPOINT" in variable and "://" not in text:
        text = f"http://{text}"
    scheme = text.partition("://")[0].lower().partition("+")[0]
    kind = _KINDS.get(scheme, "")
    if scheme in ("http", "https"):
        kind = next((kind for word, kind in _HTTP.items() if word in variable), "")
    if not kind or "://" not in text:
        return  # such as locmem:// or rpc://, which name no server
    try:
        url = urlsplit(text)
    except ValueError:
        yield (variable,), Found(variable, kind, name, "not probed: its URL can't be read")
        return
    if kind == "sqlite":
        yield _file(variable, name, text)
    elif "@" in url.path + url.query + url.fragment:
        # redis://:pa/ss@host has, to a URL's reader, the host "" and the port "pa": parts of the password.
        note = "not probed: a special character in its user or password is not percent-encoded"
        yield (variable,), Found(variable, kind, name, note)
    elif scheme == "unix" or "+socket" in text.partition("://")[0]:
        fields = {"kind": kind, "url": "unix" + text[text.index("://") :]}
        yield (kind, url.path), Found(variable, kind, name, "a Unix socket", fields)
    else:
        yield _server(variable, name, kind, url)


def _file(variable: str, name: str, text: str) -> tuple[tuple[str, ...], Found]:
    # SQLAlchemy and dj-database-url alike: three slashes before a relative path, four before an absolute one.
    path = unquote(text.partition("://")[2].partition("?")[0].removeprefix("/"))
    if path in ("", ":memory:"):
        return (variable,), Found(variable, "sqlite", name, "not probed: a database in memory is its process's own")
    path = str(Path(path).absolute())
    return ("sqlite", path), Found(variable, "sqlite", name, "a file", {"kind": "sqlite", "path": path})


def _server(variable: str, name: str, kind: str, url: SplitResult) -> tuple[tuple[str, ...], Found]:
    places = url.netloc.rpartition("@")[2]
    default = str(_PORTS.get(kind) or (443 if url.scheme == "https" else 80))
    host, port = places, default
    if match := re.fullmatch(r"(.*?):([0-9]{1,5})", places):
        host, port = match[1], match[2]
    shown = _place(host, port)
    if kind == "postgres" and not host:
        shown = "as libpq's variables and defaults say"
    # Databases of one PostgreSQL have their own sizes and locks; those of one Redis share everything that is measured.
    database = url.path if kind in ("postgres", "mysql") else ""
    target = (kind, _same(host), port, database.removeprefix("/"))
    text = url.geturl()
    if kind == "redis":
        scheme = {"valkey": "redis", "valkeys": "rediss", "rediscache": "redis"}.get(url.scheme, url.scheme)
        text = url._replace(scheme=scheme).geturl()
    return target, Found(variable, kind, name, shown, {"kind": kind, _FIELDS.get(kind, "url"): text})


def _place(host: str, port: str) -> str:
    """host:port when it is nothing but that."""
    return f"{host}:{port}" if _HOST.fullmatch(host) and re.fullmatch("[0-9]{1,5}", port) else "at an address not shown"


def _same(host: str) -> str:
    return {"localhost": "127.0.0.1", "[::1]": "127.0.0.1", "": "127.0.0.1"}.get(host.lower(), host.lower())
