"""How fast operations are: count, mean, quantiles and error rate of each, over the last hour."""

from typing import Annotated, Literal

from msgspec import Meta, Struct

from exporter.ingest.performance import Row
from exporter.web.api import asked as common
from exporter.web.call import Answer, Call, Refused

_COUNTS = {"count", "errors", "slow_count"}


class Asked(Struct, frozen=True):
    """Which operations."""

    service: common.Service = ""
    kind: Literal["request", "task", "operation", "ai_call"] | None = None
    q: common.Words = ""
    sort: Literal["total", "count", "mean", "max", "errors", "error_rate"] = "total"
    limit: common.Limit = 50
    cursor: common.Cursor = ""


class Figures(Struct, frozen=True):
    """What was measured of one operation in the last hour; times in seconds, weighed by the client's sampling rate."""

    service: str
    kind: str
    name: Annotated[str, Meta(description="Of a request its method and route.")]
    count: float
    total: float
    mean: float
    min: float
    max: float
    p50: float
    p95: float
    p99: float
    errors: float
    error_rate: Annotated[float, Meta(description="Part of them that failed, 0 to 1.")]
    slow_threshold: Annotated[float | None, Meta(description="From when on it is slow, in seconds, as configured.")]
    slow_count: Annotated[float | None, Meta(description="How many took that long.")]


async def listed(call: Call, wanted: Asked, _: float) -> Answer:
    """Those first that took most time in all, or as `sort` says."""
    performance = call.services.performance
    if performance is None:
        raise Refused(503, "nothing listens for what applications send", headers={"Retry-After": "60"})
    try:
        found = performance.rows(
            service=wanted.service,
            kind=wanted.kind or "",
            name=wanted.q,
            sort=wanted.sort,
            limit=wanted.limit,
            cursor=wanted.cursor,
        )
    except ValueError:
        raise Refused(400, "cursor: expected the `next` of a page before, with the same filters") from None
    data = [_figures(row) for row in found.items]
    metadata = {"next": found.next or None, "total": found.total, "limit": wanted.limit}
    message = f"{len(data)} of {found.total} operations"
    return Answer(message=message, data=data, metadata=metadata, compressible=True)


def _figures(row: Row) -> Figures:
    same = {name: getattr(row, name) for name in Figures.__struct_fields__ if name not in _COUNTS | {"slow_threshold"}}
    counts = {name: _whole(getattr(row, name)) for name in _COUNTS}
    return Figures(**same | counts, slow_threshold=row.slow)


def _whole(count: float | None) -> float | None:
    """A whole number without a point, as it is where nothing was weighed."""
    return int(count) if count is not None and count.is_integer() else count
