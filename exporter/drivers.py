"""Imports the drivers of configured kinds, beside the loop that serves meanwhile: asyncpg alone takes 80 ms."""

import asyncio
import importlib
import logging
import sys
from collections.abc import Iterable

from exporter.component import Component

log = logging.getLogger(__name__)


async def load(components: Iterable[Component]) -> None:
    """Import what they need and what is not there yet. Never raises."""
    wanted = {driver for component in components for driver in component.probe.needs}
    for name in sorted(wanted - sys.modules.keys()):
        try:
            await asyncio.to_thread(importlib.import_module, name)
        except Exception:
            # It was found when the configuration was read. The runs of its components will say the same.
            log.exception("a driver can't be imported", extra={"driver": name})
