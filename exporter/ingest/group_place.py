"""Where a frame is, as it is called on every machine and in every build."""

import re
from functools import lru_cache
from itertools import pairwise

from exporter.ingest.group_names import LONGEST, steady

_CAMEL = re.compile(r"[A-Z]?[a-z]{3,30}(?:[A-Z][a-z]{2,30}){0,6}")
_HASH = re.compile(r"[0-9A-Za-z_]{6,64}")
_HEX = re.compile(r"[0-9a-fA-F]{6,64}")
_SCHEME = re.compile(r"^[a-z][a-z+.-]{1,30}:(?://[^/]{0,200})?", re.IGNORECASE)
_ENDING = re.compile(r"(?:\.(?:min|chunk|bundle|esm|cjs|prod|module|es|umd))?\.[A-Za-z][A-Za-z0-9]{0,5}$")

# Folders above an application's own: they differ from machine to machine, and no SDK's module names have them.
_ABOVE = {
    *("srv", "opt", "usr", "var", "mnt", "vol", "data", "root", "local", "share", "lib", "private", "inetpub"),
    *("www", "wwwroot", "html", "htdocs", "current"),
}
_ABOVE_ANOTHER = {"home", "users", "releases", "tmp"}
"""A user's, a release's follows, and is none of the application's either."""
_ITSELF = {"app", "apps", "code", "work", "workspace", "repo", "project"}
"""Usual names of the application's own folder, as in an image: what is below is as its modules are called."""
_SERVED = {"static", "assets", "public", "build", "dist", "out", "_next", "chunks", "js", "src", "app"}
"""What stands before a script's own name in its URL."""


def place(module: str, filename: str) -> str:
    """The last two parts of its file's path, else of its module, without the folders around them.

    A Sentry SDK knows the module (shop.orders.views, shop/orders/views.py), a traceback's text the path on its machine
    (/srv/shop/orders/views.py): both are orders.views.
    """
    return _place(module[:LONGEST], filename[-LONGEST:])


@lru_cache(maxsize=4096)
def _place(module: str, filename: str) -> str:
    filename = filename.replace("\\", "/")
    if "/" not in filename and module and module != "__main__":
        # .NET's ends with its assembly's version.
        parts = _named(re.split(r"[./\\:]", module.partition(",")[0].partition("$$")[0]))
    else:
        parts = _path(filename)
    if len(parts) > 1 and parts[-1] == "__init__":
        parts = parts[:-1]
    return ".".join(map(steady, parts[-2:]))


def _path(filename: str) -> list[str]:
    drive = filename[1:2] == ":"
    bare = _SCHEME.sub("", filename.partition("?")[0].partition("#")[0])
    *folders, name = bare.split("/")
    parts = _named([*folders, _unhashed(_ENDING.sub("", name))])
    if drive:
        return _below(parts[1:])
    if len(bare) < len(filename.partition("?")[0].partition("#")[0]):
        return _served(parts)
    return _below(parts) if filename.startswith("/") else parts


def _named(parts: list[str]) -> list[str]:
    """Without what is none, as in webpack:///(app)/./src/a.js."""
    return [part for part in parts if part not in ("", ".", "..", "~") and not part.startswith("(")]


def _below(parts: list[str]) -> list[str]:
    """What the application calls it, of a path on a machine."""
    folders = parts[:-1]
    if "src" in folders:
        return parts[len(folders) - folders[::-1].index("src") :]
    at, last = 0, len(folders)
    while at < last:
        part = parts[at].lower()
        if part in _ABOVE_ANOTHER and at + 1 < last:
            at += 2
        elif part in _ABOVE:
            at += 1
        else:
            return parts[at + (part in _ITSELF) :]
    return parts[at:]


def _served(parts: list[str]) -> list[str]:
    at = 0
    while at < len(parts) - 1 and parts[at].lower() in _SERVED:
        at += 1
    return parts[at:]


def _unhashed(name: str) -> str:
    """A bundle's name without the hash of its content: main of main.3f9a1c02.js and index-BhXakdPa.js."""
    for mark in (".", "-"):
        head, _, tail = name.rpartition(mark)
        if head and _HASH.fullmatch(tail) and _is_hash(tail):
            return _unhashed(head)
    return name


def _is_hash(text: str) -> bool:
    """Webpack's are hexadecimal, of 20 digits; Vite's and Rollup's of 8 letters and digits; module1 is none."""
    if any(char.isdigit() for char in text):
        turns = sum(one.isdigit() != other.isdigit() for one, other in pairwise(text))
        return turns > 2 or _HEX.fullmatch(text) is not None or (len(text) == 8 and not text.islower())
    return len(text) == 8 and not text.islower() and _CAMEL.fullmatch(text) is None
