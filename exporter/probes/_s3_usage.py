"""How much a prefix of a bucket holds: its listing added up, within a budget, and what became of it as series."""

import asyncio
import time
from collections.abc import Mapping
from typing import Any, Protocol

from exporter.metric import gauge
from exporter.probe import Down, Readings
from exporter.probes._s3_bucket import Page

USED = gauge("stack_s3_used_bytes", "Bytes of the objects under the prefix, at the last scan.", "component", "prefix")
OBJECTS = gauge("stack_s3_objects", "Objects under the prefix, at the last scan.", "component", "prefix")
QUOTA = gauge("stack_s3_quota_bytes", "What the prefix may hold, as configured.", "component", "prefix")
USED_RATIO = gauge("stack_s3_used_ratio", "Bytes under the prefix by its quota.", "component", "prefix")
SCAN_COMPLETE = gauge(
    "stack_s3_scan_complete",
    "Whether the last scan saw all of the prefix; 0: its usage is a lower bound, of an earlier scan, or unknown.",
    "component",
    "prefix",
)
SCAN_TIME = gauge("stack_s3_scan_timestamp_seconds", "When that scan ended, in Unix time.", "component", "prefix")
SCAN_DURATION = gauge("stack_s3_scan_duration_seconds", "How long it took, its pauses included.", "component", "prefix")

PAUSE = 0.02
"""Seconds between two pages, so that a scan is no load test."""
PATIENCE = 30.0
"""Seconds for one page."""
BACKOFF = (1.0, 4.0, 16.0)
"""Seconds before a page is asked for again. A scan of a million objects is not to be lost to one busy second."""
_PASSING = {"slow_down", "server_error", "reset", "closed"}


class Paged(Protocol):
    async def page(self, prefix: str, token: str = "", most: int = ...) -> Page: ...


async def scan(bucket: Paged, prefix: str, most: int, seconds: float) -> dict[str, Any]:
    """What there is under the prefix, as JSON can keep it; `problem` says why it is not all. Never raises Down."""
    began = time.monotonic()
    objects = size = tries = 0
    token = problem = ""
    while not problem:
        try:
            async with asyncio.timeout(PATIENCE):
                page = await bucket.page(prefix, token)
        except (Down, TimeoutError) as error:
            reason, detail = (error.reason, error.detail) if isinstance(error, Down) else ("timeout", "")
            if reason in _PASSING and tries < len(BACKOFF):
                await asyncio.sleep(BACKOFF[tries])
                tries += 1
                continue
            problem = f"{reason}: {detail}" if detail else f"no page within {PATIENCE:g} s"
            break
        tries = 0
        objects += page.objects
        size += page.bytes
        token = page.token
        if not token:
            break
        if objects >= most:
            problem = f"there are more than the {most} objects of usage_budget"
        elif time.monotonic() - began >= seconds:
            problem = f"there are more than {objects} objects, seen within usage_timeout"
        else:
            await asyncio.sleep(PAUSE)
    over = bool(problem) and problem.startswith("there are more")
    return {
        "bytes": size,
        "objects": objects,
        "partial": bool(problem),
        "failed": bool(problem) and not over,
        "problem": problem,
        "at": time.time(),
        "seconds": time.monotonic() - began,
    }


def after(last: dict[str, Any] | None, found: dict[str, Any]) -> dict[str, Any]:
    """What to keep: a scan that failed is no better than the one before, which stays, marked."""
    if last is None or not found["failed"]:
        return found
    return {**last, "failed": True, "problem": found["problem"], "tried": found["at"]}


def report(kept: Mapping[str, Any], quotas: Mapping[str, int], out: Readings) -> None:
    """Set the series of each prefix; degrade the component for those that are full or not wholly known."""
    full, unknown = [], []
    for prefix, quota in quotas.items():
        out.set(QUOTA, quota, prefix)
        last = kept.get(prefix)
        out.set(SCAN_COMPLETE, float(last is not None and not last["problem"]), prefix)
        if last is None:
            continue
        name = prefix or "the bucket"
        if last["problem"]:
            unknown.append(f"{name}: {last['problem']}")
        if last["failed"] and not last["objects"]:
            continue  # nothing was seen, which is not the same as that nothing is there
        out.set(USED, last["bytes"], prefix)
        out.set(OBJECTS, last["objects"], prefix)
        out.set(USED_RATIO, last["bytes"] / quota if quota else 1.0, prefix)
        out.set(SCAN_TIME, last["at"], prefix)
        out.set(SCAN_DURATION, last["seconds"], prefix)
        if last["bytes"] >= quota:
            full.append(f"{name} holds {last['bytes']} bytes of {quota}")
    if full:
        out.degraded("quota", f"{_more(full)}{full[0]}"[:200])
    if unknown:
        out.degraded("scan_incomplete", f"{_more(unknown)}{unknown[0]}"[:200])


def _more(problems: list[str]) -> str:
    return f"{len(problems)} prefixes, first " if len(problems) > 1 else ""
