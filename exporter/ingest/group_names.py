"""Names of types and functions as they are in every run and build: without ids and what is generated."""

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


def simple_name(type_: str) -> str:
    """A class's own name, without its package: PaymentError of shop.errors.PaymentError."""
    return _simple(type_[:LONGEST])


def function_name(name: str) -> str:
    """A function as it is called in every run."""
    return _function(name[:LONGEST])


def steady(name: str) -> str:
    """With a star for each id, address and number."""
    return _DIGITS.sub("*", _ID.sub("*", name))


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
    return steady(name) or ANYONE
