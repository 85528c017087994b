"""What a variable of the application's environment names: a server, a file, a bucket; nothing of its value is shown."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import SplitResult, unquote, urlsplit

WORDS = (
    "DATABASE|DB|POSTGRES|POSTGRESQL|PG|MYSQL|MARIADB|MONGO|MONGODB|REDIS|VALKEY|CACHE|BROKER|RESULT_BACKEND|AMQP|RABBITMQ|"
    "CLOUDAMQP|MEMCACHED|ELASTICSEARCH|ELASTIC|OPENSEARCH|S3|MINIO|AWS|SMTP|EMAIL|MAIL|SQLITE|KAFKA|NATS"
)
# DATABASE_URL, ANALYTICS_DATABASE_URL, HEROKU_POSTGRESQL_BRONZE_URL, SQLALCHEMY_DATABASE_URI, AWS_ENDPOINT_URL_S3
_VARIABLE = re.compile(
    rf"([A-Z0-9_]+_)?({WORDS})(_[A-Z0-9]+)?_(URL|URI|DSN|ENDPOINT|ENDPOINT_URL(_S3)?)|CELERY_RESULT_BACKEND|CELERY_BROKER"
)
_HOST = re.compile(r"[A-Za-z0-9]([A-Za-z0-9._-]{0,251}[A-Za-z0-9])?|\[[0-9A-Fa-f:.]{2,45}\]")

KINDS = {
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
PORTS = {
    "postgres": 5432,
    "redis": 6379,
    "mysql": 3306,
    "mongodb": 27017,
    "rabbitmq": 5672,
    "memcached": 11211,
    "smtp": 25,
    "kafka": 9092,
    "nats": 4222,
}
# What an http URL means, its variable tells.
HTTP = {"ELASTIC": "elasticsearch", "OPENSEARCH": "elasticsearch", "S3": "s3", "AWS": "s3", "MINIO": "s3"}
_CELERY = re.compile(r"([A-Z0-9_]+_)?CELERY_BROKER(_URL|_URI)?|BROKER_URL")
BUCKETS = ("AWS_STORAGE_BUCKET_NAME", "AWS_S3_BUCKET", "AWS_BUCKET", "S3_BUCKET", "S3_BUCKET_NAME", "MINIO_BUCKET")
"""As django-storages, Laravel and others call them; the keys are AWS' own variables."""
_ENDPOINTS = (
    "AWS_ENDPOINT_URL_S3",
    "AWS_S3_ENDPOINT_URL",
    "AWS_ENDPOINT_URL",
    "AWS_ENDPOINT",
    "S3_ENDPOINT_URL",
    "S3_ENDPOINT",
    "MINIO_ENDPOINT",
)


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


def names_something(variable: str) -> bool:
    """Whether a variable of this name is looked at."""
    return variable == "PGHOST" or variable in BUCKETS or _VARIABLE.fullmatch(variable) is not None


def read(variable: str, environ: Mapping[str, str]) -> Iterator[tuple[tuple[str, ...], Found]]:
    """The target (what makes two variables the same component) and what was found, if the value names a server."""
    if variable == "PGHOST":
        host, port = environ["PGHOST"], environ.get("PGPORT") or "5432"
        shown = _place(host, port) if not host.startswith("/") else "a Unix socket"
        database = environ.get("PGDATABASE") or environ.get("PGUSER", "")
        # The kind takes what a URL leaves out from libpq's variables, as the application does.
        fields = {"kind": "postgres", "dsn": "postgresql://"}
        yield ("postgres", _same(host), port, database), Found(variable, "postgres", "postgres", shown, fields)
        return
    if variable in BUCKETS:
        yield _bucket(variable, environ)
        return
    name = re.sub(r"_(URL|URI|DSN|ENDPOINT|ENDPOINT_URL(_S3)?)$", "", variable).lower().replace("aws", "s3")[:60]
    text = environ[variable]
    if "ENDPOINT" in variable and "://" not in text:
        text = f"http://{text}"
    scheme = text.partition("://")[0].lower().partition("+")[0]
    kind = KINDS.get(scheme, "")
    if scheme in ("http", "https"):
        kind = next((kind for word, kind in HTTP.items() if word in variable), "")
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
    elif kind == "s3":
        if not any(environ.get(bucket) for bucket in BUCKETS):
            note = f"not probed: which bucket? {BUCKETS[0]} or one of its like says it"
            yield (kind, url.netloc), Found(variable, kind, name, note)
    else:
        yield _server(variable, name, kind, url)
        if _CELERY.fullmatch(variable) and kind in ("redis", "rabbitmq"):
            (_, *where), server = _server(variable, name, kind, url)
            fields = {"kind": "celery", "url": text}
            yield ("celery", *where, url.path), Found(variable, "celery", "celery", server.note, fields)


