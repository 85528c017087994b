"""What PyMongo raises, in which of a few words: the errors it wraps are those that a connection gives anyway."""

import re
from collections.abc import Callable, Mapping
from typing import Any

from exporter.probe import Down
from exporter.probes import _net

REASONS: Mapping[str, str] = {
    "auth": "The server wants a login, or refuses the one it was given.",
    "permission": "The user may not run serverStatus or dbStats: it needs the role clusterMonitor.",
    "no_primary": "The replica set has no primary: nothing can be written.",
    "recovering": "The member is starting, recovering, rolling back or shutting down, and serves no reads.",
    "role": "The member is not the primary, or not the secondary, that it is expected to be.",
    "unsupported": "The server is older than the driver supports.",
    "configuration": "The driver refuses the URL, or an option of it, for a reason that the detail quotes.",
    "protocol": "What answers does not speak MongoDB's protocol.",
    "server_error": "The server answered with another error, which the detail quotes.",
}
# Of MongoDB's src/mongo/base/error_codes.yml; 8000 is Atlas'.
_CODES = {
    **dict.fromkeys((18, 334, 391, 8000), "auth"),
    13: "permission",
    **dict.fromkeys((91, 189, 11600, 11602, 13436, 10058), "recovering"),
}

# What OpenSSL says, of which PyMongo's monitors keep nothing but the text: they cut off what an error came from.
_TLS = (
    (re.compile(r"certificate has expired"), "tls_expired"),
    (re.compile(r"certificate is not yet valid"), "tls_not_yet_valid"),
    (re.compile(r"Hostname mismatch|IP address mismatch"), "tls_hostname"),
    (re.compile(r"CERTIFICATE_VERIFY_FAILED"), "tls_untrusted"),
    (re.compile(r"WRONG_VERSION_NUMBER|HTTP_REQUEST|RECORD_LAYER_FAILURE"), "tls_plaintext"),
    (re.compile(r"UNSUPPORTED_PROTOCOL|ALERT_PROTOCOL_VERSION"), "tls_version"),
    (re.compile(r"\[SSL[:\]]"), "tls"),
)


def failure(error: BaseException, where: str, clean: Callable[[str], str], *, named: bool = True) -> Down:
    """The answer that it amounts to. `named`: whether we said who we are."""
    from pymongo import errors  # noqa: PLC0415 - the driver is an extra

    for each in _chain(error):
        if isinstance(each, errors.OperationFailure):
            reason = _CODES.get(each.code or 0, "server_error")
            if reason == "permission" and not named:
                reason = "auth"
            return Down(reason, f"{where}: {clean(_said(each))}")
        if isinstance(each, errors.NotPrimaryError):
            return Down("recovering", f"{where}: {clean(_said(each))}")
        if isinstance(each, OSError) and not isinstance(each, (TimeoutError, errors.PyMongoError)):
            # What PyMongo makes of an end of the stream is an OSError without a number.
            return _net.failure(None if type(each) is OSError and each.errno is None else each, where)
    if isinstance(error, errors.ConfigurationError):
        reason = "unsupported" if "wire version" in str(error) else "configuration"
        return Down(reason, f"{where}: {clean(str(error))}")
    if isinstance(error, errors.ConnectionFailure):
        return _lost(str(error), where, clean)
    return Down("protocol", f"{where}: {type(error).__name__}: {clean(str(error))}")


def _lost(text: str, where: str, clean: Callable[[str], str]) -> Down:
    """The same by the text alone."""
    if reason := next((word for pattern, word in _TLS if pattern.search(text)), ""):
        return Down(reason, f"{where}: {clean(text)}")
    number = re.search(r"\[Errno (\d{1,3})\]", text)
    return _net.failure(OSError(int(number[1]), "") if number else None, where)


def _said(error: Any) -> str:
    details = error.details if isinstance(error.details, dict) else {}
    return f"{details.get('codeName') or error.code}: {details.get('errmsg') or error}"


def _chain(error: BaseException | None) -> list[BaseException]:
    """The errors behind one, the innermost first."""
    found: list[BaseException] = []
    while error is not None and len(found) < 8 and error not in found:
        found.append(error)
        error = error.__cause__ or error.__context__
    return found[::-1]
