"""Django's settings as components: databases, caches, broker, mail, media, logs, migrations. Read, never imported."""

import ast
import os
from collections.abc import Iterator, Mapping
from itertools import islice
from pathlib import Path
from typing import Any

from exporter.config.discover import found
from exporter.init.proposal import UNKNOWN, Proposal, Remark
from exporter.init.settings import Settings

_SKIPPED = {"node_modules", "site-packages", ".venv", "venv", "env", ".git", ".tox"}
_ENGINES = {
    "postgresql": "postgres",
    "postgis": "postgres",
    "mysql": "mysql",
    "sqlite3": "sqlite",
    "spatialite": "sqlite",
}
_MOST = 5000
"""Files looked through for settings."""


def files(folder: Path) -> list[Path]:
    """Modules of settings: settings.py, or those in a package of that name; only beside a manage.py."""
    if not (folder / "manage.py").is_file():
        return []
    modules = islice(_modules(folder), _MOST)
    seen = [one for one in modules if one.name == "settings.py" or "settings" in one.relative_to(folder).parts[:-1]]
    # Production's say what is probed in production; they go first.
    return sorted(seen, key=lambda path: (not path.stem.startswith("prod"), path.stem != "base", str(path)))


def _modules(folder: Path) -> Iterator[Path]:
    """The project's own; a virtual environment alone has more of them than any project."""
    for at, folders, names in os.walk(folder):
        folders[:] = sorted(set(folders) - _SKIPPED)
        yield from (Path(at, name) for name in names if name.endswith(".py"))


def read(path: Path, folder: Path) -> Iterator[Proposal | Remark]:
    """What a module of settings names."""
    origin = str(path.relative_to(folder))
    try:
        settings = Settings(ast.parse(path.read_text()), folder)
    except (OSError, ValueError, SyntaxError, RecursionError):
        yield Remark(f"{origin}: can't be read as Python")
        return
    yield from _databases(settings, folder, origin)
    yield from _caches(settings, origin)
    yield from _broker(settings, origin)
    if host := settings.text("EMAIL_HOST"):
        port = settings.text("EMAIL_PORT") or "25"
        implicit, explicit = settings.true("EMAIL_USE_SSL"), settings.true("EMAIL_USE_TLS")
        encryption = "tls" if implicit else "starttls" if explicit else "optional"
        fields = {"address": f"{host}:{port}", "encryption": encryption}
        yield Proposal("mail", "smtp", fields, f"EMAIL_HOST in {origin}", f"{host}:{port}")
    if media := settings.text("MEDIA_ROOT"):
        fields = {"path": media}
        yield Proposal("media", "disk", fields, f"MEDIA_ROOT in {origin}", media, "a quota warns before it is full")
    if bucket := settings.text("AWS_STORAGE_BUCKET_NAME"):
        endpoint = settings.text("AWS_S3_ENDPOINT_URL")
        fields = {"url": f"s3://{bucket}", **({"endpoint": endpoint} if endpoint else {})}
        yield Proposal("storage", "s3", fields, f"AWS_STORAGE_BUCKET_NAME in {origin}", bucket)
    if logs := _logs(settings):
        yield Proposal("logs", "logs", {"files": logs}, f"LOGGING in {origin}", "logs")


def _databases(settings: Settings, folder: Path, origin: str) -> Iterator[Proposal | Remark]:
    databases = settings.mapping("DATABASES")
    for alias, node in databases.items():
        name = "database" if alias == "default" else f"database_{alias}"
        told = f"DATABASES[{alias!r}] in {origin}"
        if url := settings.url(node):
            kind = _kind_of(url, "postgres")
            fields: dict[str, Any] = {"dsn" if kind == "postgres" else "url": url}
            dsn = url
            if kind == "sqlite":
                yield Remark(f"{told}: sqlite left out: name its file: {{kind: sqlite, path: /…}}")
                continue
        else:
            entries = settings.entries(node)
            engine = _default_of(settings.value(entries.get("ENGINE")) or "").rpartition(".")[2]
            kind = _ENGINES.get(engine, "")
            if not kind:
                yield Remark(f"{told}: there is no kind for the engine {engine or 'that it has'}")
                continue
            dsn, fields = _database(kind, settings, entries, f"{name.upper()}_PASSWORD")
        literal = fields.get("password") == f"${{{name.upper()}_PASSWORD:-}}"
        note = f"set {name.upper()}_PASSWORD: the password stands in the file" if literal else ""
        yield Proposal(name, kind, fields, told, dsn, note)
        if alias == "default":
            login = {"password": fields["password"]} if "password" in fields else {}
            more = {"tool": "django", "path": str(folder), "dsn": dsn, **login}
            yield Proposal(
                "migrations", "migrations", more, f"manage.py and {told}", str(folder), "its path is the code's"
            )


