"""A log record as a line of JSON or a line for people: no control character gets through, no value is unbounded."""

import json
import logging
import math
import re
import time
import traceback
from collections.abc import Mapping
from typing import Any

LONGEST = 8192
"""Characters of a value; a traceback has twice as many. Longer ones lose their middle."""
_ITEMS, _DEPTH = 100, 4

_OF_LOGGING = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName"}
_FIRST = ("component", "reason", "request_id", "trace_id")
_OURS = ("time", "level", "logger", "message", "traceback", "stack")

# Controls (C0, DEL, C1), what separates lines (U+2028, U+2029), what is not seen or turns the direction of text around
# ("Trojan source"), tags, and lone surrogates, which no encoder takes.
_UNSAFE = re.compile(
    r"[\x00-\x1f\x7f-\x9f\u00ad\u061c\u180e\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb\ud800-\udfff"
    r"\U000e0000-\U000e007f]"
)
_NAMED = {"\n": "\\n", "\r": "\\r", "\t": "\\t"}
_PASSWORD = re.compile(r"(://[^\s/:@\"']{0,256}:)[^\s/@\"']{1,256}@")

_COLOURS = {"DEBUG": "2", "INFO": "32", "WARNING": "33", "ERROR": "31", "CRITICAL": "1;31"}


def fields(record: logging.LogRecord, more: Mapping[str, Any]) -> dict[str, Any]:
    """What the record says, in the order of a line; `more` goes in where the record itself does not have it."""
    milliseconds = int(record.created * 1000)
    at = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(milliseconds // 1000))
    found: dict[str, Any] = {
        "time": f"{at}.{milliseconds % 1000:03d}Z",
        "level": record.levelname.lower(),
        "logger": record.name,
        "message": text(message(record)),
    }
    given = {**more, **extras(record)}
    for key in (*(key for key in _FIRST if key in given), *(key for key in given if key not in _FIRST)):
        if given[key] not in (None, ""):
            found[f"{key}_" if key in _OURS else text(key)] = plain(given[key])
    if record.exc_info and record.exc_info[1] is not None:
        shown = record.exc_text or "".join(traceback.format_exception(record.exc_info[1]))
        found["traceback"] = text(shown.rstrip("\n") + "\n", 2 * LONGEST)
    if record.stack_info:
        found["stack"] = text(record.stack_info, 2 * LONGEST)
    return found


def as_json(found: Mapping[str, Any], *, ascii_only: bool = False) -> str:
    """One line of JSON, whose parser gives back every character."""
    return _UNSAFE.sub(_json_escape, json.dumps(found, ensure_ascii=ascii_only, separators=(",", ":")))


def as_console(found: Mapping[str, Any], *, colour: bool = False) -> str:
    """One line for people, and a line for each of a traceback's, set off so that none can be taken for a record."""
    level = str(found["level"]).upper()
    name = f"{level:<8}"
    rest = {key: value for key, value in found.items() if key not in ("time", "level", "logger", "message")}
    below = [line for key in ("traceback", "stack") for line in str(rest.pop(key, "")).splitlines()]
    if not str(found["logger"]).startswith("exporter"):
        rest["logger"] = found["logger"]
    words = "  ".join(f"{_dim(key + '=', colour)}{_word(value)}" for key, value in rest.items())
    if colour:
        name = f"\x1b[{_COLOURS.get(level, '0')}m{name}\x1b[0m"
    shown = shown_safely(str(found["message"]))
    head = f"{_dim(str(found['time'])[11:23], colour)} {name} {shown:<40}  {words}".rstrip()
    return "\n".join((head, *(f"    | {shown_safely(line)}" for line in below)))


def message(record: logging.LogRecord) -> str:
    """The record's message; arguments that don't fit it are no reason to lose it."""
    try:
        return record.getMessage()
    except Exception:  # noqa: BLE001 - whatever a % or a __str__ raises
        return f"{record.msg} (its arguments can't be shown)"


def extras(record: logging.LogRecord) -> dict[str, Any]:
    return {key: value for key, value in vars(record).items() if key not in _OF_LOGGING}


def plain(value: Any, depth: int = 0) -> Any:
    """As JSON has it. What JSON has not becomes text; a Secret's is [REDACTED]."""
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, int) and -(2**63) <= value < 2**63:
        return int(value)
    if isinstance(value, float) and math.isfinite(value):
        return float(value)
    if depth < _DEPTH and isinstance(value, Mapping):
        return {text(_shown(key)): plain(each, depth + 1) for key, each in list(value.items())[:_ITEMS]}
    if depth < _DEPTH and isinstance(value, (list, tuple, set, frozenset)):
        return [plain(each, depth + 1) for each in list(value)[:_ITEMS]]
    return text(_shown(value))


def text(value: str, longest: int = LONGEST) -> str:
    """Without passwords of URLs, and not too long: what drivers put into their messages is not ours to choose."""
    if len(value) > longest:
        half = longest // 2
        value = f"{value[:half]} … {len(value) - 2 * half} characters … {value[-half:]}"
    return _PASSWORD.sub(r"\1[REDACTED]@", value) if "://" in value else value


def shown_safely(value: str) -> str:
    """With escapes in place of all that a terminal would act on."""
    return _UNSAFE.sub(lambda found: _NAMED.get(found[0]) or _escape(ord(found[0])), value)


def _shown(value: Any) -> str:
    try:
        return str(value)
    except Exception:  # noqa: BLE001 - anyone's __str__; int refuses more than 4,300 digits
        return f"<{type(value).__name__}>"


def _word(value: Any) -> str:
    shown = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    quoted = isinstance(value, str) and (not shown or re.search(r'[\s"=]', shown))
    return shown_safely(json.dumps(shown, ensure_ascii=False) if quoted else shown)


def _dim(shown: str, colour: bool) -> str:
    return f"\x1b[2m{shown_safely(shown)}\x1b[0m" if colour else shown_safely(shown)


def _escape(code: int) -> str:
    return f"\\x{code:02x}" if code < 256 else f"\\u{code:04x}" if code < 65536 else f"\\U{code:08x}"


def _json_escape(found: re.Match[str]) -> str:
    code = ord(found[0])
    if code < 65536:
        return f"\\u{code:04x}"
    code -= 65536  # JSON has pairs of surrogates for what lies beyond (RFC 8259, section 7)
    return f"\\u{0xD800 + (code >> 10):04x}\\u{0xDC00 + (code & 0x3FF):04x}"
