"""Says what it was told to say."""

from typing import Annotated, ClassVar, Literal

from msgspec import Meta, Struct

from exporter.metric import gauge
from exporter.probe import Probe, Readings, Signal
from exporter.values import Duration, Ratio, Secret, Size

USED_RATIO = gauge("stack_specimen_used_ratio", "Used part.", "component")
FREE_BYTES = gauge("stack_specimen_free_bytes", "Free bytes.", "component")
QUEUED = gauge("stack_specimen_queued", "What waits.", "component")


class Login(Struct, kw_only=True, frozen=True, forbid_unknown_fields=True):
    user: Annotated[str, Meta(description="Who.")]
    password: Annotated[Secret, Meta(description="Password.")]


class Specimen(Probe, kw_only=True, frozen=True):
    reasons: ClassVar = {"told": "It was told to be down."}
    signals: ClassVar = (
        Signal("used", USED_RATIO, "ratio", "How full it is.", warning=0.8, critical=0.9),
        Signal("free", FREE_BYTES, "bytes", "What is left.", direction="below", warning=2e9, critical=1e9),
        Signal("queued", QUEUED, "number", "What waits."),
    )

    url: Annotated[str, Meta(description="Where it is.", examples=["http://x"])]
    mode: Annotated[Literal["fast", "safe"], Meta(description="How.")] = "safe"
    port: Annotated[int, Meta(ge=1, le=65535, description="Port.")] = 80
    ratio: Annotated[Ratio, Meta(description="Part.")] = 0.5
    size: Annotated[Size | None, Meta(description="Size.")] = None
    pause: Annotated[Duration, Meta(description="Pause.")] = 0.25
    verify: Annotated[bool, Meta(description="Look closely.")] = True
    token: Annotated[Secret | None, Meta(description="Token.")] = None
    headers: Annotated[dict[str, Secret], Meta(description="Headers.")] = {}
    login: Annotated[Login | None, Meta(description="Login.")] = None
    statuses: Annotated[tuple[int | str, ...], Meta(description="Statuses.", min_length=1)] = (200,)

    def __post_init__(self) -> None:
        if not self.url.startswith("http://"):
            raise ValueError(f"url {self.url!r} is not http, and neither is {self.url}")

    async def run(self, out: Readings) -> None:
        out.set(QUEUED, 1)
