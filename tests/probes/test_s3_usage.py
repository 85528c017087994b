"""What a prefix holds: at a real SeaweedFS past a page of 1,000, within a budget, kept, and never mistaken for all."""

import asyncio
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from exporter.probes import _s3_usage
from tests import hostile
from tests.fakes.s3 import KEYS, answers, error, page
from tests.probing import Memory, component, out, probe, readings
from tests.servers.process import wait_until
from tests.servers.seaweedfs import Seaweedfs

pytestmark = pytest.mark.xdist_group("seaweedfs")
MANY = 1050


@pytest.fixture(scope="module")
def filled(seaweedfs_server: Seaweedfs) -> Seaweedfs:
    """tenant-1/ has 1,050 objects of 3 bytes and one of 40, tenant-10/ one of 50, tenant-2/ none."""
    seaweedfs_server.put("/uploads/tenant-1/the big one", b"x" * 40)
    seaweedfs_server.put("/uploads/tenant-10/a", b"x" * 50)
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda n: seaweedfs_server.put(f"/uploads/tenant-1/{n} &ü", b"abc"), range(MANY)))
    return seaweedfs_server


def watched(memory: Memory, until: Callable[[], Any], seconds: float = 20.0, **fields: Any) -> None:
    """The watch, until that is true."""

    async def follow() -> None:
        told = out(memory)
        task = asyncio.create_task(component("s3", **fields).probe.watch(told))
        ends = time.monotonic() + seconds
        while not until() and time.monotonic() < ends and not task.done():
            await asyncio.sleep(0.005)
        task.cancel()
        (ended,) = await asyncio.gather(task, return_exceptions=True)
        assert isinstance(ended, asyncio.CancelledError), ended
        assert (told.phases, told.values) == ([], {})  # it would grow for ever, and show what the runs show

    asyncio.run(follow())


def scanned(memory: Memory, *prefixes: str) -> Callable[[], bool]:
    return lambda: set(memory.kept.get("usage", {"prefixes": ()})["prefixes"]) == set(prefixes)


def test_usage_is_the_sum_over_all_pages_by_prefix(filled: Seaweedfs) -> None:
    memory = Memory()
    quotas = {"tenant-1/": "4000B", "tenant-10/": "40B", "tenant-2/": "1MB"}
    fields = {**filled.fields(), "prefixes": quotas}
    before = readings(probe("s3", memory=memory, **fields))
    watched(memory, scanned(memory, *quotas), **fields)
    result = probe("s3", memory=memory, **fields)
    assert (result.outcome, result.reason) == ("degraded", "quota")
    assert result.detail == "tenant-10/ holds 50 bytes of 40"
    found = {name: value for name, value in readings(result).items() if "scan_t" not in name and "scan_d" not in name}
    used = 3 * MANY + 40
    assert found == {
        "stack_s3_clock_skew_seconds": pytest.approx(0.0, abs=1.0),
        'stack_s3_quota_bytes{prefix="tenant-1/"}': 4000,
        'stack_s3_used_bytes{prefix="tenant-1/"}': used,
        'stack_s3_used_ratio{prefix="tenant-1/"}': used / 4000,
        'stack_s3_objects{prefix="tenant-1/"}': MANY + 1,
        'stack_s3_scan_complete{prefix="tenant-1/"}': 1,
        'stack_s3_quota_bytes{prefix="tenant-10/"}': 40,
        'stack_s3_used_bytes{prefix="tenant-10/"}': 50,
        'stack_s3_used_ratio{prefix="tenant-10/"}': 50 / 40,
        'stack_s3_objects{prefix="tenant-10/"}': 1,
        'stack_s3_scan_complete{prefix="tenant-10/"}': 1,
        'stack_s3_quota_bytes{prefix="tenant-2/"}': 1_000_000,
        'stack_s3_used_bytes{prefix="tenant-2/"}': 0,
        'stack_s3_used_ratio{prefix="tenant-2/"}': 0,
        'stack_s3_objects{prefix="tenant-2/"}': 0,
        'stack_s3_scan_complete{prefix="tenant-2/"}': 1,
    }
    assert readings(result)['stack_s3_scan_timestamp_seconds{prefix="tenant-1/"}'] == pytest.approx(time.time(), abs=5)
    assert {name for name in before if "prefix" in name} == {
        f'stack_s3_{name}{{prefix="{prefix}"}}' for name in ("quota_bytes", "scan_complete") for prefix in quotas
    }


