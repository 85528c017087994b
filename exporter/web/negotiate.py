"""Which format and which encoding a client wants: Accept and Accept-Encoding by RFC 9110, section 12.5. Pure."""

from collections.abc import Iterator

LONGEST = 2_000
"""Characters of a header that are looked at; Prometheus sends about 200."""


def ranges(header: str) -> Iterator[tuple[str, dict[str, str], float]]:
    """Each element in lower case: its name, its parameters and its quality: 1 by default, 0 when malformed."""
    for element in header[:LONGEST].split(","):
        name, *pairs = (part.strip() for part in element.lower().split(";"))
        parts = (pair.partition("=") for pair in pairs)
        parameters = {key.strip(): value.strip().strip('"') for key, _, value in parts}
        if name:
            yield name, parameters, _quality(parameters.pop("q", "1"))


def openmetrics(accept: str) -> bool:
    """Whether OpenMetrics 1.0 is wanted at least as much as the text format. `*/*` alone is no wish for it."""
    wanted = _best(accept, "application/openmetrics-text", "1.0.0", wildcards=False)
    return wanted > 0 and wanted >= _best(accept, "text/plain", "0.0.4", wildcards=True)


def html(accept: str) -> bool:
    """Whether a browser asks: it names text/html; `*/*` alone is no wish for it."""
    return _best(accept, "text/html", "", wildcards=False) > 0


def gzip(accept_encoding: str) -> bool:
    """Whether the client takes gzip."""
    qualities = {name: quality for name, _, quality in ranges(accept_encoding)}
    return qualities.get("gzip", qualities.get("x-gzip", qualities.get("*", 0.0))) > 0


def _best(accept: str, media_type: str, version: str, *, wildcards: bool) -> float:
    """The quality that the most specific matching range gives; of two alike the higher."""
    family = media_type.partition("/")[0] + "/*"
    best = (0, 0.0)
    for name, parameters, quality in ranges(accept):
        if name == media_type and parameters.get("version", version) == version:
            best = max(best, (4 if "version" in parameters else 3, quality))
        elif wildcards and name in (family, "*/*"):
            best = max(best, (2 if name == family else 1, quality))
    return best[1]


def _quality(text: str) -> float:
    try:
        quality = float(text)
    except ValueError:
        return 0.0
    return quality if 0 <= quality <= 1 else 0.0
