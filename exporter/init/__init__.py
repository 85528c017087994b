"""stack-exporter init: a commented exporter.yaml for the project in a folder, from what its own files say."""

import os
import shutil
import sys
from collections.abc import Mapping
from pathlib import Path

from dotenv import dotenv_values

from exporter.init import compose, django, environment, page, parts, sentry
from exporter.init.proposal import DATABASES, Proposal, Remark, chosen
from exporter.leave import refuse

NAME = "exporter.yaml"


def init(folder: Path, output: str, environ: Mapping[str, str], *, force: bool) -> int:
    """Write it; the exit status. What is there already is left alone without `force`."""
    if not folder.is_dir():
        return refuse(f"{folder}: is not a folder")
    file = Path(output) if output else folder / NAME
    if output != "-" and file.exists() and not force:
        return refuse(f"{file}: is there already; --force writes over it, --output=- shows the new one")
    found, remarks, sources = look(folder.absolute(), environ)
    text = page.text(folder.absolute().name, found, remarks, sources, sentry.named(folder.absolute(), environ))
    if output == "-":
        sys.stdout.write(text)
        return 0
    try:
        file.write_text(text)
    except OSError as error:
        return refuse(f"{file}: can't be written: {error.strerror}")
    dotenv = folder / ".env"
    _say(file, found, remarks, dotenv if dotenv.is_file() else None)
    return 0


def look(folder: Path, environ: Mapping[str, str]) -> tuple[list[Proposal], list[Remark], list[str]]:
    """What the environment, .env, the compose file and Django's settings name: the first to name something wins."""
    dotenv = folder / ".env"
    found: list[Proposal | Remark] = []
    more: dict[str, str] = {}
    if dotenv.is_file():
        try:
            more = {key: value for key, value in dotenv_values(dotenv).items() if value}
        except (OSError, ValueError):
            found.append(Remark(".env: can't be read, or is not UTF-8"))
    known = {**more, **environ}
    composed = [paths] if (paths := compose.files(folder)) else []
    sources = []
    for source, entries in (
        ("the environment", environment.read(environ, "the environment")),
        (".env", environment.read(more, ".env")),
        *((" and ".join(path.name for path in paths), compose.read(paths, known)) for paths in composed),
        *((str(path.relative_to(folder)), django.read(path, folder)) for path in django.files(folder)),
    ):
        listed = list(entries)
        found += listed
        sources += [source] if listed else []
    # Other files name the same servers by these variables, and then say more of them.
    kinds = {kind for one in found if isinstance(one, Proposal) for kind in _alike(one.kind)}
    if more_found := [one for one in parts.read(more, ".env") if one.kind not in kinds]:
        found += more_found
        sources += [".env"] if ".env" not in sources else []
    kept, remarks = chosen(found, known)
    return kept, remarks, sources


def _alike(kind: str) -> tuple[str, ...]:
    return DATABASES if kind in DATABASES else (kind,)


def _say(file: Path, found: list[Proposal], remarks: list[Remark], dotenv: Path | None) -> None:
    from rich.console import Console  # noqa: PLC0415 - 30 ms, for people alone
    from rich.text import Text  # noqa: PLC0415

    out = Console(highlight=False, soft_wrap=True)
    out.print(
        Text.assemble(
            "wrote ",
            (os.fspath(file), "bold"),
            f": {len(found)} component{'' if len(found) == 1 else 's'} and the host",
        )
    )
    name, kind = (max((len(getattr(one, field)) for one in found), default=0) for field in ("name", "kind"))
    for one in found:
        out.print(
            Text.assemble(("  " + one.name.ljust(name), "cyan"), f"  {one.kind.ljust(kind)}  ", (one.origin, "dim"))
        )
    for one in found:
        if "set " in one.note:
            out.print(Text(f"  {one.name}: {one.note}", "yellow"))
    for remark in remarks:
        out.print(Text(f"  {remark.text}", "yellow"))
    variables = f" --env.file={dotenv}" if dotenv is not None else ""
    # As it was called: after `make run` it is in .venv/bin, and not on the PATH.
    command = (
        sys.argv[0]
        if sys.argv[0].endswith("/stack-exporter") and not shutil.which("stack-exporter")
        else "stack-exporter"
    )
    out.print(f"\ncheck it:  {command} check --config.file={file}{variables}")
    out.print(f"try it:    {command} once --config.file={file}{variables}")
    out.print(f"run it:    {command} --config.file={file}{variables}")
