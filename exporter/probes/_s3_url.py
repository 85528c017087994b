"""Where a bucket is: s3://, gs:// and az:// taken apart, and the endpoint that answers for s3://."""

import re
from dataclasses import dataclass

from exporter.probes._http_request import Target, target
from exporter.probes._s3_sign import path

_FORMS = "expected s3://bucket/prefix, gs://bucket/prefix or az://container/prefix"
_URL = re.compile(r"(s3|gs|az)://([A-Za-z0-9._:-]{1,255})(?:/(.*))?", re.DOTALL)
_REGION = re.compile(r"[a-z0-9-]{1,40}")


@dataclass(frozen=True, slots=True)
class Place:
    """A bucket, and the prefix within it that is looked at: '' or a text such as media/."""

    cloud: str
    bucket: str
    prefix: str

    @property
    def url(self) -> str:
        return f"{self.cloud}://{self.bucket}/{self.prefix}"


@dataclass(frozen=True, slots=True)
class Address:
    """Where the requests for a bucket go. `root` is the bucket's path, '' when its name is in the host's."""

    to: Target
    root: str

    def path(self, key: str) -> str:
        return f"{self.root}/{path(key)}"


def place(url: str) -> Place:
    """Raises ValueError."""
    match = _URL.fullmatch(url)
    if match is None or ".." in match[2]:
        raise ValueError(f"url: {_FORMS}")
    if len((prefix := match[3] or "").encode()) > 1024:
        raise ValueError("url: a key, and so a prefix, has 1,024 bytes at most")
    return Place(match[1], match[2], prefix)


def address(bucket: str, endpoint: str, region: str, *, path_style: bool | None) -> Address:
    """Without an endpoint it is Amazon's of that region, which wants the bucket in the host name. Raises ValueError."""
    if not _REGION.fullmatch(region):
        raise ValueError("region: expected a name such as eu-central-1")
    amazon = f"s3.{region}.amazonaws.com" + (".cn" if region.startswith("cn-") else "")
    try:
        to = target(endpoint or f"https://{amazon}")
    except ValueError as error:
        raise ValueError(f"endpoint: {error}") from None
    if to.credentials or "?" in to.asked:
        raise ValueError("endpoint: expected https://host:port, keys have fields of their own")
    base = to.asked.rstrip("/")
    # A certificate for *.s3.….amazonaws.com covers no name with a further dot.
    in_path = path_style if path_style is not None else bool(endpoint) or "." in bucket
    if in_path:
        return Address(to, f"{base}/{path(bucket)}")
    return Address(Target(to.scheme, f"{bucket}.{to.host}", to.port, to.asked), base)
