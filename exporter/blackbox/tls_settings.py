"""The `tls_config` of a module, and the other types that all probers' settings share."""

from collections.abc import Mapping
from typing import ClassVar, Literal

from msgspec import Struct

IPProtocol = Literal["", "ip4", "ip6"]
"""Empty stands for ip6."""
Version = Literal["", "TLS10", "TLS11", "TLS12", "TLS13"]

NO_MANAGER = "secret managers are not supported: name a file"


class TLSSettings(Struct, kw_only=True, frozen=True, forbid_unknown_fields=True):
    """Prometheus' tls_config."""

    unsupported: ClassVar[Mapping[str, str]] = {
        "cert": "inline certificates are not supported: use cert_file",
        "key": "inline keys are not supported: use key_file",
        "ca_ref": NO_MANAGER,
        "cert_ref": NO_MANAGER,
        "key_ref": NO_MANAGER,
    }

    ca: str = ""
    ca_file: str = ""
    cert_file: str = ""
    key_file: str = ""
    server_name: str = ""
    insecure_skip_verify: bool = False
    min_version: Version = ""
    """By default TLS12, as Go has it."""
    max_version: Version = ""

    def __post_init__(self) -> None:
        if self.ca and self.ca_file:
            raise ValueError("at most one of ca and ca_file must be configured")
        if bool(self.cert_file) != bool(self.key_file):
            raise ValueError("cert_file and key_file go together")