def test_a_prefix_is_below_the_one_of_the_url_and_quota_is_for_that(filled: Seaweedfs) -> None:
    memory = Memory()
    fields = {**filled.fields(), "url": "s3://uploads/tenant-1", "quota": "1MB", "prefixes": {"0/": "1MB"}}
    watched(memory, scanned(memory, "", "0/"), **fields)
    kept = memory.kept["usage"]["prefixes"]
    assert {prefix: found["bytes"] for prefix, found in kept.items()} == {"": 3 * MANY + 90, "0/": 50}


def test_a_scan_that_meets_its_budget_is_a_lower_bound_and_marked(filled: Seaweedfs) -> None:
    memory = Memory()
    fields = {**filled.fields(), "prefixes": {"tenant-1/": "1MB"}, "usage_budget": 1000}
    watched(memory, scanned(memory, "tenant-1/"), **fields)
    result = probe("s3", memory=memory, **fields)
    found = readings(result)
    assert (result.outcome, result.reason) == ("degraded", "scan_incomplete")
    assert result.detail == "tenant-1/: there are more than the 1000 objects of usage_budget"
    assert found['stack_s3_scan_complete{prefix="tenant-1/"}'] == 0
    assert found['stack_s3_objects{prefix="tenant-1/"}'] == 1000
    assert found['stack_s3_used_bytes{prefix="tenant-1/"}'] in (3000, 3037)


def test_a_scan_that_takes_too_long_is_a_lower_bound_and_marked(filled: Seaweedfs) -> None:
    memory = Memory()
    watched(memory, scanned(memory, ""), **filled.fields(), quota="1MB", usage_timeout="1ms")
    (found,) = memory.kept["usage"]["prefixes"].values()
    assert (found["objects"], found["problem"]) == (1000, "there are more than 1000 objects, seen within usage_timeout")


def scan(*parts: bytes) -> tuple[dict[str, Any], hostile.Hostile]:
    """One scan of a server that gives these answers on one connection, and on later ones the last."""
    memory = Memory()
    with hostile.serving(answers(*parts), answers(parts[-1])) as server:
        fields = {"url": "s3://uploads", "endpoint": server.url, "quota": "1MB", **KEYS}
        watched(memory, scanned(memory, ""), **fields)
    return memory.kept["usage"]["prefixes"][""], server


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_s3_usage, "BACKOFF", (0.01, 0.01))
    monkeypatch.setattr(_s3_usage, "PATIENCE", 0.2)


def test_a_page_that_meets_slow_down_is_asked_for_again_and_the_scan_goes_on(impatient: None) -> None:
    found, server = scan(page(1, 2, token="t&amp;1"), error(503, "SlowDown"), page(4, 8))
    assert (found["bytes"], found["objects"], found["problem"], server.connections) == (15, 4, "", 1)


