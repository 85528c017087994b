"""Files with components, and, where it is asked for, all that was read: when they change, a reload follows."""

import asyncio
import math
from collections.abc import Awaitable, Callable, Sequence

from exporter.config import Config
from exporter.config.component_files import Fingerprint, fingerprint, stats
from exporter.supervise import Tasks

EVERY = 1.0
"""Seconds between two looks; by name, as inotify tells nothing of NFS and of a ConfigMap's links."""
AGAIN = 30.0
"""Seconds until what is watched and was refused is tried again: a Secret may be mounted after what names it."""


class Changes:
    """Those of the configuration in force. Where there is nothing to look at there is no task.

    `beside` are watched although the configuration does not name them; None: nothing but files with components is.
    """

    def __init__(
        self, tasks: Tasks, reload: Callable[[], Awaitable[object]], beside: Sequence[str] | None = None
    ) -> None:
        self._tasks = tasks
        self._reload = reload
        self._whole = beside is not None
        self._beside = tuple(beside or ())
        self._beside_seen = stats(self._beside)
        self._config = Config()
        self._refused: tuple[Fingerprint, ...] | None = None
        self._working = False

    async def use(self, config: Config) -> None:
        """From now on the files of this one."""
        self._config, self._refused = config, None
        wanted = bool(config.component_files) or (self._whole and bool(config.files_read or self._beside))
        if wanted and not self._working:
            # inf: a mount that hangs is no reason to be restarted.
            self._tasks.start("files", self._work, heartbeat=math.inf)
        elif self._working and not wanted:
            await self._tasks.end("files")
        self._working = wanted

    async def _work(self) -> None:
        pending = None
        tried = 0.0
        while True:
            await asyncio.sleep(EVERY)
            before, now = self._config, await asyncio.to_thread(self._look, self._config)
            self._tasks.beat("files")
            # What was refused, and is as it was before, is taken again: nobody else would say that all is well.
            if before is not self._config or (now == self._seen(before) and self._refused is None):
                continue
            time = asyncio.get_running_loop().time()
            if now == self._refused and (not self._whole or time - tried < AGAIN):
                continue  # what is refused is looked at again when it has changed again
            if now != pending:
                pending = now  # it may be half written: what is the same at the next look is whole
                continue
            self._refused, tried, self._beside_seen = now, time, now[2]  # until `use` is called, when it is taken
            await self._reload()

    def _look(self, config: Config) -> tuple[Fingerprint, Fingerprint, Fingerprint]:
        read = stats(name for name, *_ in config.files_read) if self._whole else config.files_read
        return fingerprint(config.component_files), read, stats(self._beside)

    def _seen(self, config: Config) -> tuple[Fingerprint, Fingerprint, Fingerprint]:
        return config.files_seen, config.files_read, self._beside_seen
