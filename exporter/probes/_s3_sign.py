"""Signs a request to S3: AWS Signature Version 4, with the body's hash, in the Authorization header."""

import hashlib
import hmac
import os
import time
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import quote

_UNRESERVED = "-._~"


@dataclass(frozen=True, slots=True)
class Keys:
    """`access` and `secret`; `token` goes with keys that expire. Without `access` nothing is signed."""

    access: str = ""
    secret: str = ""
    token: str = ""

    def __repr__(self) -> str:
        return "Keys([REDACTED])"


def inherited() -> Keys:
    """Those of the environment, as Amazon's own tools name them."""
    names = ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN")
    return Keys(*(os.environ.get(name, "").strip() for name in names))


def path(*parts: str) -> str:
    """A path of a URL as the signature has it: encoded once, slashes kept (S3's own rule; other services' differ)."""
    return quote("/".join(parts), safe=_UNRESERVED + "/")


def query(pairs: Mapping[str, str]) -> str:
    """A query as the signature has it: in order, a space as %20."""
    encoded = sorted((quote(name, safe=_UNRESERVED), quote(value, safe=_UNRESERVED)) for name, value in pairs.items())
    return "&".join(f"{name}={value}" for name, value in encoded)


def headers(
    method: str, host: str, to: str, asked: str, body: bytes, keys: Keys, region: str, now: float
) -> dict[str, str]:
    """Those that sign it. `host` is the Host header's value, `to` and `asked` are made by `path` and `query`.

    The steps are those of "Signature Calculations for the Authorization Header" in Amazon S3's API reference.
    """
    if not keys.access:
        return {}
    digest = hashlib.sha256(body).hexdigest()
    at = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime(now))
    signed = {"host": host, "x-amz-content-sha256": digest, "x-amz-date": at}
    if keys.token:
        signed["x-amz-security-token"] = keys.token
    names = ";".join(signed)  # in alphabetical order, as they are above
    lines = "".join(f"{name}:{value}\n" for name, value in signed.items())
    canonical = f"{method}\n{to}\n{asked}\n{lines}\n{names}\n{digest}"
    scope = f"{at[:8]}/{region}/s3/aws4_request"
    text = f"AWS4-HMAC-SHA256\n{at}\n{scope}\n{hashlib.sha256(canonical.encode()).hexdigest()}"
    key = f"AWS4{keys.secret}".encode()
    for part in scope.split("/"):
        key = hmac.digest(key, part.encode(), "sha256")
    signature = hmac.digest(key, text.encode(), "sha256").hex()
    del signed["host"]
    credential = f"Credential={keys.access}/{scope},SignedHeaders={names},Signature={signature}"
    return {**signed, "authorization": f"AWS4-HMAC-SHA256 {credential}"}
