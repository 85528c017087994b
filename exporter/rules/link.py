"""Where the links in what is packaged lead to, until they are told where."""

from urllib.parse import urlsplit

from exporter.rules.folder import Unfit

EXPORTER, GRAFANA = "http://localhost:9676", "http://localhost:3000"


def checked(flag: str, url: str) -> str:
    """It without the last slash. Raises Unfit for what would break YAML, JSON, or the templates around it."""
    try:
        parts = urlsplit(url)
        # `port` raises for what is none. Grafana would put a variable in the place of $name.
        named = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
        valid = named and url.isprintable() and not set(url) & set(" '\"{}\\#?$<>`")
    except ValueError:  # brackets that hold no IPv6 address, a port beyond 65535
        valid = False
    if not valid:
        name = "grafana" if flag == "--grafana-url" else "status"
        raise Unfit(f"{flag}: is an address such as https://{name}.example.com, without a query")
    return url.rstrip("/")
