"""The command stack-exporter: runs the daemon, or one of its verbs."""

import asyncio
import gc
import json
import logging
import os
import resource
import signal
import sys
from collections.abc import Coroutine, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING, Any, NoReturn

from exporter import log as logs
from exporter.config.problem import ConfigError
from exporter.options import OFF, Options, parse

if TYPE_CHECKING:
    from exporter.plan import Plan

log = logging.getLogger(__name__)

DESCRIPTORS = 65_536
REFUSED = 2
"""Exit status for what the user has to mend: arguments, configuration, addresses, the folder for state."""


def main(arguments: Sequence[str] | None = None) -> None:
    """Parse, do, and leave with the exit status."""
    try:
        options = parse(sys.argv[1:] if arguments is None else arguments, os.environ)
    except SystemExit as ended:
        leave(int(ended.code or 0))
    console = options.log_format == "console" or (not options.log_format and sys.stderr.isatty())
    logs.setup(options.log_level, "console" if console else "json", sys.stderr)
    try:
        status = VERBS[options.verb](options)
    except ConfigError as error:
        print(error, file=sys.stderr)  # noqa: T201 - read by people
        status = REFUSED
    except (BrokenPipeError, SystemExit):
        # Whoever read has enough; rich makes a SystemExit of it.
        status = 0
    except KeyboardInterrupt:
        leave(128 + signal.SIGINT)
    leave(status)


def leave(status: int) -> NoReturn:
    """End at once: a probe stuck in a thread must not hold up the process."""
    for stream in (sys.stdout, sys.stderr):
        # Whoever read it has gone; or a signal came while it was being written.
        with suppress(OSError, RuntimeError):
            stream.flush()
    logging.shutdown()
    os._exit(status)


def run(options: Options) -> int:
    """The daemon, until SIGTERM or SIGINT; a second one ends it at once. SIGHUP reloads."""
    from exporter.plan import plan  # noqa: PLC0415 - the verbs that don't serve need not import the servers

    # Until the loop takes signals: nothing has begun that would have to be finished, and what is read is new anyhow.
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: leave(0))
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    _allow_descriptors()
    _complete(_serve(options, plan(options, os.environ)))


def _allow_descriptors() -> None:
    """Take as many as we may: the soft limit is often 1024, for the sake of select(), which we don't use."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = DESCRIPTORS if hard == resource.RLIM_INFINITY else min(hard, DESCRIPTORS)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        with suppress(OSError, ValueError):
            resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


def _complete(work: Coroutine[Any, Any, int]) -> NoReturn:
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
    from exporter.store.sqlite import Unusable  # noqa: PLC0415

    loop = asyncio.get_running_loop()
    ended = asyncio.Event()

    def end() -> None:
        if ended.is_set():
            leave(128 + signal.SIGTERM)
        ended.set()

    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, end)
    try:
        app = App(options, os.environ, first)
    except ValueError as error:
        return _refuse(error)
    reloads: set[asyncio.Task[object]] = set()

    def reload() -> None:
        task = loop.create_task(app.reload())
        reloads.add(task)
        task.add_done_callback(reloads.discard)

    loop.add_signal_handler(signal.SIGHUP, reload)
    try:
        await app.start()
    except OSError as error:
        return _refuse(error.strerror or error)
    except Unusable as error:
        return _refuse(error)
    # What the start made stays, and runs leave no rings behind: collecting as often as Python does by itself found
    # nothing and took a seventh of a probe.
    gc.freeze()
    gc.set_threshold(20_000, 20, 20)
    # Whoever read what we say has gone: no reason to end. rich makes a SystemExit of it.
    with suppress(OSError, SystemExit):
        state = str(app.store.file) if app.store.file else "in memory, lost at the end: --storage.path keeps it"
        announce(app.plan, app.listeners.urls, state, console=logs.is_console())
    await ended.wait()
    log.info("stopping")
    try:
        await asyncio.wait_for(app.stop(), 7.5)
    except TimeoutError:
        log.warning("stopping took too long and was cut short")
    return 0


def _refuse(why: object) -> int:
    print(f"stack-exporter: {why}", file=sys.stderr)  # noqa: T201 - read by people
    return REFUSED


def check(options: Options) -> int:
    """Every problem of the configuration, of the web configuration and of the addresses; or what they hold."""
    from exporter.plan import plan  # noqa: PLC0415
    from exporter.web import address, toolkit  # noqa: PLC0415

    wrong: list[object] = []
    valid: list[str] = []
    try:
        components = len(plan(options, os.environ).config.components)
        valid.append(f"{options.config_file or 'what the environment names'}: valid, {components} components")
    except ConfigError as error:
        wrong.append(error)
    if options.web_config_file is not None:
        try:
            toolkit.read(options.web_config_file)
            valid.append(f"{options.web_config_file}: valid")
        except ConfigError as error:
            wrong.append(error)
    for flag in ("web.listen-address", "web.health-address", "ingest.listen-address"):
        written = getattr(options, flag.replace(".", "_").replace("-", "_"))
        try:
            if written != OFF or flag == "web.listen-address":
                address.parse(written)
        except ValueError as error:
            wrong.append(f"--{flag}: {error}")
    print(*(wrong or valid), sep="\n", file=sys.stderr if wrong else sys.stdout)
    return REFUSED if wrong else 0


def once(options: Options) -> int:
    """Probes now."""
    from exporter import once as running  # noqa: PLC0415
    from exporter.plan import plan  # noqa: PLC0415

    known = {component.name: component for component in plan(options, os.environ).config.components}
    if unknown := [name for name in options.names if name not in known]:
        return _refuse(f"no component {', '.join(unknown)}; there are: {', '.join(known) or 'none'}")
    _complete(running.once([known[name] for name in options.names or known], options.output))


def metrics(options: Options) -> int:
    """The catalogue."""
    from exporter import docs  # noqa: PLC0415

    docs.show_metrics(options.output)
    return 0


def schema(_: Options) -> int:
    """JSON Schema."""
    from exporter.config.schema import json_schema  # noqa: PLC0415

    print(json.dumps(json_schema(), indent=2))  # noqa: T201
    return 0


def healthcheck(options: Options) -> int:
    """Ask the running daemon."""
    from exporter.healthcheck import lives  # noqa: PLC0415

    return lives(options)


VERBS = {"run": run, "check": check, "once": once, "metrics": metrics, "schema": schema, "healthcheck": healthcheck}