@pytest.mark.parametrize(
    ("parts", "problem"),
    [
        ([page(1, token="a"), *[error(503, "SlowDown")] * 3], "slow_down: "),
        ([page(1, token="a"), error(403, "AccessDenied")], "permission: "),
        ([page(1, token="a"), page(1, token="a")], "protocol: "),
        ([page(1, token="a"), b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n"], "closed: "),
    ],
)
def test_a_scan_that_fails_says_why(parts: list[bytes], problem: str, impatient: None) -> None:
    found, _ = scan(*parts)
    assert (found["failed"], found["partial"], found["problem"].startswith(problem)) == (True, True, True)


def test_a_mute_server_ends_a_scan(impatient: None) -> None:
    memory = Memory()
    with hostile.serving(hostile.mute) as server:
        fields = {"url": "s3://uploads", "endpoint": server.url, "quota": "1MB", **KEYS}
        watched(memory, scanned(memory, ""), **fields)
    assert memory.kept["usage"]["prefixes"][""]["problem"] == "no page within 0.2 s"


def test_a_scan_that_failed_leaves_the_one_before_marked_and_is_made_again_soon(
    impatient: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    from exporter.probes import s3

    monkeypatch.setattr(s3, "AGAIN", 0.05)
    memory = Memory()
    with hostile.serving(answers(error(403, "AccessDenied")), answers(page(7))) as server:
        fields = {"url": "s3://uploads", "endpoint": server.url, "quota": "1MB", **KEYS}
        before = {"bytes": 5, "objects": 1, "partial": False, "failed": False, "problem": "", "seconds": 0.1}
        memory.put(
            "usage", {"of": f"s3://uploads/ {server.url}", "prefixes": {"": {**before, "at": time.time() - 9999}}}
        )
        seen: list[dict[str, Any]] = []

        def until() -> bool:
            seen.append(memory.kept["usage"]["prefixes"][""])
            return seen[-1]["bytes"] == 7

        watched(memory, until, **fields)
    failed = next(found for found in seen if found["failed"])
    assert (failed["bytes"], failed["objects"], failed["problem"][:10]) == (5, 1, "permission")
    assert (seen[-1]["bytes"], seen[-1]["problem"], server.connections) == (7, "", 2)


def test_a_scan_that_saw_nothing_says_nothing_of_usage() -> None:
    found = {"bytes": 0, "objects": 0, "partial": True, "failed": True, "problem": "x", "at": 1.0, "seconds": 1.0}
    memory = Memory()
    memory.put("usage", {"of": "s3://uploads/ http://127.0.0.1:1", "prefixes": {"": found}})
    result = probe("s3", url="s3://uploads", endpoint="http://127.0.0.1:1", quota="0B", memory=memory)
    assert readings(result) == {'stack_s3_quota_bytes{prefix=""}': 0, 'stack_s3_scan_complete{prefix=""}': 0}


def test_a_scan_kept_from_before_a_restart_is_not_repeated_before_its_time(filled: Seaweedfs) -> None:
    memory = Memory()
    found = {"bytes": 5, "objects": 1, "partial": False, "failed": False, "problem": "", "seconds": 0.1}
    memory.put("usage", {"of": f"s3://uploads/ {filled.url}", "prefixes": {"": {**found, "at": time.time()}}})
    watched(memory, lambda: False, 0.2, **filled.fields(), quota="1MB")
    assert memory.kept["usage"]["prefixes"][""]["bytes"] == 5
    watched(
        memory,
        lambda: memory.kept["usage"]["prefixes"][""]["bytes"] != 5,
        **filled.fields(),
        quota="1MB",
        usage_interval="1ms",
    )
    assert memory.kept["usage"]["prefixes"][""]["objects"] >= MANY


def test_what_is_kept_of_another_bucket_or_prefix_is_not_shown() -> None:
    memory = Memory()
    memory.put("usage", {"of": "s3://another/ ", "prefixes": {"": {"bytes": 1}}})
    found = readings(probe("s3", url="s3://uploads", endpoint="http://127.0.0.1:1", quota="1MB", memory=memory))
    assert set(found) == {'stack_s3_quota_bytes{prefix=""}', 'stack_s3_scan_complete{prefix=""}'}


def test_a_watch_without_quotas_ends_at_once() -> None:
    asyncio.run(asyncio.wait_for(component("s3", url="s3://uploads").probe.watch(out()), 1))


def test_a_scan_leaves_nothing_behind_when_it_is_ended() -> None:
    memory = Memory()
    with hostile.serving(hostile.mute) as server:
        fields = {"url": "s3://uploads", "endpoint": server.url, "quota": "1MB", **KEYS}
        watched(memory, lambda: server.requests, **fields)
        wait_until(lambda: server.connections == 1)
    assert memory.kept == {}
