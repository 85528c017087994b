"""The daemon's own spans over reloads and at the end: handed on, kept or counted, never just gone."""

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path

from exporter.forward.figures import DROPPED, RECEIVED
from exporter.probe import Result
from exporter.sending import Sending
from exporter.supervise import Tasks
from exporter.tally import Tallies
from tests.forward.tracing import PHASES, STARTED, read

YAML = """forward: {{traces: [{{endpoint: "http://127.0.0.1:9", timeout: {timeout}, spool: {{size: 64KiB, full: refuse}}}}]}}
"""


async def sending(then: Callable[[Sending, Tallies], Awaitable[None]], storage: Path) -> None:
    tallies = Tallies()
    tasks = Tasks(tallies)
    made = Sending(tallies, tasks, {}, ())
    await made.use(read(YAML.format(timeout="2s")), storage)
    while not made.forwarding.refusing:
        try:
            await made.forwarding.put("traces", bytes(2_000), 1)
        except Exception:  # noqa: BLE001 - full, as is wanted
            break
    for _ in range(10):
        made.ended(Result("c", "k", STARTED, 0.1, "healthy", "", "", {}, PHASES, made.traceparent()))
    await then(made, tallies)
    await made.end(0.1)
    await tasks.end()


def refused(tallies: Tallies) -> float:
    return tallies.child(DROPPED, "traces", "0", "refused").value


def test_spans_that_are_not_taken_wait_over_a_reload_and_are_counted_at_the_end(tmp_path: Path) -> None:
    async def go() -> None:
        seen: list[Tallies] = []

        async def then(made: Sending, tallies: Tallies) -> None:
            await made.use(read(YAML.format(timeout="3s")), tmp_path)
            assert refused(tallies) == 0
            seen.append(tallies)

        await sending(then, tmp_path)
        assert refused(seen[0]) == 10 * (1 + len(PHASES))

    asyncio.run(go())


def test_spans_that_were_not_taken_follow_once_there_is_room(tmp_path: Path) -> None:
    async def go() -> None:
        async def then(made: Sending, tallies: Tallies) -> None:
            before = tallies.child(RECEIVED, "traces").value
            await made.use(read(YAML.format(timeout="3s").replace("64KiB", "1MiB")), tmp_path)
            async with asyncio.timeout(5):
                while tallies.child(RECEIVED, "traces").value == before:
                    await asyncio.sleep(0.02)
            assert tallies.child(RECEIVED, "traces").value == before + 10 * (1 + len(PHASES))
            assert refused(tallies) == 0

        await sending(then, tmp_path)

    asyncio.run(go())
