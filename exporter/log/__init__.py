"""Logging: a line of JSON or one for people, repeats counted; and one line for each change of a component."""

import logging
import os
import threading
import time
import traceback
from collections.abc import Callable
from contextlib import suppress
from contextvars import ContextVar
from typing import Literal, TextIO

from exporter.log.line import as_console, as_json, fields
from exporter.log.recent import Recent
from exporter.log.repeats import WINDOW, Repeats
from exporter.redact import redacted
from exporter.state import Record, Status

log = logging.getLogger(__name__)

request_id: ContextVar[str] = ContextVar("request_id", default="")
"""The id of the request that is being served; it is in each of its lines."""

_LEVELS: dict[Status, int] = {"unhealthy": logging.WARNING, "degraded": logging.WARNING}


def setup(level: str, format: Literal["json", "console"], stream: TextIO) -> None:  # noqa: A002 - the flag's own word
    """Send all logging to `stream`, Python's warnings too. `level` is for our own; others' starts at info at least."""
    root = logging.getLogger()
    for handler in [handler for handler in root.handlers if isinstance(handler, Lines)]:
        root.removeHandler(handler)
        handler.close()
    root.addHandler(Lines(stream, format))
    least = logging.getLevelNamesMapping()[level.upper()]
    # Other packages' debug lines come with every request, and some show what is sent.
    root.setLevel(max(least, logging.INFO))
    logging.getLogger("exporter").setLevel(least)
    logging.captureWarnings(capture=True)


def is_console() -> bool:
    """Whether lines are for people."""
    return any(isinstance(handler, Lines) and handler.style == "console" for handler in logging.getLogger().handlers)


def ring() -> Recent | None:
    """The lines that were written last; None where no logging was set up."""
    return next((handler.recent for handler in logging.getLogger().handlers if isinstance(handler, Lines)), None)


def change(before: Status, record: Record) -> None:
    """Log what a run changed: the component's status, or that its probe has begun to fail by a defect of ours.

    `before` is the status before the run. Most runs change nothing and log nothing.
    """
    status, result = record.status, record.result
    if result is None:
        return
    error = result.error if result.reason == "internal" and _is_new(record) else None
    if status == before and error is None:
        return
    component = record.component
    extra = {
        "component": component.name,
        "reason": result.reason,
        "trace_id": result.trace_id,
        "kind": component.kind,
        "status": status,
        "before": before,
        "detail": result.detail,
        "duration": round(result.duration, 6),
    }
    if error is not None:
        said = f"the probe of {component.name} is defective" if status == before else f"{component.name} is {status}"
        raised = (type(error), error, error.__traceback__)
        made = log.makeRecord(log.name, logging.ERROR, __file__, 0, said, (), raised, "change", extra)
        # Whole and without the component's secrets, however what was raised shows itself.
        made.exc_text = redacted("".join(traceback.format_exception(error)), component.probe)
        log.handle(made)
        return
    level = _LEVELS.get(status, logging.INFO)
    if status == "unhealthy" and component.critical:
        level = logging.ERROR
    log.log(level, "%s is %s", component.name, status, extra=extra)


def _is_new(record: Record) -> bool:
    """Whether the last run's reason and detail differ from those of the run before it."""
    last = [(run.reason, run.detail) for run in list(record.runs)[-2:]]
    return len(last) < 2 or last[0] != last[1]


class Lines(logging.Handler):
    """Writes each record as a line, and counts repeats: the first is written, then at most one line in ten seconds."""

    def __init__(
        self,
        stream: TextIO,
        style: Literal["json", "console"],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        super().__init__()
        self.style = style
        self.recent = Recent()
        self._stream = stream
        self._encoding = (getattr(stream, "encoding", None) or "utf-8").lower()
        self._colour = stream.isatty() and not os.environ.get("NO_COLOR")
        self._repeats = Repeats(clock)
        self._timer: threading.Timer | None = None

    def emit(self, record: logging.LogRecord) -> None:
        self._tell_repeats(at=record.created)
        if not self._repeats.again(record):
            self._write(record, 0)
        elif self._timer is None:
            self._set_timer()

    def close(self) -> None:
        """Tell what was counted, and stop counting."""
        assert self.lock is not None  # noqa: S101 - logging's own, made in its constructor
        with self.lock:
            if self._timer is not None:
                self._timer.cancel()
                self._timer = None
            self._tell_repeats(now=True)
        super().close()

    def _write(self, record: logging.LogRecord, repeated: int) -> None:
        found = fields(record, {"repeated": repeated} if repeated else {"request_id": request_id.get()})
        if self.style == "json":
            line = as_json(found, ascii_only=not self._encoding.startswith("utf"))
        else:
            line = as_console(found, colour=self._colour)
            line = line.encode(self._encoding, "backslashreplace").decode(self._encoding)
        self.recent.add(record.levelno, record.created, found, len(line))
        # A log that can't be written (a closed pipe, a full disk) stops nothing.
        with suppress(OSError, ValueError):
            self._stream.write(line + "\n")
            self._stream.flush()

    def _tell_repeats(self, *, now: bool = False, at: float | None = None) -> None:
        for record, count in self._repeats.due(now=now):
            record.created = time.time() if at is None else at  # in the order of the lines around it
            self._write(record, count)

    def _set_timer(self) -> None:
        """Have the repeats told even when nothing more is logged."""
        self._timer = threading.Timer(WINDOW, self._ring)
        self._timer.daemon = True
        self._timer.start()

    def _ring(self) -> None:
        assert self.lock is not None  # noqa: S101
        with self.lock:
            if self._timer is None:
                return
            self._timer = None
            self._tell_repeats()
            if self._repeats.pending():
                self._set_timer()
