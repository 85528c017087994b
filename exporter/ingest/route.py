"""Makes a template of a path, and a name of a text: ids, hashes, dates and the like become {id}, {hash}, {date}."""

import re
from urllib.parse import unquote

from exporter.bounds import cut

UNKNOWN = "__unknown__"
"""The route of a request of which none is known; the same as of one whose path is empty of all that can be a label."""
UNMATCHED = "(unmatched)"
"""The route of requests that were answered by 404 and have no template: what scanners ask for fills no label."""
_SEGMENTS = 12
"""Of a path; what is deeper becomes {path}."""
_LONGEST_SEGMENT = 64
_LONGEST_PATH = 1_024
_METHOD = re.compile(r"(?:GET|HEAD|POST|PUT|PATCH|DELETE|OPTIONS|TRACE|CONNECT) +")
_ORIGIN = re.compile(r"[a-z]{2,5}://[^/]{1,300}", re.IGNORECASE)

_HEX = "[0-9a-fA-F]"
_UUID = re.compile(rf"\{{?{_HEX}{{8}}-{_HEX}{{4}}-{_HEX}{{4}}-{_HEX}{{4}}-{_HEX}{{12}}\}}?")
_HASH = re.compile(rf"{_HEX}{{8,128}}")
_DATE = re.compile(r"[12][0-9]{3}-[0-9]{2}(?:-[0-9]{2}(?:[T_ ][0-9:.,+Z-]{2,20})?)?")
_ADDRESS = re.compile(r"[0-9]{1,3}(?:\.[0-9]{1,3}){3}|(?=.*:.*:)[0-9a-fA-F:]{3,39}")
_VERSION = re.compile(r"v[0-9]{1,3}(?:\.[0-9]{1,3}){0,3}|[0-9]{1,3}(?:\.[0-9]{1,3}){1,2}")
_MARK = re.compile(r"\[([A-Za-z ]{1,20})\]")
_PARAMETER = re.compile(r"[{<:*(\[$]")
_FILE = re.compile(r"(.{1,60})(\.[A-Za-z][A-Za-z0-9]{0,4})")
_PARTS = re.compile(r"([-_.:,;~+=@ ])")
_TEXT = re.compile(r"[\w.~!$&'()*+,;=:@%\[\]{}<>-]{1,64}")
_WORDS = re.compile(r"([\s/\\|,;=&?#()\[\]\"']+)")


def template(path: str, *, templated: bool = False) -> str:
    """The route of a path, or a template as it is a label; UNKNOWN of an empty one."""
    if templated:
        return cut(path.strip()) or UNKNOWN
    path = path[:_LONGEST_PATH]
    method = _METHOD.match(path)
    if method:
        path = path[method.end() :]
    path = path.partition("?")[0].partition("#")[0].strip()
    origin = _ORIGIN.match(path)
    if origin:
        path = path[origin.end() :] or "/"
    if not path:
        return UNKNOWN
    segments = path.split("/")
    if len(segments) > _SEGMENTS + 1:
        segments = [*segments[:_SEGMENTS], "{path}"]
    return cut("/".join([_segment(each) if each else "" for each in segments]))


def name(text: str) -> str:
    """The name of an operation or a task, without what tells one from the next of the same."""
    words = _WORDS.split(text.strip()[:_LONGEST_PATH])
    return cut("".join([_token(each) if each and not _WORDS.fullmatch(each) else each for each in words])) or UNKNOWN


def _segment(raw: str) -> str:
    segment = unquote(raw, errors="replace") if "%" in raw else raw
    if mark := _MARK.fullmatch(segment):  # what the scrubber puts in the place of what is personal
        return f"{{{mark[1].lower()}}}"
    if len(segment) > _LONGEST_SEGMENT or not _TEXT.fullmatch(segment):
        return "{text}" if not _UUID.fullmatch(segment) else "{uuid}"
    return _token(segment)


def _token(text: str) -> str:
    """One word, or {…} of what it is when it names one thing of many."""
    if text.isalpha() or text[0] in "{<:*($":
        return text if len(text) < _LONGEST_SEGMENT else "{text}"
    if text.isdecimal():
        return "{id}"
    if "@" in text and "." in text.rpartition("@")[2]:
        return "{email}"
    for form, what in ((_UUID, "{uuid}"), (_DATE, "{date}"), (_ADDRESS, "{ip}")):
        if form.fullmatch(text):
            return what
    if _VERSION.fullmatch(text):
        return text
    file = _FILE.fullmatch(text)
    if file:
        return _slug(file[1]) + file[2]
    return _slug(text)


def _slug(text: str) -> str:
    """Words with ids between them, such as order-17; or a token of letters and digits."""
    if _random(text) and not _HASH.fullmatch(text):
        return "{token}"
    return "".join([_part(each) for each in _PARTS.split(text)])


def _part(text: str) -> str:
    if not text or text.isalpha():
        return text
    if text.isdecimal():
        return "{id}"
    if _HASH.fullmatch(text) and any(c.isdigit() for c in text):
        return "{hash}"
    return "{token}" if _random(text) or sum(c.isdigit() for c in text) >= 4 else text


def _random(text: str) -> bool:
    """Whether it looks drawn by lot: long, without a break, of digits between letters."""
    if len(text) < 10 or not text.replace("_", "").replace("-", "").replace("=", "").isalnum():
        return False
    plain = text.replace("_", "-")
    longest = max(map(len, plain.split("-")))
    digits = sum(c.isdigit() for c in text)
    if not digits or longest < 8:
        return False
    mixed = not (text.islower() or text.isupper())
    return (longest >= 20 and digits > 1) or (mixed and (longest >= 16 or len(text) >= 20 or digits > 1))
