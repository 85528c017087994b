"""What is wrong with an expression of `scrub:` or with the variables in a fingerprint of `grouping:`, in words."""

import re

from exporter.nearest import suggestion

_MEMORY = 1 << 16
VARIABLES = (
    "default", "type", "error.type", "message", "error.value", "module", "stack.module", "function", "stack.function",
    "transaction", "service", "environment", "release", "level", "logger", "code", "platform",
)  # fmt: skip
"""What {{ … }} in a fingerprint may name: Sentry's names of them (docs, "Fingerprint Rules", variables), and ours."""
_BRACES = re.compile(r"\{\{([^{}]{0,200})\}\}")
_NAME = re.compile(r"[a-z_.]{1,30}")
# Of these each stands somewhere in almost every text.
_EVERYWHERE = (b"a", b"7")
_LOOK_AROUND = re.compile(r"\(\?(?:=|!|<=|<!)|\\[1-9]")


def expression(pattern: str) -> str:
    """What is wrong with one of RE2; '' when nothing is. Too large is what takes long on a million characters."""
    import re2  # noqa: PLC0415 - 5 MB and 20 ms, for those only that have a pattern

    options = re2.Options()
    options.max_mem = _MEMORY
    options.log_errors = False  # to stderr, past the log
    try:
        compiled = re2.compile(pattern.encode(errors="replace"), options)
    except re2.error as error:
        return f"not a regular expression of RE2: {_reason(error, pattern)}"
    if compiled.fullmatch(b"") is not None:
        return "it matches the empty text, and so everywhere: an expression matches one character at least"
    if all(compiled.search(text) is not None for text in _EVERYWHERE):
        return "it matches almost everything: a letter alone, and a digit alone"
    return ""


def variable(part: str) -> str:
    """What is wrong with the {{ … }} in a part of a fingerprint; '' when nothing is."""
    for found in _BRACES.findall(part):
        name = found.strip()
        if name not in VARIABLES:
            shown = f"{{{{ {name} }}}} is no variable" if _NAME.fullmatch(name) else "{{ … }} is no variable"
            return shown + (suggestion(name, VARIABLES) or f"; there are {', '.join(VARIABLES)}")
    return "a variable is written {{ type }}" if "{{" in _BRACES.sub("", part) else ""


def _reason(error: Exception, pattern: str) -> str:
    """RE2's words, with what they quote unless that is the whole expression."""
    said = error.args[0] if error.args else b""
    text = said.decode(errors="replace") if isinstance(said, bytes) else str(said)
    reason, _, quoted = text.partition(": ")
    text = reason if quoted == pattern else text
    return f"{text} (there is neither look-around nor backreference)" if _LOOK_AROUND.search(quoted) else text
