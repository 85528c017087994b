"""What a line says, by the form it has: JSON, logfmt, an access log's, a regular expression's, or any text."""

import re
from collections.abc import Callable, Mapping
from typing import Any, Literal

import msgspec

Form = Literal["text", "json", "logfmt", "combined", "regex"]
Request = tuple[Any, Any, Any, Any, Any]
"""Status, method, duration, bytes and path, as the line has them; None for what it has not."""
Said = tuple[tuple[Any, Any], Request | None]
"""Level and logger; and the request, for a form that has one."""
Parse = Callable[[bytes], Said | None]
"""What a line says, None when it has not the form."""

ROLES = ("level", "logger", "status", "method", "duration", "bytes", "path")
_USUAL = {
    "level": ("level", "levelname", "severity", "lvl", "log.level"),
    "logger": ("logger", "name", "logger_name", "log.logger"),
}
_BAD = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)
_SILENT = (None, None)
_WORD = re.compile(
    rb"\b(TRACE|DEBUG|INFO|NOTICE|WARN(?:ING)?|ERR(?:OR)?|SEVERE|CRIT(?:ICAL)?|FATAL|ALERT|EMERG(?:ENCY)?|PANIC)\b"
    rb"|\[(trace|debug|info|notice|warn(?:ing)?|err(?:or)?|crit(?:ical)?|alert|emerg|fatal)\]"
)
_LOOKED_AT = 256
# A key begins behind a space and is not long: else what is no key would be tried from each of its bytes.
_PAIR = re.compile(rb'(?<!\S)([^\s="]{1,100})=("(?:[^"\\]|\\.)*"|[^\s"]*)')
_STATUS = re.compile(rb"[1-5]\d\d")
_NUMBER = re.compile(rb"\d+(?:\.\d+)?")


def parser(form: Form, fields: Mapping[str, str], pattern: str = "") -> Parse:
    """`fields` say what a role is called in the lines, where it is not called as usual. Raises ValueError."""
    if form == "json":
        return _json(fields)
    if form == "logfmt":
        return _logfmt(fields)
    if form == "combined":
        return _combined(fields.get("duration", ""))
    if form == "regex":
        return _regex(pattern)
    return _text


def _text(line: bytes) -> Said:
    """The first word for a level, in capitals or in brackets."""
    found = _WORD.search(line[:_LOOKED_AT])
    return ((found[1] or found[2]).decode() if found else None, None), None


def _paths(fields: Mapping[str, str]) -> dict[str, tuple[str, ...]]:
    return {role: (fields[role],) if role in fields else _USUAL.get(role, ()) for role in ROLES}


def _json(fields: Mapping[str, str]) -> Parse:
    """Of an object only what is wanted is made; a name with a dot is that key, or a key in an object."""
    paths = _paths(fields)
    wanted = list(dict.fromkeys(k for each in paths.values() for path in each for k in (path, path.partition(".")[0])))
    place = {name: f"f{n}" for n, name in enumerate(wanted)}
    row = msgspec.defstruct(
        "Row", [(place[name], Any, msgspec.field(default=None, name=name)) for name in wanted], gc=False
    )
    decode = msgspec.json.Decoder(row).decode
    level, logger, *others = ([(place[p], p) for p in paths[role]] for role in ROLES)
    request = others if any(others) else None

    def find(found: Any, ways: list[tuple[str, str]]) -> Any:
        for attribute, path in ways:
            value = getattr(found, attribute)
            if value is None and "." in path:
                first, *steps = path.split(".")
                value = getattr(found, place[first])
                for step in steps:
                    value = value.get(step) if isinstance(value, dict) else None
            if value is not None:
                return value
        return None

    def parse(line: bytes) -> Said | None:
        try:
            found = decode(line)
        except _BAD:
            try:
                found = decode(line.lstrip(b"\xef\xbb\xbf").decode(errors="replace"))
            except _BAD:
                return None
        names = find(found, level), find(found, logger)
        if request is None:
            return names, None
        status, method, duration, size, path = (find(found, ways) for ways in request)
        return names, (status, method, duration, size, path)

    return parse


def _logfmt(fields: Mapping[str, str]) -> Parse:
    """Pairs of key=value or key="value"; of a key that comes twice, the last."""
    level, logger, *others = ([path.encode() for path in paths] for paths in _paths(fields).values())
    request = others if any(others) else None

    def find(found: dict[bytes, bytes], names: list[bytes]) -> str | None:
        for name in names:
            if (value := found.get(name)) is not None:
                return value.strip(b'"').decode(errors="replace")
        return None

    def parse(line: bytes) -> Said | None:
        found = dict(_PAIR.findall(line))
        if not found:
            return None
        names = find(found, level), find(found, logger)
        if request is None:
            return names, None
        status, method, duration, size, path = (find(found, ways) for ways in request)
        return names, (status, method, duration, size, path)

    return parse


def _combined(duration: str) -> Parse:
    """Apache's and nginx' combined or common format, and fields behind it: the duration is the first number among them,
    or the one that is called so, as in rt=0.012.
    """
    prefix = f"{duration}=".encode() if duration else b""

    def parse(line: bytes) -> Said | None:
        if b"\\" in line:  # Apache writes a quote in a quoted field as \"
            line = line.replace(b"\\\\", b"").replace(b'\\"', b"")
        parts = line.split(b'"')
        if len(parts) < 3:
            return None
        status, *rest = parts[2].split() or (b"",)
        if not _STATUS.fullmatch(status):
            return None
        rest += [word for part in parts[6:] for word in part.split()] if len(parts) > 6 else []
        size, *more = rest or (b"",)
        took = next((word[len(prefix) :] for word in more if _timed(word, prefix)), None)
        method, _, rest_of_it = parts[1].partition(b" ")
        path = rest_of_it.partition(b" ")[0]
        return _SILENT, (status, method.decode(errors="replace"), took, size, path.decode(errors="replace"))

    return parse


def _timed(word: bytes, prefix: bytes) -> bool:
    return word.startswith(prefix) and _NUMBER.fullmatch(word, len(prefix)) is not None


def _regex(pattern: str) -> Parse:
    """Its named groups are the roles. It may match anywhere in a line."""
    from exporter.probes._pattern import LINE, Pattern  # noqa: PLC0415 - RE2 takes 5 MB, for those that need it

    compiled = Pattern(pattern, LINE, captures=True)
    names = compiled.names
    if unknown := [name for name in names if name not in ROLES]:
        raise ValueError(f"the group {unknown[0][:40]} is none of {', '.join(ROLES)}")
    places = [names.get(role, 0) - 1 for role in ROLES]
    requests = any(at >= 0 for at in places[2:])

    def parse(line: bytes) -> Said | None:
        groups = compiled.groups(line.decode(errors="replace"))
        if groups is None:
            return None
        found: list[str | None] = [groups[at] or None if at >= 0 else None for at in places]
        level, logger, status, method, duration, size, path = found
        return (level, logger), ((status, method, duration, size, path) if requests else None)

    return parse