def _file(variable: str, name: str, text: str) -> tuple[tuple[str, ...], Found]:
    # SQLAlchemy and dj-database-url alike: three slashes before a relative path, four before an absolute one.
    path = unquote(text.partition("://")[2].partition("?")[0].removeprefix("/"))
    if path in ("", ":memory:"):
        return (variable,), Found(variable, "sqlite", name, "not probed: a database in memory is its process's own")
    path = str(Path(path).absolute())
    return ("sqlite", path), Found(variable, "sqlite", name, "a file", {"kind": "sqlite", "path": path})


def _bucket(variable: str, environ: Mapping[str, str]) -> tuple[tuple[str, ...], Found]:
    bucket = environ[variable]
    endpoint = next((environ[name] for name in _ENDPOINTS if environ.get(name)), "")
    if endpoint and "://" not in endpoint:
        endpoint = f"http://{endpoint}"
    if not re.fullmatch(r"[a-z0-9][a-z0-9.-]{1,62}", bucket):
        return ("s3", bucket), Found(variable, "s3", "s3", "not probed: not the name of a bucket")
    fields = {"kind": "s3", "url": f"s3://{bucket}"} | ({"endpoint": endpoint} if endpoint else {})
    return ("s3", bucket), Found(variable, "s3", "s3", f"bucket {bucket}", fields)


def _server(variable: str, name: str, kind: str, url: SplitResult) -> tuple[tuple[str, ...], Found]:
    places = url.netloc.rpartition("@")[2]
    default = str(PORTS.get(kind) or (443 if url.scheme == "https" else 80))
    host, port = places, default
    if match := re.fullmatch(r"(.*?):([0-9]{1,5})", places):
        host, port = match[1], match[2]
    shown = _place(host, port)
    if kind == "postgres" and not host:
        shown = "as libpq's variables and defaults say"
    # Databases of one PostgreSQL have their own sizes and locks; those of one Redis share everything that is measured.
    database = url.path if kind in ("postgres", "mysql") else ""
    target = (kind, _same(host), port, database.removeprefix("/"))
    return target, Found(variable, kind, name, shown, {"kind": kind, **_fields(kind, url, host, port)})


def _fields(kind: str, url: SplitResult, host: str, port: str) -> dict[str, str]:
    if kind == "postgres":
        return {"dsn": url.geturl()}
    if kind == "memcached":
        return {"address": f"{host}:{port}"}
    if kind == "smtp":
        # Without its login: a password that is wrong would be tried every 15 s, and the account be locked.
        implicit = url.scheme in ("smtps", "smtp+ssl")
        encryption = "tls" if implicit else "starttls" if "+tls" in url.scheme or port == "587" else "optional"
        return {"address": f"{host}:{'465' if implicit and not url.port else port}", "encryption": encryption}
    return {"url": url.geturl()}


def _place(host: str, port: str) -> str:
    """host:port when it is nothing but that."""
    return f"{host}:{port}" if _HOST.fullmatch(host) and re.fullmatch("[0-9]{1,5}", port) else "at an address not shown"


def _same(host: str) -> str:
    return {"localhost": "127.0.0.1", "[::1]": "127.0.0.1", "": "127.0.0.1"}.get(host.lower(), host.lower())