def _database(
    kind: str, settings: Settings, entries: Mapping[str, ast.expr], variable: str
) -> tuple[str, dict[str, Any]]:
    """The DSN without a password, and the fields."""
    said = {key: settings.value(entries.get(key), default) or default for key, default in _DEFAULTS[kind].items()}
    if kind == "sqlite":
        return f"sqlite:///{said['NAME']}", {"path": said["NAME"]}
    host = f"{said['HOST']}:{said['PORT']}"
    key, scheme = ("dsn", "postgresql") if kind == "postgres" else ("url", "mysql")
    dsn = f"{scheme}://{said['USER']}@{host}/{said['NAME']}"
    fields = {key: dsn}
    if "PASSWORD" in entries:
        fields["password"] = settings.variable(entries["PASSWORD"]) or f"${{{variable}:-}}"
    return dsn, fields


_DEFAULTS = {
    "postgres": {"NAME": UNKNOWN, "USER": UNKNOWN, "HOST": "localhost", "PORT": "5432"},
    "mysql": {"NAME": UNKNOWN, "USER": UNKNOWN, "HOST": "localhost", "PORT": "3306"},
    "sqlite": {"NAME": "db.sqlite3"},
}


def _caches(settings: Settings, origin: str) -> Iterator[Proposal]:
    for alias, node in settings.mapping("CACHES").items():
        entries = settings.entries(node)
        backend = (settings.value(entries.get("BACKEND")) or "").lower()
        location = settings.value(entries.get("LOCATION")) or ""
        name, told = "cache" if alias == "default" else f"cache_{alias}", f"CACHES[{alias!r}] in {origin}"
        if "redis" in backend and location:
            yield Proposal(name, "redis", {"url": location}, told, location)
        elif "memcached" in backend and location:
            yield Proposal(name, "memcached", {"address": location.removeprefix("unix:")}, told, location)


def _broker(settings: Settings, origin: str) -> Iterator[Proposal]:
    for setting in ("CELERY_BROKER_URL", "BROKER_URL"):
        if url := settings.text(setting):
            kind = _kind_of(url, "")
            if kind in ("redis", "rabbitmq"):
                yield Proposal("broker", kind, {"url": url}, f"{setting} in {origin}", url)
            yield Proposal("celery", "celery", {"url": url}, f"{setting} in {origin}", url, "run workers with -E")
            return


def _logs(settings: Settings) -> dict[str, Any]:
    """Files of LOGGING's handlers, with the policy that a rotating handler keeps to."""
    logging = settings.entries(settings.node("LOGGING"))
    formatters = settings.entries(logging.get("formatters"))
    files: dict[str, Any] = {}
    for name, node in settings.entries(logging.get("handlers")).items():
        handler = settings.entries(node)
        if not (path := settings.value(handler.get("filename"))):
            continue
        said: dict[str, Any] = {"path": path, "required": False}
        formatter = settings.entries(formatters.get(settings.value(handler.get("formatter")) or ""))
        if any("json" in (settings.value(formatter.get(key)) or "").lower() for key in ("()", "class")):
            said["format"] = "json"
        size, count = settings.number(handler.get("maxBytes")), settings.number(handler.get("backupCount"))
        policy = {**({"size": _size(size)} if size else {}), **({"files": count} if count else {})}
        files[name.replace("_", "-")] = {**said, **({"policy": policy} if policy else {})}
    return files


def _size(size: int) -> str:
    return f"{size // 2**20}MiB" if size % 2**20 == 0 else f"{size // 10**6}MB" if size % 10**6 == 0 else f"{size}B"


def _kind_of(url: str, default: str) -> str:
    """By the scheme of the URL, or of the default that it has."""
    text = _default_of(url)
    return (
        next((one.kind for one in found({"DATABASE_URL": text}) if one.kind != "celery"), default) if text else default
    )


def _default_of(text: str) -> str:
    """The default of a variable; what is none stands for itself."""
    return text.partition(":-")[2].rstrip("}") if text.startswith("${") else text
