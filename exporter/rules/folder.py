"""Puts what is packaged into a folder: all of it or nothing, and never over what differs unless told to."""

from collections.abc import Mapping
from pathlib import Path


class Unfit(ValueError):  # noqa: N818 - says the fact
    """What can't be done as it was asked for; the message names the flag or the file."""


def put(folder: Path, made: Mapping[str, str], *, force: bool) -> frozenset[str]:
    """Write these texts by their names; gives those that were there as they are. Raises Unfit."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        there = {name: path.read_bytes() for name in made if (path := folder / name).exists()}
        differing = [name for name, data in there.items() if data != made[name].encode()]
        if differing and not force:
            raise Unfit(f"{folder}: {_there(differing)}. Nothing was written")
        for name, text in made.items():
            if there.get(name) != text.encode():
                (folder / name).write_bytes(text.encode())
    except FileExistsError:
        raise Unfit(f"{folder}: is a file; a folder is expected") from None
    except OSError as error:
        raise Unfit(f"{error.filename or folder}: can't be written: {error.strerror}") from None
    return frozenset(there) - frozenset(differing)


def _there(names: list[str]) -> str:
    if len(names) == 1:
        return f"{names[0]} is there already and differs; --force writes over it"
    some = ", ".join(names[:3]) + (f" and {len(names) - 3} more" if len(names) > 3 else "")
    return f"{some} are there already and differ; --force writes over them"
