"""Runs a prober in the test's own process, on an event loop of its own."""

import asyncio
from collections.abc import Sequence

from exporter.blackbox.access import Access
from exporter.blackbox.probing import probe
from exporter.blackbox.run import Run
from exporter.config.modules import modules


def ask(module: str, target: str, *, allow: Sequence[str] = ("127.0.0.0/8", "::1"), seconds: float = 2.0) -> Run:
    """The run that it was; its log is kept. Raises Forbidden."""
    run = Run(modules(f"modules: {{x: {module}}}", "m.yml")["x"], target, Access(allow), seconds=seconds, debug=True)
    asyncio.run(_alone(run))
    return run


async def _alone(run: Run) -> None:
    run.began += (now := asyncio.get_running_loop().time()) - run.began
    run.deadline = now + (run.deadline - run.began if run.deadline > run.began else 0.0)
    await probe(run)
    assert not [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]


def values(run: Run) -> dict[str, float]:
    """Of the families without labels."""
    return {family.name: value for (family, labels), value in run.values.items() if not labels}
