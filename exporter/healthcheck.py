"""`stack-exporter healthcheck`: does the running daemon answer /livez? For containers, which have no curl."""

import http.client
import sys

from exporter.options import OFF, Options
from exporter.web.address import parse

LOCAL = {"": "127.0.0.1", "0.0.0.0": "127.0.0.1", "::": "::1"}
"""Where to find what listens everywhere."""
PATIENCE = 3.0
"""Seconds to wait for an answer."""


def lives(options: Options) -> int:
    """0 when it answers 200, else 1 and why."""
    address = listener(options)
    if not address:
        return _say("no listener without TLS to ask: set --web.health-address")
    try:
        host, port = parse(address)
    except ValueError as error:
        return _say(str(error))
    connection = http.client.HTTPConnection(LOCAL.get(host, host), port, timeout=PATIENCE)
    try:
        connection.request("GET", "/livez")
        response = connection.getresponse()
        response.read(65536)
    except (OSError, http.client.HTTPException) as error:
        return _say(f"no answer from {address}: {_why(error, options)}")
    finally:
        connection.close()
    return 0 if response.status == http.client.OK else _say(f"{address} answers {response.status}")


def listener(options: Options) -> str:
    """The listener to ask: without TLS, because with mTLS the check has no certificate that the daemon would take."""
    if options.web_health_address != OFF:
        return options.web_health_address
    if options.web_config_file is None:
        return options.web_listen_address
    return options.ingest_listen_address if options.ingest_listen_address != OFF else ""


def _why(error: Exception, options: Options) -> str:
    if isinstance(error, http.client.RemoteDisconnected | http.client.BadStatusLine | ConnectionResetError):
        if options.web_config_file is None:
            return "it may speak TLS: pass its --web.config.file"
        return "it closed the connection"
    if isinstance(error, TimeoutError):
        return f"nothing within {PATIENCE:g} s"
    strerror = error.strerror if isinstance(error, OSError) else ""
    return strerror.lower() if strerror else type(error).__name__


def _say(why: str) -> int:
    print(f"stack-exporter: {why}", file=sys.stderr)  # noqa: T201 - read by people
    return 1
