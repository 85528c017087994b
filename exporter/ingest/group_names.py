"""Names of types, functions and places as they are in every run and build: without ids and what is generated."""

import re
from functools import lru_cache

LONGEST = 300
"""Characters of a name that are looked at."""
ANYONE = "?"
"""A function without a name."""

# Every quantifier is bounded, and so is the text: nothing here takes more than linear time.
_ID = re.compile(
    r"[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{12}"
    r"|0[xX][0-9a-fA-F]{1,64}"
    r"|(?<![0-9A-Za-z])(?=[a-fA-F]{0,32}[0-9])[0-9a-fA-F]{8,64}(?![0-9A-Za-z])"
)
_DIGITS = re.compile(r"[0-9]{1,300}")
_NUMBER_OF_TYPE = re.compile(r"[0-9]{4,300}|(?<![0-9A-Za-z])[0-9]{1,3}(?![0-9A-Za-z])")
# What compilers and runtimes add: GCC's clones, LLVM's, Rust's hash, arguments of a template or generic.
_SUFFIX = re.compile(
    r"(?:\.(?:cold|constprop|isra|part|llvm|lto_priv|localalias|clone)(?:\.[0-9]{1,24}){0,3}|\s?\[clone [^\]]{1,60}\]"
    r"|::h[0-9a-f]{16}|`[0-9]{1,3}(?:\[.{0,300})?)$"
)
_NAMELESS = re.compile(r"<anonymous>|\(anonymous\)|<lambda>|<unknown>|<redacted>|\{closure[^}]{0,300}\}|\banonymous\b")
_PREFIX = re.compile(r"^(?:async |new |static |get |set )")
_ALIAS = re.compile(r"\s?\[as [^\]]{1,300}\]")
_QUALIFIED = re.compile(r"\*?(?:[\w$]{1,100}(?:::|[.\\/$:])){0,20}[\w$`<>?*-]{1,200}")
_CAMEL = re.compile(r"[A-Z]?[a-z]{3,30}(?:[A-Z][a-z]{2,30}){0,6}")
_HASH = re.compile(r"[0-9A-Za-z_]{6,64}")
_SCHEME = re.compile(r"^[a-z][a-z+.-]{1,30}:(?://[^/]{0,200})?", re.IGNORECASE)
_ENDING = re.compile(r"(?:\.(?:min|chunk|bundle|esm|cjs|prod|module|es|umd))?\.[A-Za-z][A-Za-z0-9]{0,5}$")
_ROOTS = {
    *("srv", "opt", "usr", "var", "mnt", "vol", "data", "root", "local", "share", "lib", "bin", "private"),
    *("app", "apps", "code", "work", "workspace", "repo", "project", "projects", "current", "deploy", "server", "src"),
    *(
        "www",
        "wwwroot",
        "html",
        "htdocs",
        "public",
        "static",
        "assets",
        "build",
        "dist",
        "out",
        "_next",
        "chunks",
        "js",
    ),
}
_ROOTS_WITH_A_NAME = frozenset({"home", "users", "releases", "tmp"})
"""Folders into which an application is put: they differ from machine to machine, and no SDK's module names have them.
Below these its own folder, a user's or a release's follows."""


def simple_name(type_: str) -> str:
    """A class's own name, without its package: PaymentError of shop.errors.PaymentError."""
    return _simple(type_[:LONGEST])


def function_name(name: str) -> str:
    """A function as it is called in every run."""
    return _function(name[:LONGEST])


def place(module: str, filename: str) -> str:
    """Where a frame is: the last two parts of its file's path, else of its module, without the folders around them.

    A Sentry SDK knows the module (shop.orders.views, shop/orders/views.py), a traceback's text the path on its machine
    (/srv/shop/orders/views.py): both are orders.views.
    """
    return _place(module[:LONGEST], filename[-LONGEST:])


@lru_cache(maxsize=4096)
def _simple(type_: str) -> str:
    name = _SUFFIX.sub("", type_.strip())
    name = name.partition("$$")[0].partition("<")[0] or name
    if _QUALIFIED.fullmatch(name):
        for mark in ("::", ".", "\\", "/", "$"):
            name = name.rpartition(mark)[2] or name
    else:
        # A text in the place of a name: what stands before its colon, or all of it.
        name = name.partition("\n")[0].partition(": ")[0]
    return _NUMBER_OF_TYPE.sub("*", _ID.sub("*", name)).lstrip("*") or name


def qualified_name(type_: str, module: str) -> str:
    """A class's name with its package."""
    plain = "." not in type_ and "\\" not in type_ and "::" not in type_
    return f"{module}.{type_}" if module and plain and module != "builtins" else type_


@lru_cache(maxsize=4096)
def _function(name: str) -> str:
    name = _PREFIX.sub("", _ALIAS.sub("", name.strip()))
    if name.endswith(")") and not name.startswith("("):
        name = name.partition("(")[0] or name
    for _ in range(3):
        shorter = _SUFFIX.sub("", name)
        if shorter == name:
            break
        name = shorter
    name = name.partition("$$")[0].rstrip("_$") or name
    name = _NAMELESS.sub(ANYONE, name).replace("->", "::")
    return _DIGITS.sub("*", _ID.sub("*", name)) or ANYONE


@lru_cache(maxsize=4096)
def _place(module: str, filename: str) -> str:
    filename = filename.replace("\\", "/")
    if "/" in filename:
        parts = _path(filename)
    elif module and module != "__main__":
        # .NET's ends with its assembly's version.
        parts = re.split(r"[./\\:]", module.partition(",")[0].partition("$$")[0])
    else:
        parts = _path(filename)
    parts = _own([part for part in parts if part not in ("", ".", "..", "~") and not part.startswith("(")])
    if len(parts) > 1 and parts[-1] == "__init__":
        parts = parts[:-1]
    return ".".join(_DIGITS.sub("*", _ID.sub("*", part)) for part in parts[-2:])


def _path(filename: str) -> list[str]:
    path = _SCHEME.sub("", filename).partition("?")[0].partition("#")[0]
    *folders, name = path.split("/")
    return [*folders, _unhashed(_ENDING.sub("", name))]


def _own(parts: list[str]) -> list[str]:
    """Without the folders into which the application is put."""
    at, last = 0, len(parts) - 1
    while at < last:
        part = parts[at].lower()
        if part in _ROOTS_WITH_A_NAME and at + 1 < last:
            at += 2
        elif part in _ROOTS or part.endswith(":"):
            at += 1
        else:
            break
    return parts[at:]


def _unhashed(name: str) -> str:
    """A bundle's name without the hash of its content: main of main.3f9a1c02.js and index-BhXakdPa.js."""
    for mark in (".", "-"):
        head, _, tail = name.rpartition(mark)
        if head and _HASH.fullmatch(tail) and _is_hash(tail):
            return _unhashed(head)
    return name


def _is_hash(text: str) -> bool:
    if any(char.isdigit() for char in text):
        return True
    return len(text) == 8 and not text.islower() and _CAMEL.fullmatch(text) is None  # Vite's and Rollup's
