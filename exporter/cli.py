"""The command stack-exporter: parses, does what the verb says, and leaves with the exit status."""

import os
import sys
from collections.abc import Sequence

INTERRUPTED = 130
"""Exit status after Ctrl-C, as a shell has it: 128 and the signal's number."""


def main(arguments: Sequence[str] | None = None) -> None:
    """Parse, do, and leave. All is imported within, because Ctrl-C during an import would show its traceback."""
    try:
        import signal  # noqa: PLC0415

        # Not by KeyboardInterrupt, which is lost where Python can't raise: then the daemon would start all the same.
        signal.signal(signal.SIGINT, lambda *_: os._exit(INTERRUPTED))
        status = _status(sys.argv[1:] if arguments is None else arguments)
    except KeyboardInterrupt:
        status = INTERRUPTED
    from exporter.leave import leave  # noqa: PLC0415

    leave(status)


def _status(arguments: Sequence[str]) -> int:
    import signal  # noqa: PLC0415

    from exporter import daemon, verbs  # noqa: PLC0415
    from exporter import log as logs  # noqa: PLC0415
    from exporter.config.problem import ConfigError  # noqa: PLC0415
    from exporter.leave import REFUSED, refuse  # noqa: PLC0415
    from exporter.options import parse  # noqa: PLC0415

    try:
        options = parse(arguments, os.environ)
    except SystemExit as ended:
        return int(ended.code or 0)
    console = options.log_format == "console" or (not options.log_format and sys.stderr.isatty())
    logs.setup(options.log_level, "console" if console else "json", sys.stderr)
    try:
        if options.env_file is not None:
            if not options.env_file.is_file():
                return refuse(f"--env.file: {options.env_file} is not a file")
            from dotenv import load_dotenv  # noqa: PLC0415

            try:
                load_dotenv(options.env_file)
            except (OSError, ValueError) as error:
                why = getattr(error, "strerror", None) or "it is not UTF-8"
                return refuse(f"--env.file: {options.env_file} can't be read: {why}")
        if options.verb == "run":
            return daemon.run(options)
        # What a verb shows at the terminal (rich's cursor) is put in order on the way out.
        signal.signal(signal.SIGINT, signal.default_int_handler)
        return verbs.VERBS[options.verb](options)
    except ConfigError as error:
        print(error, file=sys.stderr)  # noqa: T201 - read by people
        return REFUSED
    except (BrokenPipeError, SystemExit):
        # Whoever read has enough; rich makes a SystemExit of it.
        return 0
