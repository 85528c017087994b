"""What an answer of S3 that is no success means, in which of a few words, and how far its clock is from ours.

The bodies are XML. They are not parsed but searched, for a few elements by name, in 64 KiB at most: nothing is ever
expanded, so entities, DTDs and depth have no effect.
"""

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

from exporter.probe import Down

LARGEST = 65536
"""Bytes of an error's body. S3's have some 500."""

REASONS: Mapping[str, str] = {
    "auth": "The keys are missing where they are needed, unknown, expired, or the secret one does not fit.",
    "permission": "The keys are right, but may not list, write, read or delete here.",
    "clock_skew": "The server's clock and ours are too far apart: it takes requests within 15 minutes.",
    "wrong_region": "The bucket is in another region, or behind another endpoint.",
    "no_bucket": "There is no such bucket.",
    "slow_down": "The server asks for fewer requests.",
    "full": "The server takes no more: its own quota or its disk is full.",
    "server_error": "The server answered with an error of its own, which the detail quotes.",
    "unexpected": "The server refused for a reason that is none of the others.",
}
_CODES = {
    **dict.fromkeys(
        ("InvalidAccessKeyId", "SignatureDoesNotMatch", "InvalidToken", "ExpiredToken", "TokenRefreshRequired",
         "InvalidClientTokenId", "NotSignedUp", "MissingSecurityHeader", "InvalidSecurity", "CredentialsNotSupported",
         "MissingAuthenticationToken", "Unauthorized", "AuthFailure"),
        "auth",
    ),
    **dict.fromkeys(("AccessDenied", "AllAccessDisabled", "AccountProblem"), "permission"),
    **dict.fromkeys(("RequestTimeTooSkewed", "RequestExpired"), "clock_skew"),
    **dict.fromkeys(
        ("PermanentRedirect", "TemporaryRedirect", "Redirect", "AuthorizationHeaderMalformed",
         "IllegalLocationConstraintException", "InvalidRegion"),
        "wrong_region",
    ),
    "NoSuchBucket": "no_bucket",
    **dict.fromkeys(
        ("SlowDown", "SlowDownRead", "SlowDownWrite", "ServiceUnavailable", "Busy", "RequestLimitExceeded",
         "TooManyRequests", "Throttling", "ThrottlingException"),
        "slow_down",
    ),
    **dict.fromkeys(
        ("QuotaExceeded", "InsufficientStorage", "XMinioStorageFull", "XMinioAdminBucketQuotaExceeded",
         "InsufficientCapacity"),
        "full",
    ),
}  # fmt: skip
_STATUSES = {301: "wrong_region", 307: "wrong_region", 308: "wrong_region", 401: "auth", 403: "permission"}
_STATUSES |= {404: "no_bucket", 429: "slow_down", 507: "full"}
_ENTITIES = {"amp": "&", "lt": "<", "gt": ">", "quot": '"', "apos": "'"}


def element(body: bytes, name: str) -> str:
    """The text of the first element of that name, '' without one."""
    tag = name.encode()
    match = re.search(rb"<%b>([^<]{0,4096})</%b>" % (tag, tag), body)
    return unescape(match[1].decode(errors="replace")) if match else ""


def unescape(text: str) -> str:
    """Without XML's five entities and characters by number; any other entity stays as it is."""
    return re.sub(r"&(#x[0-9A-Fa-f]{1,6}|#[0-9]{1,7}|amp|lt|gt|quot|apos);", _character, text)


def offset(headers: Mapping[bytes, bytes], now: float) -> float | None:
    """Seconds that the server's clock is ahead of `now`, in whole ones: its Date header knows no others."""
    try:
        return parsedate_to_datetime(headers[b"date"].decode("latin-1")).timestamp() - int(now)
    except (KeyError, ValueError, OverflowError):
        return None


def failure(status: int, headers: Mapping[bytes, bytes], body: bytes, now: float, *, region: str, signed: bool) -> Down:
    """The answer that it amounts to; its detail still holds what the server said, secrets and all."""
    code, said = element(body, "Code"), element(body, "Message")
    there = element(body, "Region") or headers.get(b"x-amz-bucket-region", b"").decode("latin-1")
    reason = _CODES.get(code) or _STATUSES.get(status) or ("server_error" if status >= 500 else "unexpected")
    detail = ": ".join(part for part in (f"status {status}", code, said) if part)
    if code == "AuthorizationHeaderMalformed" and there in ("", region):
        reason = "auth"  # it is the key in the header that is malformed
    if reason == "wrong_region" and there not in ("", region):
        return Down(reason, f"the bucket is in {there}, not in {region}: {detail}")
    if reason == "wrong_region" and (other := element(body, "Endpoint")):
        return Down(reason, f"the bucket answers at {other}: {detail}")
    if reason == "clock_skew":
        skew = _told(body, now) if offset(headers, now) is None else offset(headers, now)
        if skew is not None:
            side = "behind" if skew > 0 else "ahead of"
            detail = f"our clock is {abs(skew):.0f} s {side} the server's: {detail}"
    if reason in ("auth", "permission") and not signed:
        return Down("auth", f"no keys are configured: {detail}")
    return Down(reason, detail)


def _told(body: bytes, now: float) -> float | None:
    """The same by the ServerTime that comes with RequestTimeTooSkewed."""
    try:
        at = datetime.fromisoformat(element(body, "ServerTime"))
    except ValueError:
        return None
    return (at if at.tzinfo else at.replace(tzinfo=UTC)).timestamp() - now


def _character(match: re.Match[str]) -> str:
    word = match[1]
    if not word.startswith("#"):
        return _ENTITIES[word]
    number = int(f"0{word[1:]}", 0) if word[1] == "x" else int(word[1:])
    return chr(number) if number <= 0x10FFFF else "\ufffd"
