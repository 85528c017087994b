"""Whether the project has an SDK of Sentry already: where its DSN is named, never what it is."""

from collections.abc import Iterator, Mapping
from contextlib import suppress
from itertools import islice
from pathlib import Path

from exporter.init import compose, django

VARIABLE = "SENTRY_DSN"
_LARGEST = 1024 * 1024
_MOST = 50


def named(folder: Path, environ: Mapping[str, str]) -> str:
    """The environment, or the first file that names it; '' when nothing does."""
    if environ.get(VARIABLE):
        return "the environment"
    for path in islice(_files(folder), _MOST):
        with suppress(OSError, ValueError), path.open(encoding="utf-8") as file:
            lines = file.read(_LARGEST).splitlines()
            if any(
                VARIABLE in line.partition("#")[0] or "sentry_sdk.init(" in line.partition("#")[0] for line in lines
            ):
                return str(path.relative_to(folder))
    return ""


def _files(folder: Path) -> Iterator[Path]:
    if (dotenv := folder / ".env").is_file():
        yield dotenv
    yield from compose.files(folder)
    yield from django.files(folder)
