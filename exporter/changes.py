"""Files with components that come, go or change: a reload follows within seconds."""

import asyncio
import math
from collections.abc import Awaitable, Callable

from exporter.config import Config
from exporter.config.component_files import fingerprint
from exporter.supervise import Tasks

EVERY = 1.0
"""Seconds between two looks; by name, as inotify tells nothing of NFS and of a ConfigMap's links."""


class Changes:
    """Those of the configuration in force. Without patterns there is no task."""

    def __init__(self, tasks: Tasks, reload: Callable[[], Awaitable[object]]) -> None:
        self._tasks = tasks
        self._reload = reload
        self._config = Config()

    async def use(self, config: Config) -> None:
        """From now on the files of this one."""
        had, self._config = self._config, config
        if config.component_files and not had.component_files:
            # inf: a mount that hangs is no reason to be restarted.
            self._tasks.start("files", self._work, heartbeat=math.inf)
        elif had.component_files and not config.component_files:
            await self._tasks.end("files")

    async def _work(self) -> None:
        refused = pending = None
        while True:
            await asyncio.sleep(EVERY)
            before = self._config
            now = await asyncio.to_thread(fingerprint, before.component_files)
            self._tasks.beat("files")
            if before is not self._config or now in (before.files_seen, refused):
                continue
            if now != pending:
                pending = now  # it may be half written: what is the same at the next look is whole
                continue
            refused = now  # what is refused is looked at again when it has changed again
            await self._reload()
