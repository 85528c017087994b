"""--web.config.file: exporter-toolkit's file for TLS, client certificates, basic authentication, headers, a rate limit.

What we do not support is refused by name, because a setting that is silently ignored protects nobody.
"""

import re
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from exporter.config import document
from exporter.config.problem import ConfigError, Problem, dotted
from exporter.nearest import suggestion
from exporter.values import Secret, duration
from exporter.web.certificates import Certificates, TLSSettings, cipher, version

SECTIONS = ("tls_server_config", "http_server_config", "basic_auth_users", "rate_limit")
UNSUPPORTED = {
    "tls_server_config.cert": "inline certificates are not supported: use cert_file",
    "tls_server_config.key": "inline keys are not supported: use key_file",
    "tls_server_config.client_allowed_sans": "is not supported",
    "tls_server_config.curve_preferences": "is not supported",
}
TLS_FIELDS = (
    "cert_file", "key_file", "client_ca", "client_ca_file", "client_auth_type", "min_version", "max_version",
    "cipher_suites", "prefer_server_cipher_suites",
)  # fmt: skip
RESPONSE_HEADERS: Mapping[str, tuple[str, ...]] = {
    "Content-Security-Policy": (),
    "X-Frame-Options": ("deny", "sameorigin"),
    "X-Content-Type-Options": ("nosniff",),
    "X-XSS-Protection": (),
    "Strict-Transport-Security": (),
}
DEAREST = 18
"""bcrypt's cost: each step doubles the time, and 18 takes about 15 s."""
_HASH = re.compile(r"\$2[abxy]\$(\d\d)\$[./A-Za-z0-9]{53}")


class Bucket:
    """`burst` requests at once, and one more each `interval` seconds; no limit with an interval of 0."""

    def __init__(self, interval: float, burst: int, clock: Callable[[], float] = time.monotonic) -> None:
        self._interval, self._burst, self._clock = interval, burst, clock
        self._tokens, self._at = float(burst), clock()

    def take(self) -> bool:
        if not self._interval:
            return True
        now = self._clock()
        self._tokens = min(float(self._burst), self._tokens + (now - self._at) / self._interval)
        self._at = now
        if self._tokens < 1:
            return False
        self._tokens -= 1
        return True


@dataclass(slots=True)
class Toolkit:
    """The file's content. `certificates`: None for plain HTTP."""

    certificates: Certificates | None = None
    headers: dict[str, str] = field(default_factory=dict)
    users: dict[str, Secret] = field(default_factory=dict)
    bucket: Bucket = field(default_factory=lambda: Bucket(0, 0))


def read(path: str | Path) -> Toolkit:
    """The settings in the file; paths in it are relative to it. Raises ConfigError with every problem."""
    path = Path(path)
    try:
        text = path.read_text(encoding="utf-8")
    except OSError as error:
        raise ConfigError([Problem(0, "", f"can't be read: {error.strerror}")], str(path)) from None
    except UnicodeDecodeError:
        raise ConfigError([Problem(0, "", "is not UTF-8")], str(path)) from None
    parsed = document.parse(text, source=str(path))
    reader = _Reader(parsed, path.parent)
    toolkit = reader.toolkit()
    if reader.problems:
        raise ConfigError(reader.problems, str(path))
    return toolkit


