"""Where the links in what is packaged lead to, until they are told where."""

from urllib.parse import urlsplit

from exporter.rules.folder import Unfit

EXPORTER, GRAFANA = "http://localhost:9676", "http://localhost:3000"


def checked(flag: str, url: str) -> str:
    """It without the last slash. Raises Unfit for what would break YAML, JSON, or the templates around it."""
    try:
        parts = urlsplit(url)
        valid = parts.scheme in ("http", "https") and bool(parts.netloc) and not set(url) & set(" '\"{}\\#\n\t?")
    except ValueError:  # brackets that hold no IPv6 address
        valid = False
    if not valid:
        name = "grafana" if flag == "--grafana-url" else "status"
        raise Unfit(f"{flag}: is an address such as https://{name}.example.com, without a query")
    return url.rstrip("/")
