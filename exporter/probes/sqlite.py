"""Can a SQLite database be read, is it whole, do its foreign keys hold, and does its WAL stay small?

Nothing is written: a missing file is not created, and no -wal or -shm file is left behind.
"""

import asyncio
import threading
import time
from collections.abc import Mapping
from functools import cached_property
from typing import Annotated, Any, ClassVar

from msgspec import Meta, field

from exporter.metric import gauge, info
from exporter.probe import Down, Probe, Readings, Signal
from exporter.probes import _sqlite_file
from exporter.probes._threads import HUNG, Lane
from exporter.values import Duration

SIZE = gauge("stack_sqlite_size_bytes", "Size of the database file.", "component")
WAL = gauge("stack_sqlite_wal_bytes", "Size of the write-ahead log beside it; 0 without one.", "component")
PAGES = gauge("stack_sqlite_pages", "Pages of the database.", "component")
FREE_PAGES = gauge("stack_sqlite_freelist_pages", "Unused pages among them, which VACUUM would give back.", "component")
FREE_RATIO = gauge("stack_sqlite_freelist_ratio", "Unused pages by all.", "component")
PAGE_SIZE = gauge("stack_sqlite_page_size_bytes", "Size of a page.", "component")
VERSION = gauge(
    "stack_sqlite_user_version", "PRAGMA user_version, where applications keep their schema's.", "component"
)
INFO = info("stack_sqlite_info", "How the file was made.", "component", "journal_mode", "auto_vacuum", "encoding")
MISMATCHES = gauge("stack_sqlite_pragma_mismatches", "Pragmas that differ from `expect`.", "component")
CHECK_OK = gauge("stack_sqlite_check_success", "Whether the last quick check found the database whole.", "component")
CHECK_COMPLETE = gauge(
    "stack_sqlite_check_complete",
    "Whether the last check ran to its end; 0: none yet, or it took too long.",
    "component",
)
CHECK_ERRORS = gauge("stack_sqlite_check_errors", "What the last quick check found, counted up to 100.", "component")
VIOLATIONS = gauge(
    "stack_sqlite_foreign_key_violations", "Rows whose parent is missing, at the last check.", "component"
)
CHECK_TIME = gauge("stack_sqlite_check_timestamp_seconds", "When the last check ended, in Unix time.", "component")
CHECK_DURATION = gauge("stack_sqlite_check_duration_seconds", "How long the last check took.", "component")

AGAIN = 60.0
"""Seconds until a check that could not be made, or found something, is made again."""
_PER_FILE = ("journal_mode", "page_size", "auto_vacuum", "encoding", "user_version", "application_id")
_PER_CONNECTION = (
    "foreign_keys", "synchronous", "cache_size", "mmap_size", "temp_store", "busy_timeout", "locking_mode",
    "journal_size_limit", "wal_autocheckpoint", "recursive_triggers", "secure_delete", "threads", "query_only",
)  # fmt: skip


