"""What do log files say, how often, and are they rotated and kept as declared?

Lines are counted as they come, each once, through every kind of rotation and over restarts.
"""

import asyncio
import contextlib
import time
from collections.abc import Mapping
from functools import cached_property
from typing import Annotated, Any, ClassVar

from msgspec import Meta

from exporter.metric import counter, gauge, histogram
from exporter.probe import Down, Probe, Readings, Signal
from exporter.probes._log_check import check, told
from exporter.probes._log_count import Counts, Taken
from exporter.probes._log_forms import parser
from exporter.probes._log_level import LEVELS
from exporter.probes._log_names import Listing, look
from exporter.probes._log_policy import stock, uses
from exporter.probes._log_settings import UNITS, Files
from exporter.probes._log_tail import POLL, Tail
from exporter.probes._threads import HUNG, Lane

LINES = counter(
    "stack_logs_lines_total", "Lines, by what they say of themselves.", "component", "file", "level", "logger"
)
BYTES = counter("stack_logs_bytes_total", "Bytes of the lines counted.", "component", "file")
UNPARSED = counter(
    "stack_logs_unparsed_lines_total", "Lines among them that have not the configured format.", "component", "file"
)
TRUNCATED = counter("stack_logs_truncated_lines_total", "Lines among them longer than 64 KiB.", "component", "file")
REQUESTS = counter(
    "stack_logs_requests_total", "Requests in access logs.", "component", "file", "method", "status_class"
)
DURATION = histogram(
    "stack_logs_request_duration_seconds", "How long those requests took.", "component", "file", "status_class"
)
RESPONSE_BYTES = counter("stack_logs_response_bytes_total", "Bytes of the responses to them.", "component", "file")
SILENCE = gauge("stack_logs_last_line_age_seconds", "Time since the last line.", "component", "file")
UNREAD = gauge("stack_logs_unread_bytes", "Bytes written and not yet read.", "component", "file")
LIVE = gauge("stack_logs_files", "Files that are followed.", "component", "file")
ROTATED = gauge("stack_logs_rotated_files", "Rotated files that are kept of them.", "component", "file")
STORED = gauge("stack_logs_stored_bytes", "Size of them all.", "component", "file")
LARGEST = gauge("stack_logs_largest_file_bytes", "Size of the largest of them.", "component", "file")
OLDEST = gauge(
    "stack_logs_oldest_file_age_seconds", "Time since the last line of the oldest rotated file.", "component", "file"
)
USED = gauge("stack_logs_policy_used_ratio", "What there is by what the policy allows.", "component", "file", "rule")
BROKEN = gauge(
    "stack_logs_policy_broken", "Whether a rule of the policy is broken, 1 or 0.", "component", "file", "rule"
)

# A turn in the thread is short, so that runs, which share it, and the loop, which shares the interpreter's lock, wait
# for 20 ms at most; the pause behind it leaves half a core to others while there is much to read.
TURN, PAUSE = 0.02, 0.02
KEEP = 1.0
"""Seconds between two writings of the places in the files."""
RECENT = 86400.0
"""Seconds within which a file changed that is missed when it is left out."""
UNFIT = 10
"""Lines without a single one of the configured format, from which on the format is wrong."""


