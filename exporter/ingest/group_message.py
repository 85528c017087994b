"""A message as it is whatever it speaks of: without its numbers, ids, addresses, quoted values and paths."""

import re

LONGEST = 1_000
"""Characters of a message that are read."""
TOLD_BY = 300
"""Characters, after that, that tell it from others: what is cut off first differs by the length of what varies."""

# One pass, the longest things first; what varies becomes a star. Every quantifier is bounded, so the time is in
# proportion to the text: 0.5 ms for the worst of 1,000 characters.
_VARIES = re.compile(
    r"(?<![\w+.-])[A-Za-z][A-Za-z0-9+.-]{1,20}://[^\s'\"<>]{1,500}"
    r"|(?<![\w.+-])[\w.+-]{1,64}@[\w-]{1,63}(?:\.[\w-]{1,63}){1,8}"
    r"|\b[0-9a-fA-F]{8}-(?:[0-9a-fA-F]{4}-){3}[0-9a-fA-F]{12}\b"
    r"|\b[0-9]{4}-[0-9]{2}-[0-9]{2}(?:[T ][0-9]{2}:[0-9]{2}(?::[0-9]{2})?(?:[.,][0-9]{1,9})?(?:Z|[+-][0-9:]{2,5})?)?"
    r"|\b0[xX][0-9a-fA-F]{1,64}\b"
    r"|(?<![0-9A-Za-z:])(?:[0-9a-fA-F]{1,4}:){2,7}:?[0-9a-fA-F]{0,4}(?::[0-9a-fA-F]{1,4}){0,6}(?![0-9A-Za-z:])"
    r"|(?<![0-9A-Za-z])'[^'\n]{0,200}'(?![0-9A-Za-z])|\"[^\"\n]{0,200}\"|`[^`\n]{0,200}`"
    r"|(?<![\w.<])(?:[A-Za-z]:)?(?:[/\\][\w.@%+~=-]{1,80}){2,20}[/\\]?"
    r"|(?<![\w-])(?=[A-Za-z_-]{0,64}[0-9])[A-Za-z0-9_-]{8,200}\b"
    r"|[+-]?[0-9]{1,200}(?:[.,:][0-9]{1,60}){0,8}(?:[eE][+-]?[0-9]{1,5}\b)?"
)
_REPEATED = re.compile(r"\*(?:[\s,;]{1,3}\*){1,200}")


def pattern_of(message: str) -> str:
    """What all messages of its kind have in common: `user * not found`."""
    text = _VARIES.sub("*", " ".join(message[:LONGEST].split()))
    return _REPEATED.sub("*", text)[:TOLD_BY]


def type_in(message: str) -> str:
    """The class that a message begins with, as in `TypeError: x is null`; empty where it does not."""
    head, colon, _ = message[:200].partition(":")
    name = head.strip().removeprefix("Uncaught ").strip()
    plain = name.isidentifier() and name[:1].isupper()
    return name if colon and plain and name.endswith(("Error", "Exception", "Fault", "Warning", "Rejection")) else ""
