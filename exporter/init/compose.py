"""Services of a Compose file as components: by their image, or for a worker by its command."""

import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import yaml
from dotenv import dotenv_values

from exporter.init import environment, secret
from exporter.init.proposal import Proposal, Remark

NAMES = ("compose.yaml", "compose.yml", "docker-compose.yaml", "docker-compose.yml")
OVERRIDES = tuple(name.replace("compose.", "compose.override.") for name in NAMES)
LARGEST = 1024 * 1024
_MOST = 20
"""Files of variables of a service."""

# What the last part of an image's name begins with, its kind, and the port that it listens on.
IMAGES = {
    "postgres": ("postgres", 5432), "postgis": ("postgres", 5432), "timescaledb": ("postgres", 5432),
    "pgvector": ("postgres", 5432), "mysql": ("mysql", 3306), "mariadb": ("mysql", 3306), "redis": ("redis", 6379),
    "valkey": ("redis", 6379), "mongo": ("mongodb", 27017), "rabbitmq": ("rabbitmq", 5672),
    "memcached": ("memcached", 11211), "mailpit": ("smtp", 1025), "mailhog": ("smtp", 1025), "nginx": ("http", 80),
    "caddy": ("http", 80), "prometheus": ("prometheus", 9090), "alertmanager": ("alertmanager", 9093),
}  # fmt: skip
_ACCOUNT = {
    "postgres": ("POSTGRES_USER", "POSTGRES_PASSWORD", "POSTGRES_DB"),
    "mysql": ("MYSQL_USER", "MYSQL_PASSWORD", "MYSQL_DATABASE"),
    "mongodb": ("MONGO_INITDB_ROOT_USERNAME", "MONGO_INITDB_ROOT_PASSWORD", ""),
    "rabbitmq": ("RABBITMQ_DEFAULT_USER", "RABBITMQ_DEFAULT_PASS", ""),
}
# ${NAME}, ${NAME:-default}, ${NAME:?what is said when it is missing}, $NAME
_VARIABLE = re.compile(
    r"\$(?:\{([A-Za-z_][A-Za-z0-9_]*)(?::?-([^}]*)|:?\?[^}]*)?\}|([A-Za-z_][A-Za-z0-9_]*))",
)
# Without its query, which may hold a token.
_CHECKED = re.compile(r"https?://(?:localhost|127\.0\.0\.1|0\.0\.0\.0):(\d{1,5})(/[^\s'\"|;?#]*)?")
_APP = re.compile(
    r"CELERY_BROKER_URL|CELERY_BROKER|BROKER_URL|[A-Z_]*(DATABASE|REDIS|CACHE|MONGO|AMQP|RABBITMQ|MYSQL)[A-Z_]*_UR[LI]"
)


def files(folder: Path) -> list[Path]:
    """The Compose file of a folder and the one that overrides it, as Compose itself finds them."""
    base = [path for name in NAMES if (path := folder / name).is_file()][:1]
    return base and [*base, *[path for name in OVERRIDES if (path := folder / name).is_file()][:1]]


def read(paths: Sequence[Path], environ: Mapping[str, str]) -> Iterator[Proposal | Remark]:
    """What the services are; `environ` is what the files' own variables stand for."""
    merged: dict[str, dict[str, Any]] = {}
    origins: dict[str, str] = {}
    for path in paths:
        try:
            services = _services(path)
        except (OSError, ValueError, yaml.YAMLError, RecursionError):
            yield Remark(f"{path.name}: can't be read as a Compose file")
            continue
        for name, service in services.items():
            if isinstance(service, dict) and re.fullmatch(r"[A-Za-z0-9._-]+", str(name)):
                known = merged.setdefault(str(name), {"variables": {}})
                variables = known["variables"] | _files_variables(service.get("env_file"), path.parent)
                known |= {**service, "variables": variables | _environment(service.get("environment"))}
                origins.setdefault(str(name), path.name)
    for name, service in merged.items():
        yield from _service(name, service, origins[name], environ)


def _services(path: Path) -> Mapping[str, Any]:
    with path.open() as file:
        text = file.read(LARGEST + 1)
    if len(text) > LARGEST:
        raise ValueError
    document = yaml.safe_load(text)
    services = document.get("services") if isinstance(document, dict) else None
    if not isinstance(services, dict):
        raise ValueError  # noqa: TRY004 - it is the file that is wrong
    return services


def _files_variables(written: Any, folder: Path) -> dict[str, str]:
    """Those of env_file: a path, or a list of paths or of {path: …}."""
    variables: dict[str, str] = {}
    for one in written[:_MOST] if isinstance(written, list) else [written]:
        name = _text(one.get("path") if isinstance(one, dict) else one)
        with suppress(OSError, ValueError):
            if name and (file := folder / name).is_file():
                variables |= {key: value for key, value in dotenv_values(file).items() if value}
    return variables