class Logs(Probe, kw_only=True, frozen=True):
    reasons: ClassVar[Mapping[str, str]] = {
        "missing": "There is no such file, and it is required.",
        "not_a_file": "The path is a directory, a device or a socket.",
        "permission": "The file or its directory may not be read.",
        "io": "Reading fails with an error of input or output.",
        "hung": HUNG,
        "policy": "A file is larger or older than the policy allows, there are too many, or one is not compressed.",
        "format": "Not one of the last lines has the configured format.",
        "damaged": "A compressed file can't be read to its end; the lines behind the damage are not counted.",
        "too_many": "More files changed within a day than are followed at once; those unchanged the longest are not.",
    }
    signals: ClassVar[tuple[Signal, ...]] = (
        Signal("silence", SILENCE, "seconds", "Time since the last line."),
        Signal("unread", UNREAD, "bytes", "Bytes written and not yet read."),
        Signal("policy", USED, "ratio", "What there is by what the policy allows."),
        Signal("stored", STORED, "bytes", "Size of the logs and their rotated files."),
        Signal("request_duration", DURATION, "seconds", "How long requests take.", statistic="p95"),
    )
    example: ClassVar[str] = """\
files:
  app: {path: /var/log/shop/*.log, format: json, fields: {level: severity}}
  access: {path: /var/log/nginx/access.log, format: combined, policy: {size: 100MB, keep: 14d}}
"""

    files: Annotated[
        dict[str, Files],
        Meta(
            min_length=1,
            description="Files by what they are for; the name is the label `file`.",
            examples=[{"app": {"path": "/var/log/shop/app.log"}}],
        ),
    ]

    @cached_property
    def _lane(self) -> Lane:
        return Lane()

    @cached_property
    def _tails(self) -> dict[str, Tail]:
        return {}

    @cached_property
    def _fits(self) -> dict[str, list[int]]:
        """Lines with and without the configured format since the last run that saw some."""
        return {name: [0, 0] for name in self.files}

    async def run(self, out: Readings) -> None:
        down: Down | None = None
        for name, files in self.files.items():
            tail = self._tails.get(name)
            known = tail.book.known if tail else ()
            what = f"looking at {files.path}"
            found = await self._lane.call(out.deadline, what, look, files.path, files.rotated, known)
            self._report(out, name, found)
            try:
                await self._lane.call(out.deadline, what, check, files, found, tail.book.error if tail else None)
            except Down as error:
                down = down or Down(error.reason, f"{name}: {error.detail}"[:200])
            self._judge(out, name, found)
        if down is not None:
            raise down

    def _report(self, out: Readings, name: str, found: Listing) -> None:
        now, tail = time.time(), self._tails.get(name)
        there = stock(found, now)
        out.set(LIVE, there.live, name)
        out.set(ROTATED, there.rotated, name)
        out.set(STORED, there.bytes, name)
        out.set(LARGEST, there.largest, name)
        if there.rotated:
            out.set(OLDEST, there.oldest, name)
        last = tail.last if tail else 0.0
        if last := last or max((one.changed / 1e9 for one in found.live), default=0.0):
            out.set(SILENCE, max(0.0, now - last), name)
        if tail:
            out.set(UNREAD, tail.book.unread, name)
        if (policy := self.files[name].policy) is not None:
            for use in uses(policy, there):
                out.set(USED, use.ratio, name, use.rule)
                out.set(BROKEN, float(use.broken), name, use.rule)
                if use.broken:
                    out.degraded("policy", f"{name}, {use.rule}: {use.said}"[:200])

    def _judge(self, out: Readings, name: str, found: Listing) -> None:
        tail, (fit, unfit) = self._tails.get(name), self._fits[name]
        if fit:
            self._fits[name] = [0, 0]
        elif unfit >= UNFIT:
            out.degraded("format", f"{name}: none of {unfit} lines has the format {self.files[name].format}")
        if found.live and found.error is not None:  # its rotated files can't be seen
            out.degraded(*told(found.error, self.files[name].path))
        if missed := [one for one in found.left if time.time() - one.changed / 1e9 < RECENT]:
            out.degraded(
                "too_many", f"{name}: {len(missed)} files beyond {len(found.live)}, {missed[-1].path} is one"[:200]
            )
        if tail and (damage := tail.book.damaged()):
            out.degraded("damaged", f"{name}: {damage}"[:200])

    async def watch(self, out: Readings) -> None:
        """Follow the files. What is counted and the places it was counted up to change together, here on the loop."""
        places = {name: out.kept(name) for name in self.files}
        changed: set[str] = set()
        for name, files in self.files.items():
            parse = parser(files.format, files.fields, files.pattern)
            counts = Counts(parse, files.loggers, UNITS[files.duration_unit], every=bool(files.service))
            self._tails[name] = Tail(files.path, files.rotated, counts, places[name], from_start=files.begin == "start")
            for metric in (BYTES, UNPARSED, TRUNCATED):
                out.count(metric, 0, name)
            for logger in files.loggers or ([""] if files.format == "text" else []):
                for level in LEVELS:
                    out.count(LINES, 0, name, level, logger)
        tails = dict(self._tails)
        try:
            due = 0.0
            while True:
                more = False
                for name, tail in tails.items():
                    what = f"reading {tail.pattern}"
                    left, taken, state = await self._lane.call(0.0, what, _turn, tail)
                    self._count(out, name, taken)
                    more |= left
                    if state != places[name]:
                        places[name] = state
                        changed.add(name)
                if changed and time.monotonic() >= due:
                    due = time.monotonic() + KEEP
                    while changed:
                        out.keep(name := changed.pop(), places[name])
                await _pause(PAUSE if more else POLL, [pipe for tail in tails.values() for pipe in tail.pipes()])
        finally:
            for name in changed:
                out.keep(name, places[name])
            for tail in tails.values():
                self._lane.later(f"closing {tail.pattern}", tail.book.close)

    def _count(self, out: Readings, name: str, taken: Taken) -> None:
        for (level, logger), count in taken.lines.items():
            out.count(LINES, count, name, level, logger)
        if taken.bytes:
            fits = self._fits[name]
            fits[0] += sum(taken.lines.values()) - taken.unparsed
            fits[1] += taken.unparsed
            out.count(BYTES, taken.bytes, name)
            out.count(UNPARSED, taken.unparsed, name)
            out.count(TRUNCATED, taken.truncated, name)
        for (method, kind), count in taken.requests.items():
            out.count(REQUESTS, count, name, method, kind)
        for kind, seconds in taken.durations:
            out.observe(DURATION, seconds, name, kind)
        for method, path, status, seconds in taken.seen:
            out.request(self.files[name].service, method, path, status, seconds)
        if taken.requests:
            out.count(RESPONSE_BYTES, taken.response_bytes, name)


def _turn(tail: Tail) -> tuple[bool, Taken, dict[str, Any]]:
    """Whether there is more to read, what was counted, and from where to go on after it."""
    ends = time.monotonic() + TURN
    more = tail.turn(lambda: time.monotonic() < ends)
    return more, tail.counts.taken(), tail.state()


async def _pause(seconds: float, pipes: list[int]) -> None:
    """Wait, at most until there is something in a pipe."""
    if not pipes:
        await asyncio.sleep(seconds)
        return
    loop, ready = asyncio.get_running_loop(), asyncio.Event()
    try:
        for pipe in pipes:
            loop.add_reader(pipe, ready.set)
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(ready.wait(), seconds)
    finally:
        for pipe in pipes:
            loop.remove_reader(pipe)
