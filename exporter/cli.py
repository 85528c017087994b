"""The command stack-exporter: runs the daemon, or one of its verbs."""

import asyncio
import json
import logging
import os
import signal
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING

from exporter import log as logs
from exporter.config.problem import ConfigError
from exporter.options import Options, parse

if TYPE_CHECKING:
    from exporter.plan import Plan

log = logging.getLogger(__name__)

REFUSED = 2
"""Exit status for what the user has to mend: arguments, configuration, addresses, the folder for state."""


def main(arguments: Sequence[str] | None = None) -> None:
    """Parse, do, and leave with the exit status."""
    options = parse(sys.argv[1:] if arguments is None else arguments, os.environ)
    console = options.log_format == "console" or (not options.log_format and sys.stderr.isatty())
    logs.setup(options.log_level, "console" if console else "json", sys.stderr)
    try:
        status = VERBS[options.verb](options)
    except ConfigError as error:
        print(error, file=sys.stderr)  # noqa: T201 - read by people
        status = REFUSED
    except BrokenPipeError:
        status = 0
    except KeyboardInterrupt:
        status = 128 + signal.SIGINT
    leave(status)


def leave(status: int) -> None:
    """End at once: a probe stuck in a thread must not hold up the process."""
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except OSError:  # whoever read it has gone
            continue
    logging.shutdown()
    os._exit(status)


def run(options: Options) -> int:
    """The daemon, until SIGTERM or SIGINT; a second one ends it at once. SIGHUP reloads."""
    from exporter.plan import plan  # noqa: PLC0415 - the verbs that don't serve need not import the servers

    first = plan(options, os.environ)
    with asyncio.Runner(loop_factory=_loop) as runner:
        return runner.run(_serve(options, first))


def _loop() -> asyncio.AbstractEventLoop:
    """uvloop's, with which a probe costs half the CPU; asyncio's where there is none."""
    try:
        import uvloop  # noqa: PLC0415 - CPython only
    except ImportError:
        return asyncio.new_event_loop()
    return uvloop.new_event_loop()


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
        await app.start()
    except (OSError, Unusable, ValueError) as error:
        print(f"stack-exporter: {error}", file=sys.stderr)  # noqa: T201
        return REFUSED
    reloads: set[asyncio.Task[object]] = set()

    def reload() -> None:
        task = loop.create_task(app.reload())
        reloads.add(task)
        task.add_done_callback(reloads.discard)

    loop.add_signal_handler(signal.SIGHUP, reload)
    urls = {name: server.url for name, server in app.servers.items()}
    state = str(app.store.file) if app.store.file else "in memory: no folder to keep it in"
    announce(first, urls, state, console=logs.is_console())
    await ended.wait()
    log.info("stopping")
    try:
        await asyncio.wait_for(app.stop(), 7.5)
    except TimeoutError:
        log.warning("stopping took too long and was cut short")
    return 0


def check(options: Options) -> int:
    """Every problem of the configuration, or what it holds."""
    from exporter.plan import plan  # noqa: PLC0415

    config = plan(options, os.environ).config
    source = options.config_file or "no file: what the environment names"
    print(f"{source}: valid, {len(config.components)} components")  # noqa: T201
    return 0


def once(options: Options) -> int:
    """Probes now."""
    from exporter import once as running  # noqa: PLC0415
    from exporter.plan import plan  # noqa: PLC0415

    known = {component.name: component for component in plan(options, os.environ).config.components}
    if unknown := [name for name in options.names if name not in known]:
        print(f"no component {', '.join(unknown)}; there are: {', '.join(known) or 'none'}", file=sys.stderr)  # noqa: T201
        return REFUSED
    return running.once([known[name] for name in options.names or known], options.output)


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
