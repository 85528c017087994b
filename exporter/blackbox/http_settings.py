"""The `http` section of a module: blackbox's own keys, and those of Prometheus' http_config within it."""

import re
from collections.abc import Mapping
from functools import cached_property
from typing import ClassVar

from msgspec import Struct

from exporter.blackbox.regex import Regex
from exporter.blackbox.tls_settings import NO_MANAGER, IPProtocol, TLSSettings
from exporter.probes._http_request import TOKEN, target
from exporter.values import Secret

_SIZE = re.compile(r"(-?[0-9]+(?:\.[0-9]+)?)([KMGTPE]?)i?B?")
_STEPS = " KMGTPE"
# Set by us, or by the sections that are made for them; prometheus/common's ReservedHeaders.
_RESERVED = {
    "authorization", "host", "content-encoding", "content-length", "content-type", "user-agent", "connection",
    "keep-alive", "proxy-authenticate", "proxy-authorization", "www-authenticate", "accept-encoding",
    "x-prometheus-remote-write-version", "x-prometheus-remote-read-version", "x-prometheus-scrape-timeout-seconds",
    "x-amz-date", "x-amz-security-token", "x-amz-content-sha256",
}  # fmt: skip


class BasicAuth(Struct, kw_only=True, frozen=True, forbid_unknown_fields=True):
    unsupported: ClassVar[Mapping[str, str]] = {"username_ref": NO_MANAGER, "password_ref": NO_MANAGER}

    username: str = ""
    username_file: str = ""
    password: Secret = Secret("")
    password_file: str = ""

    def __post_init__(self) -> None:
        if self.username and self.username_file:
            raise ValueError("at most one of username and username_file must be configured")
        if self.password and self.password_file:
            raise ValueError("at most one of password and password_file must be configured")


class Authorization(Struct, kw_only=True, frozen=True, forbid_unknown_fields=True):
    unsupported: ClassVar[Mapping[str, str]] = {"credentials_ref": NO_MANAGER}

    type: str = "Bearer"
    credentials: Secret = Secret("")
    credentials_file: str = ""

    def __post_init__(self) -> None:
        if self.type.strip().lower() == "basic":
            raise ValueError('type: cannot be set to "basic", use "basic_auth" instead')
        if self.credentials and self.credentials_file:
            raise ValueError("at most one of credentials and credentials_file must be configured")


class Header(Struct, kw_only=True, frozen=True, forbid_unknown_fields=True):
    """One of http_headers."""

    values: tuple[str, ...] = ()
    secrets: tuple[Secret, ...] = ()
    files: tuple[str, ...] = ()


class HeaderMatch(Struct, kw_only=True, frozen=True, forbid_unknown_fields=True, dict=True):
    header: str
    regexp: str
    allow_missing: bool = False

    def __post_init__(self) -> None:
        if not self.header or not self.regexp:
            raise ValueError("header and regexp must be set for HTTP header matchers")
        Regex.check("regexp", self.regexp)

    @cached_property
    def regex(self) -> Regex:
        return Regex(self.regexp)


