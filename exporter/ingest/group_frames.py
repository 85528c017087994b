"""The frames of an exception that are the application's own, and what each is called wherever it runs."""

import re
from collections.abc import Sequence
from functools import lru_cache

from exporter.ingest.group_names import ANYONE, LONGEST, function_name
from exporter.ingest.group_place import place
from exporter.ingest.values import Frame

MOST = 200
"""Frames from the innermost on that are looked at."""

_FOREIGN_PATH = re.compile(
    r"(?:^|/)(?:site-packages|dist-packages|node_modules|bower_components|vendor|\.yarn|\.pnpm|gems|\.cargo|\.m2|pub-cache"
    r"|go/pkg/mod|usr/lib(?:64)?|usr/local/go|lib(?:64)?/python[0-9.]{1,6}|lib/ruby|webpack/(?:bootstrap|runtime)|rustc)/"
    r"|^(?:node:|internal/|<frozen |<string>|<__array_function__|\[native code|native:|dart:|package:flutter/|core-js)"
    r"|-extension://|^webpack/(?:bootstrap|runtime)"
)
_FOREIGN_MODULES = {
    # Python's library, as far as it calls back; what is built upon; other languages' by their first part.
    *(
        "asyncio",
        "concurrent",
        "threading",
        "multiprocessing",
        "subprocess",
        "selectors",
        "socket",
        "socketserver",
        "ssl",
    ),
    *("importlib", "runpy", "unittest", "logging", "json", "http", "urllib", "email", "xml", "wsgiref", "sqlite3"),
    *("contextlib", "functools", "pytest", "_pytest", "sentry_sdk", "opentelemetry"),
    *(
        "django",
        "rest_framework",
        "flask",
        "werkzeug",
        "jinja2",
        "starlette",
        "fastapi",
        "pydantic",
        "anyio",
        "tornado",
    ),
    *("uvicorn", "gunicorn", "hypercorn", "daphne", "celery", "kombu", "billiard", "vine", "rq", "dramatiq", "huey"),
    *("sqlalchemy", "psycopg", "psycopg2", "asyncpg", "redis", "pymongo", "boto3", "botocore"),
    *("requests", "urllib3", "httpx", "httpcore", "aiohttp"),
    *("java", "javax", "jakarta", "jdk", "sun", "kotlin", "kotlinx", "scala", "groovy", "clojure", "reactor"),
    *("android", "androidx", "dalvik", "dart", "runtime", "std", "core", "alloc", "System", "Microsoft"),
    *("Illuminate", "Symfony", "Doctrine", "GuzzleHttp", "Sentry", "Twig", "Laravel"),
}
_FOREIGN_PACKAGES = (
    "org.springframework",
    "org.apache",
    "org.hibernate",
    "org.junit",
    "io.netty",
    "com.sun",
    "io.sentry",
)


def own(frames: Sequence[Frame]) -> list[Frame]:
    """The application's, from the outermost in; all where none is, and where there are too many the innermost."""
    frames = frames[-MOST:]
    return [frame for frame in frames if is_own(frame)] or list(frames)


def is_own(frame: Frame) -> bool:
    """What the SDK says; where it says nothing, whether it lies in no library, runtime or framework."""
    if frame.in_app is not None:
        return frame.in_app
    return not _is_foreign(frame.module[:LONGEST], frame.filename[:LONGEST])


@lru_cache(maxsize=4096)
def _is_foreign(module: str, filename: str) -> bool:
    if _FOREIGN_PATH.search(filename.replace("\\", "/")):
        return True
    if module.startswith(_FOREIGN_PACKAGES):
        return True
    # A path outside of libraries is the application's, even when its module is called like one of a library.
    return "/" not in filename and re.split(r"[.\\/:]", module, maxsplit=1)[0] in _FOREIGN_MODULES


def identities(frames: Sequence[Frame]) -> tuple[tuple[str, str], ...]:
    """Place and function of each, once however often a recursion comes by; none of what has no name at all."""
    found = ((place(frame.module, frame.filename), function_name(frame.function)) for frame in frames)
    return tuple(dict.fromkeys(one for one in found if one != ("", ANYONE)))