def _service(
    name: str, service: Mapping[str, Any], file: str, environ: Mapping[str, str]
) -> Iterator[Proposal | Remark]:
    image = _text(service.get("image")).partition("@")[0].rpartition("/")[2].partition(":")[0]
    variables = service["variables"]
    origin = f"service {name} in {file}"
    component = re.sub(r"[^a-z0-9_-]", "-", name.lower())[:63]
    command = _words(service.get("command"))
    if known := next((one for word, one in IMAGES.items() if image.startswith(word)), None):
        kind, port = known
        fields, note = _fields(kind, name, port, variables, command)
        yield Proposal(component, kind, fields, origin, f"{name}:{port}", note)
        return
    if image.startswith("minio"):
        yield Remark(
            f"{origin}: s3 left out: name its bucket: {{kind: s3, url: s3://BUCKET, endpoint: http://{name}:9000}}"
        )
        return
    yield from _application(name, component, service, variables, origin, environ)


def _application(
    name: str,
    component: str,
    service: Mapping[str, Any],
    variables: Mapping[str, str],
    origin: str,
    environ: Mapping[str, str],
) -> Iterator[Proposal | Remark]:
    """A service of the project's own: what its health check asks for, and what its variables name."""
    health = service.get("healthcheck")
    test = _words(health.get("test")) if isinstance(health, dict) else ""
    if found := _CHECKED.search(test):
        url = f"http://{name}:{found[1]}{found[2] or '/'}"
        yield Proposal(component, "http", {"url": url}, f"health check of {origin}", url)
    meant = {key: _interpolated(text, environ) for key, text in variables.items() if _APP.fullmatch(key)}
    # What holds a password is left to the database's own service, whose password is a variable of its own.
    yield from environment.read(
        {key: text for key, text in meant.items() if not secret.holds(text)}, origin, literal=True
    )


def _fields(kind: str, host: str, port: int, variables: Mapping[str, str], command: str) -> tuple[dict[str, Any], str]:
    """The fields, and what the reader should know of them."""
    user_key, password_key, database_key = _ACCOUNT.get(kind, ("", "", ""))
    user = _reference(variables.get(user_key, ""), user_key) or {"postgres": "postgres", "mysql": "root"}.get(kind, "")
    if kind == "mysql" and user == "root":
        password_key = next((key for key in ("MYSQL_ROOT_PASSWORD", "MARIADB_ROOT_PASSWORD") if key in variables), "")
    database = _reference(variables.get(database_key, ""), database_key) or (user if kind == "postgres" else "")
    place = f"{user}@{host}:{port}" if user else f"{host}:{port}"
    fields: dict[str, Any]
    match kind:
        case "postgres":
            fields = {"dsn": f"postgresql://{place}/{database}"}
        case "mysql":
            fields = {"url": f"mysql://{place}/{database}"}
        case "mongodb":
            fields = {"url": f"mongodb://{host}:{port}/", **({"username": user} if user else {})}
        case "rabbitmq":
            fields = {"url": f"amqp://{place}/"}
        case "redis":
            fields = {"url": f"redis://{host}:{port}/0"}
        case "memcached" | "smtp":
            return {"address": f"{host}:{port}"}, ""
        case _:
            return {"url": f"http://{host}:{port}/" if kind == "http" else f"http://{host}:{port}"}, ""
    raw = variables.get(password_key, "")
    if kind == "redis" and (given := re.search(r"--requirepass\s+(\S+)", command)):
        raw, password_key = given[1].strip("'\""), "REDIS_PASSWORD"
    if not raw:
        return fields, ""
    found = _VARIABLE.fullmatch(raw)
    name = (found[1] or found[3]) if found else password_key
    note = "" if found else f"set {name}: the password stands in the Compose file, or its env_file"
    return {**fields, "password": f"${{{name}:-}}"}, note


def _reference(raw: str, key: str) -> str:
    """A value of the file as the configuration takes it: ${NAME} needs a default here, as `check` may not have it."""
    return _VARIABLE.sub(lambda m: f"${{{m[1] or m[3]}:-{m[2] or key.lower()}}}", raw)


def _interpolated(raw: str, environ: Mapping[str, str]) -> str:
    return _VARIABLE.sub(lambda m: environ.get(m[1] or m[3], "") or m[2] or "", raw)


def _environment(written: Any) -> dict[str, str]:
    if isinstance(written, dict):
        return {str(key): _text(value) for key, value in written.items() if _text(value)}
    pairs = (_text(one).partition("=") for one in written) if isinstance(written, list) else ()
    return {key: value for key, equals, value in pairs if equals}


def _words(written: Any) -> str:
    return " ".join(map(_text, written)) if isinstance(written, list) else _text(written)


def _text(written: Any) -> str:
    """A scalar as text: a list may, by aliases of aliases, have as many entries as somebody likes."""
    return str(written) if isinstance(written, str | int | float) else ""