class HTTPSettings(Struct, kw_only=True, frozen=True, forbid_unknown_fields=True, dict=True):
    unsupported: ClassVar[Mapping[str, str]] = {
        "fail_if_body_json_matches_cel": "CEL is not supported: use fail_if_body_matches_regexp",
        "fail_if_body_json_not_matches_cel": "CEL is not supported: use fail_if_body_not_matches_regexp",
        "oauth2": "is not supported: use authorization with credentials_file",
        "no_proxy": "is not supported: leave proxy_url out of the modules that need none",
    }

    valid_status_codes: tuple[int, ...] = ()
    """By default 2xx."""
    valid_http_versions: tuple[str, ...] = ()
    preferred_ip_protocol: IPProtocol = ""
    ip_protocol_fallback: bool = True
    skip_resolve_phase_with_proxy: bool = False
    follow_redirects: bool = True
    no_follow_redirects: bool | None = None
    """Its name until 0.19, which wins."""
    fail_if_ssl: bool = False
    fail_if_not_ssl: bool = False
    method: str = ""
    headers: dict[str, Secret] = {}
    body: Secret = Secret("")
    body_file: str = ""
    fail_if_body_matches_regexp: tuple[str, ...] = ()
    fail_if_body_not_matches_regexp: tuple[str, ...] = ()
    fail_if_header_matches: tuple[HeaderMatch, ...] = ()
    fail_if_header_not_matches: tuple[HeaderMatch, ...] = ()
    basic_auth: BasicAuth | None = None
    authorization: Authorization | None = None
    bearer_token: Secret = Secret("")
    bearer_token_file: str = ""
    http_headers: dict[str, Header] = {}
    tls_config: TLSSettings = TLSSettings()
    enable_http2: bool = True
    enable_http3: bool = False
    proxy_url: Secret = Secret("")
    proxy_from_environment: bool = False
    proxy_connect_header: dict[str, tuple[Secret, ...]] = {}
    compression: str = ""
    body_size_limit: str = ""

    def __post_init__(self) -> None:
        for problem in (*self._problems(), *self._credentials()):
            raise ValueError(problem)
        for key in ("fail_if_body_matches_regexp", "fail_if_body_not_matches_regexp"):
            for text in getattr(self, key):
                Regex.check(key, text)

    def _problems(self) -> list[str]:
        found = []
        if self.enable_http3:
            found.append("HTTP/3 is not supported")
        if "HTTP/3.0" in self.valid_http_versions:
            found.append("valid_http_versions: HTTP/3 is not supported")
        if self.proxy_from_environment:
            found.append("proxy_from_environment: is not supported: use proxy_url")
        if self.proxy_connect_header and not self.proxy_url:
            found.append("proxy_connect_header: takes a proxy_url")
        if self.body and self.body_file:
            found.append("setting body and body_file both are not allowed")
        if self.method and not TOKEN.fullmatch(self.method):
            found.append("method: is not a method of HTTP")
        if self.compression.lower() not in ("", "identity", "gzip", "deflate", "br"):
            found.append("compression: expected gzip, deflate, br or identity")
        if self.body_size_limit and not _SIZE.fullmatch(self.body_size_limit):
            found.append("body_size_limit: expected a size such as 10MB")
        if self.proxy_url:
            try:
                if target(self.proxy_url.reveal()).scheme != "http":
                    found.append("proxy_url: proxies are asked over http only")
            except ValueError as error:
                found.append(f"proxy_url: {error}")
        return found + [f"{path}: {problem}" for path, problem in self._header_problems()]

    def _header_problems(self) -> list[tuple[str, str]]:
        found = [(f"http_headers.{name}", "is not allowed here") for name in self.http_headers if _reserved(name)]
        for section in ("headers", "http_headers", "proxy_connect_header"):
            wrong = [name for name in getattr(self, section) if not TOKEN.fullmatch(name)]
            found += [(section, "one of them is not the name of a header") for _ in wrong[:1]]
        for name, value in self.headers.items():
            if "\n" in value.reveal() or "\r" in value.reveal():
                found.append((f"headers.{name}", "a header has one line"))
            if name.lower() == "accept-encoding" and not _accepted(self.compression, value.reveal()):
                found.append((f"headers.{name}", "does not hold the compression that is expected"))
        return found

    def _credentials(self) -> list[str]:
        ways = ("basic_auth", "authorization", "bearer_token", "bearer_token_file")
        given = [key for key in ways if getattr(self, key)]
        return [f"at most one of {', '.join(given)} must be configured"] if len(given) > 1 else []

    @cached_property
    def follows(self) -> bool:
        return self.follow_redirects if self.no_follow_redirects is None else not self.no_follow_redirects

    @cached_property
    def limit(self) -> int:
        """Bytes of a body, decompressed, that are read at most; 0 for no limit of the user's."""
        found = _SIZE.fullmatch(self.body_size_limit)
        return max(0, int(float(found[1]) * 1024 ** _STEPS.index(found[2] or " "))) if found else 0

    @cached_property
    def matching(self) -> tuple[Regex, ...]:
        return tuple(map(Regex, self.fail_if_body_matches_regexp))

    @cached_property
    def not_matching(self) -> tuple[Regex, ...]:
        return tuple(map(Regex, self.fail_if_body_not_matches_regexp))


def _reserved(name: str) -> bool:
    return name.lower() in _RESERVED


def _accepted(compression: str, header: str) -> bool:
    """Whether an Accept-Encoding header holds the compression that is expected."""
    if not compression or not header:
        return True
    elements = [element.partition(";") for element in header.replace(" ", "").split(",")]
    named = [weight for name, _, weight in elements if name in (compression, "*")]
    return bool(named) and not named[0].startswith(("q=0.0", "q=0,")) and named[0] != "q=0"
