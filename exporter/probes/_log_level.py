"""The level that a line gives itself, in whatever words or numbers, as one of six."""

import math
from typing import Any

LEVELS = ("debug", "info", "warning", "error", "critical", "other")
_WORDS = {
    "debug": "trace finest finer fine verbose debug5 debug4 debug3 debug2 debug1 d t",
    "info": "information informational notice success log config i n",
    "warning": "warn w",
    "error": "err severe failure e",
    "critical": "crit fatal alert emerg emergency panic dpanic c f",
}
_LEVEL = {word: level for level, words in _WORDS.items() for word in (level, *words.split())}
_LEVEL |= {word.upper(): level for word, level in _LEVEL.items()} | {
    word.capitalize(): level for word, level in _LEVEL.items()
}


def level(said: Any) -> str:
    """One of LEVELS, '' for a line that says nothing."""
    if said is None or said == "":
        return ""
    if isinstance(said, str):
        if found := _LEVEL.get(said):
            return found
        word = said.strip().lower()
        return _LEVEL.get(word) or (_number(float(word)) if word.isascii() and word.isdigit() else "other")
    return _number(float(said)) if isinstance(said, int | float) and not isinstance(said, bool) else "other"


def _number(number: float) -> str:
    """As syslog counts (RFC 5424, section 6.2.1) below 10, from there on as bunyan and pino do."""
    if math.isnan(number):
        return "other"
    if number < 8:
        return ("critical", "critical", "critical", "error", "warning", "info", "info", "debug")[max(0, int(number))]
    if number < 10:
        return "other"
    names = ("debug", "debug", "info", "warning", "error", "critical")  # 10, 20, 30, 40, 50, 60
    return names[int(min(number, 60)) // 10 - 1]