class Sqlite(Probe, kw_only=True, frozen=True):
    reasons: ClassVar[Mapping[str, str]] = {
        "missing": "There is no such file; it is not created.",
        "not_a_file": "The path is a directory, a device or a pipe.",
        "permission": "The file, its -wal or -shm file or their directory may not be read.",
        "corrupt": "It is no SQLite database, its pages are damaged, or the last quick check found faults.",
        "locked": "A writer holds it exclusively for longer than the run may wait.",
        "recovery": "A writer died in a transaction: another must first roll its journal back.",
        "io": "Reading fails with an error of input or output.",
        "hung": HUNG,
        "foreign_keys": "Rows point to parents that are not there, or a key has none.",
        "pragma": "A pragma stored in the file differs from what is expected.",
        "check_incomplete": "The check was broken off at check_timeout: whether the database is whole is not known.",
    }
    signals: ClassVar[tuple[Signal, ...]] = (
        Signal("foreign_key_violations", VIOLATIONS, "number", "Rows whose parent is missing.", warning=1),
        # Checkpoints keep a WAL near 4 MB (wal_autocheckpoint, 1,000 pages); at 64 times that some reader never ends.
        Signal("wal", WAL, "bytes", "Size of the write-ahead log.", warning=256 << 20),
        Signal("size", SIZE, "bytes", "Size of the database file."),
        Signal("freelist", FREE_RATIO, "ratio", "Unused pages by all."),
    )

    path: Annotated[
        str,
        Meta(
            min_length=1,
            description="The database file. It is opened read-only.",
            examples=["/var/lib/shop/shop.db"],
        ),
    ]
    expect: Annotated[
        dict[str, str | int],
        Meta(
            description="Pragmas stored in the file, and their values: journal_mode (wal, or delete for any other), "
            "page_size, auto_vacuum (none, full, incremental), encoding, user_version, application_id. Those of a "
            "connection, such as foreign_keys, synchronous, cache_size and mmap_size, can't be seen from outside."
        ),
    ] = field(default_factory=dict)
    check_interval: Annotated[Duration, Meta(description="Time between two quick checks and foreign key checks.")] = (
        3600.0
    )
    check_timeout: Annotated[
        Duration,
        Meta(
            description="Longest that a check takes; without WAL, where writers wait for it, it is broken off after 1s."
        ),
    ] = 60.0

    def __post_init__(self) -> None:
        if not self.path.startswith("/"):
            raise ValueError("path: expected an absolute path, such as /var/lib/shop/shop.db")
        for name, value in self.expect.items():
            if name in _PER_CONNECTION:
                raise ValueError(
                    f"expect.{name}: it belongs to each connection and is not in the file, so it can't be seen from "
                    "outside: have the application report it"
                )
            if name not in _PER_FILE:
                raise ValueError(f"expect: only {', '.join(_PER_FILE)} can be read from the file")
            if name == "journal_mode" and str(value).lower() not in ("wal", "delete"):
                raise ValueError(
                    "expect.journal_mode: the file tells only wal from the others, which are given as delete"
                )

    @cached_property
    def _lane(self) -> Lane:
        return Lane()

    async def run(self, out: Readings) -> None:
        self._report(out)
        found = await self._lane.call(out.deadline, f"opening {self.path}", _sqlite_file.read, self.path, out.deadline)
        out.set(SIZE, found.size)
        out.set(WAL, found.wal)
        out.set(PAGES, found.pages)
        out.set(FREE_PAGES, found.free_pages)
        out.set(FREE_RATIO, found.free_pages / found.pages if found.pages else 0.0)
        out.set(PAGE_SIZE, found.page_size)
        out.set(VERSION, int(found.pragmas["user_version"]))
        out.set(INFO, 1, *(str(found.pragmas[name]) for name in ("journal_mode", "auto_vacuum", "encoding")))
        wrong = [
            f"{name} is {found.pragmas[name]}, not {value}"
            for name, value in self.expect.items()
            if str(found.pragmas[name]).lower() != str(value).lower()
        ]
        out.set(MISMATCHES, len(wrong))
        last = self._checked(out)
        if last and last["errors"]:
            raise Down("corrupt", f"quick_check of {self.path}: {last['first']}"[:200])
        if wrong:
            out.degraded("pragma", "; ".join(wrong)[:200])
        if last and last["violations"]:
            out.degraded(
                "foreign_keys", f"{last['violations']} rows of {self.path} point to parents that are not there"
            )
        if last and not last["complete"]:
            out.degraded("check_incomplete", f"the check of {self.path} was broken off after {last['seconds']:.1f} s")

    async def watch(self, out: Readings) -> None:
        """Check now and then. Between two steps the check lets waiting runs through, in the one thread they share."""
        last = self._checked(out)
        while True:
            if last:
                pause = self.check_interval if not last["errors"] else min(self.check_interval, AGAIN)
                await asyncio.sleep(min(max(last["at"] + pause - time.time(), 0.0), pause))
            stop = threading.Event()
            check = _sqlite_file.Check(self.path, self.check_timeout, stop, self._lane.serve)
            try:
                found = await self._lane.call(0.0, f"checking {self.path}", check.run)
            except Down as down:
                if down.reason != "corrupt":  # each run says what it is
                    await asyncio.sleep(min(self.check_interval, AGAIN))
                    continue
                found = _sqlite_file.broken(down.detail)  # too damaged for quick_check to list its faults
            finally:
                stop.set()
            last = {"path": self.path, "at": time.time(), **found}
            out.keep("check", last)

    def _checked(self, out: Readings) -> dict[str, Any] | None:
        last: dict[str, Any] | None = out.kept("check")
        return last if last and last["path"] == self.path else None

    def _report(self, out: Readings) -> None:
        last = self._checked(out)
        out.set(CHECK_COMPLETE, float(bool(last and last["complete"])))
        if last is None:
            return
        out.set(CHECK_TIME, last["at"])
        out.set(CHECK_DURATION, last["seconds"])
        if last["complete"]:
            out.set(CHECK_OK, float(not last["errors"]))
            out.set(CHECK_ERRORS, last["errors"])
            out.set(VIOLATIONS, last["violations"])
