"""Passwords in the URLs of a project's files: where there are any, and the same URL without them."""

import re

_PLACEHOLDER = re.compile(r"\$\{[^}]*\}")
_MARK = re.compile("\0([0-9]+)\0")
# Up to the last @: whoever writes a password by hand does not always percent-encode it.
_PASSWORD = re.compile(r"(://[^:]*):(.*)@", re.DOTALL)
_BARE = re.compile(r"\A([^:]*):(.*)@", re.DOTALL)
_NAMED = re.compile(
    r"(?i)(?:\A|[?&;#\s])[^=&;?#/\s]*"
    r"(?:pass|pwd|secret|token|key|credential|signature|auth(?!source|mechanism=))[^=&;?#/\s]*\s*=(?!\0[0-9]+\0(?:[&;#\s]|\Z)).",
    re.DOTALL,
)


def named(text: str) -> bool:
    """Whether a query, or a DSN's words, say a password or the like."""
    return _NAMED.search(text) is not None


def holds(text: str) -> bool:
    """Whether a URL may hold credentials; one with a user alone counts too."""
    return "@" in text or named(text)


def without(text: str, variable: str) -> tuple[str, bool] | None:
    """`text` with ${variable:-} for its password, and whether that was done; None where it can't be taken out.

    A placeholder stays, without the default where that is a password or holds one.
    """
    held = _PLACEHOLDER.findall(text)
    numbers = iter(range(len(held)))
    marked = _PLACEHOLDER.sub(lambda _: f"\0{next(numbers)}\0", text)
    if named(marked):
        return None
    found = (_PASSWORD if "://" in marked else _BARE).search(marked)
    if found and (alone := _MARK.fullmatch(found[2])):
        held[int(alone[1])] = held[int(alone[1])].partition(":-")[0].rstrip("}") + ":-}"
    elif found:
        marked = f"{marked[: found.start(2)]}${{{variable}:-}}{marked[found.end(2) :]}"
    held = [_default(one) for one in held]
    return _MARK.sub(lambda mark: held[int(mark[1])], marked), bool(found and not alone)


def _default(placeholder: str) -> str:
    name, said, default = placeholder[2:-1].partition(":-")
    if named(default):
        return f"${{{name}}}"
    bare = (_PASSWORD if "://" in default else _BARE).sub(r"\1@", default)
    return f"${{{name}{said}{bare}}}"