class _Reader:
    """Takes the document apart and notes every problem."""

    def __init__(self, parsed: document.Document, folder: Path) -> None:
        self._parsed, self._folder = parsed, folder
        self.problems: list[Problem] = []

    def toolkit(self) -> Toolkit:
        for name in self._parsed.values:
            if name not in SECTIONS:
                self._blame((name,), f"is not supported{suggestion(name, SECTIONS)}")
        found = Toolkit(headers=self._headers(), users=self._users(), bucket=self._bucket())
        found.certificates = self._certificates()
        for path, first in self._parsed.repeated.items():
            self._blame(path, f"is written twice; the first is on line {first}")
        return found

    def _section(self, name: str, *fields: str) -> dict[str, Any]:
        section = self._parsed.values.get(name) or {}
        if not isinstance(section, dict):
            self._blame((name,), "is a mapping")
            return {}
        for key in section:
            if fields and key not in fields:
                unknown = f"is not supported{suggestion(key, fields)}"
                self._blame((name, key), UNSUPPORTED.get(f"{name}.{key}", unknown))
        return section

    def _headers(self) -> dict[str, str]:
        section = self._section("http_server_config", "http2", "headers")
        if section.get("http2") not in (None, False):
            self._blame(("http_server_config", "http2"), "HTTP/2 is not supported: leave it out or set it to false")
        headers = section.get("headers") or {}
        for name, value in headers.items() if isinstance(headers, dict) else ():
            allowed = RESPONSE_HEADERS.get(name)
            if allowed is None:
                self._blame(
                    ("http_server_config", "headers", name), f"is not supported{suggestion(name, RESPONSE_HEADERS)}"
                )
            elif not isinstance(value, str) or not value.isprintable():
                self._blame(("http_server_config", "headers", name), "is a text of one line")
            elif allowed and value and value.lower() not in allowed:
                self._blame(("http_server_config", "headers", name), f"is one of {', '.join(allowed)}")
        return headers if isinstance(headers, dict) else {}

    def _users(self) -> dict[str, Secret]:
        users = self._section("basic_auth_users")
        for name, value in users.items():
            match = _HASH.fullmatch(value) if isinstance(value, str) else None
            if not match:
                self._blame(("basic_auth_users", name), "is not a bcrypt hash, such as htpasswd -nBC 10 makes")
            elif not 4 <= int(match[1]) <= DEAREST:
                self._blame(("basic_auth_users", name), f"has a cost that is not between 4 and {DEAREST}")
        return {name: Secret(str(value)) for name, value in users.items()}

    def _bucket(self) -> Bucket:
        section = self._section("rate_limit", "interval", "burst")
        interval, burst = section.get("interval", 0), section.get("burst", 0)
        try:
            seconds = 0.0 if interval in (0, "0") else duration(str(interval))
        except ValueError as error:
            self._blame(("rate_limit", "interval"), str(error))
            seconds = 0.0
        if not isinstance(burst, int) or isinstance(burst, bool) or burst < 0 or (seconds and burst < 1):
            self._blame(("rate_limit", "burst"), "is a whole number of at least 1")
            burst = 1
        return Bucket(seconds, burst)

    def _certificates(self) -> Certificates | None:
        name = "tls_server_config"
        section = {key: value for key, value in self._section(name, *TLS_FIELDS).items() if value is not None}
        if not section:
            return None
        before = len(self.problems)
        for key in ("cert_file", "key_file"):
            if key not in section:
                self._blame((name, key), "is required")
        for key, value in section.items():
            wanted = {"cipher_suites": list, "prefer_server_cipher_suites": bool}.get(key, str)
            if key in TLS_FIELDS and not isinstance(value, wanted):
                self._blame((name, key), {list: "is a list", bool: "is true or false", str: "is a text"}[wanted])
        for key in ("min_version", "max_version"):
            if key in section and version(section[key]) is None:
                self._blame((name, key), "is not supported: TLS12 or TLS13")
        suites = section.get("cipher_suites", [])
        for number, suite in enumerate(suites if isinstance(suites, list) else []):
            if cipher(suite) is None:
                self._blame((name, "cipher_suites", number), "is not supported")
        if len(self.problems) > before:
            return None
        for key in ("cert_file", "key_file", "client_ca_file"):
            if key in section:
                section[key] = self._folder / section[key]
        try:
            return Certificates(TLSSettings(**section))
        except ValueError as error:
            self._blame((name,), str(error))
        return None

    def _blame(self, path: tuple[str | int, ...], message: str) -> None:
        lines = self._parsed.lines
        line = next((lines[path[:n]] for n in range(len(path), 0, -1) if path[:n] in lines), 0)
        self.problems.append(Problem(line, dotted(path), message))
