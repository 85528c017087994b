"""Regular expressions of a module: RE2's, which Go's are as well."""

import re
from collections.abc import Mapping
from functools import lru_cache
from typing import Any

from exporter.probes._pattern import BODY, utf8
from exporter.probes._threads import Lane

DEAR = 1_000_000
"""Steps of 6 ns at most from which a search is made in a thread of its own."""
_GROUP = re.compile(r"\$(?:\$|(\w+)|\{(\w+)\})", re.ASCII)


class Regex:
    """One that is compiled, once for all that have the same text."""

    __slots__ = ("_compiled", "text")

    def __init__(self, text: str) -> None:
        """Raises ValueError."""
        self.text = text
        self._compiled = _compiled(text)

    @staticmethod
    def check(key: str, text: str) -> None:
        """Raises ValueError, which begins with the key."""
        try:
            _compiled(text)
        except ValueError as error:
            raise ValueError(f"{key}: {error}") from None

    def found(self, text: str) -> bool:
        """Whether it is anywhere in a text."""
        return self._compiled.search(text.encode("utf-8", "replace")) is not None

    async def found_in_body(self, body: bytes, deadline: float) -> bool:
        """The same of bytes of any number and sort; in a thread where that may take long. Raises Down("hung")."""
        if int(self._compiled.programsize) * len(body) < DEAR:
            return self._compiled.search(utf8(body)) is not None
        lane = Lane(idle=0.0)
        return await lane.call(deadline, "matching a body", lambda: self._compiled.search(utf8(body)) is not None)

    def groups(self, line: str) -> Mapping[str, str] | None:
        """What its groups hold, by number ("0" is all of it) and by name; None when it is not in the line."""
        found = self._compiled.search(line)
        if found is None:
            return None
        numbered = {str(number): text or "" for number, text in enumerate((found.group(0), *found.groups("")))}
        return numbered | {name: text or "" for name, text in found.groupdict("").items()}


def expand(template: str, groups: Mapping[str, str]) -> str:
    """Go's Regexp.Expand: $1, ${1}, $name and ${name} are groups, empty when there is none; $$ is a dollar."""
    return _GROUP.sub(lambda found: "$" if found[0] == "$$" else groups.get(found[1] or found[2], ""), template)


@lru_cache(maxsize=1024)
def _compiled(text: str) -> Any:
    import re2  # noqa: PLC0415 - 5 MB and 20 ms, for those only that have a pattern

    options = re2.Options()
    options.max_mem = BODY
    options.log_errors = False  # to stderr, past the log
    try:
        return re2.compile(text, options)
    except re2.error as error:
        said = error.args[0] if error.args else ""
        raise ValueError(f"not a regular expression: {said.decode() if isinstance(said, bytes) else said}") from None
    except UnicodeEncodeError:
        raise ValueError("not a regular expression: it is no Unicode") from None
