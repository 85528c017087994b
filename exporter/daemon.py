"""The daemon's process: its signals, its loop, its file descriptors; from the first line it says to its exit status."""

import asyncio
import gc
import logging
import os
import resource
import signal
from collections.abc import Callable, Coroutine
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING, Any, NoReturn

from exporter import log as logs
from exporter.leave import leave, refuse
from exporter.notify import Notify
from exporter.options import Options

if TYPE_CHECKING:
    from exporter.app import App
    from exporter.plan import Plan

log = logging.getLogger(__name__)

DESCRIPTORS = 65_536


def run(options: Options) -> int:
    """The daemon, until SIGTERM or SIGINT; a second one ends it at once. SIGHUP reloads."""
    from exporter.plan import plan  # noqa: PLC0415 - the verbs that don't serve need not import the servers

    # Until the loop takes signals: nothing has begun that would have to be finished, and what is read is new anyhow.
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: leave(0))
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    _allow_descriptors()
    complete(_serve(options, plan(options, os.environ)))


def _allow_descriptors() -> None:
    """Take as many as we may: the soft limit is often 1024, for the sake of select(), which we don't use."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = DESCRIPTORS if hard == resource.RLIM_INFINITY else min(hard, DESCRIPTORS)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        with suppress(OSError, ValueError):
            resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


def complete(work: Coroutine[Any, Any, int]) -> NoReturn:
    """Run it and leave with its status. The loop is not closed, as that waits for threads: one of them may be stuck."""
    try:
        import uvloop  # noqa: PLC0415 - CPython only; with it a probe costs half the CPU
    except ImportError:
        loop = asyncio.new_event_loop()
    else:
        loop = uvloop.new_event_loop()
    leave(loop.run_until_complete(work))


async def _serve(options: Options, first: "Plan") -> int:
    from exporter.announce import announce  # noqa: PLC0415
    from exporter.app import App  # noqa: PLC0415
    from exporter.forward.spool_folder import InUse  # noqa: PLC0415
    from exporter.store.sqlite import Unusable  # noqa: PLC0415
    from exporter.web.health import ailments  # noqa: PLC0415

    loop = asyncio.get_running_loop()
    ended = asyncio.Event()

    def end(number: int) -> None:
        if ended.is_set():
            leave(128 + number)
        ended.set()

    def on(number: int, do: Callable[[], object]) -> None:
        # Not add_signal_handler: uvloop 0.22 calls its handler twice for one signal that arrives while it reads of
        # another (loop.pyx, _invoke_signals), and a second SIGTERM ends us at once.
        signal.signal(number, lambda *_: loop.call_soon_threadsafe(do))

    for number in (signal.SIGTERM, signal.SIGINT):
        on(number, partial(end, number))
    try:
        app = App(options, os.environ, first)
    except ValueError as error:
        return refuse(error)
    notify = Notify(os.environ)
    tasks: set[asyncio.Task[object]] = set()

    def keep(task: asyncio.Task[object]) -> None:
        tasks.add(task)
        task.add_done_callback(tasks.discard)

    def reload() -> None:
        keep(loop.create_task(_reload(app, notify)))

    on(signal.SIGHUP, reload)
    try:
        await app.start()
    except OSError as error:
        return refuse(error.strerror or error)
    except (Unusable, InUse) as error:
        return refuse(error)
    # What the start made stays, and runs leave no rings behind: collecting as often as Python does by itself found
    # nothing and took a seventh of a probe.
    gc.freeze()
    gc.set_threshold(20_000, 20, 20)
    # Whoever read what we say has gone: no reason to end. rich makes a SystemExit of it.
    with suppress(OSError, SystemExit):
        state = str(app.store.file) if app.store.file else "in memory, lost at the end; --storage.path keeps it"
        configured = options.config_file is not None
        urls, onward = app.listeners.urls, app.sending.told
        announce(app.plan, urls, state, console=logs.is_console(), configured=configured, onward=onward)
    notify.ready(_status(app))
    keep(loop.create_task(notify.watchdog(lambda: ailments(app.tasks, app.scheduler))))
    await ended.wait()
    notify.stopping()
    log.info("stopping, 8 s at most%s", "; Ctrl-C again ends it now" if logs.is_console() else "")
    try:
        await asyncio.wait_for(app.stop(), 7.5)
    except TimeoutError:
        log.warning("stopping took too long and was cut short")
    notify.close()
    return 0


async def _reload(app: "App", notify: Notify) -> None:
    """Whoever waits for the reload hears of its end, however it ended: the log has what was wrong."""
    notify.reloading()
    refused = True
    try:
        refused = bool(await app.reload())
    finally:
        notify.ready(f"{_status(app)}{'; the last reload was refused' if refused else ''}")


def _status(app: "App") -> str:
    many = len(app.plan.config.components)
    return f"{many} component{'' if many == 1 else 's'}, {app.listeners.urls['web']}"
