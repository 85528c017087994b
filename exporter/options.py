"""The command line: flags in the Prometheus ecosystem's way, each also a STACK_EXPORTER_… variable; and the verbs."""

import argparse
import os
import re
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from exporter import __version__
from exporter.nearest import suggestion

PREFIX = "STACK_EXPORTER_"
LEVELS = ("debug", "info", "warning", "error")
# What Kubernetes and Docker's links set for a service that is called stack-exporter.
_SERVICES = re.compile(r"(SERVICE_HOST|SERVICE_PORT|PORT|NAME|ENV)(_[A-Z0-9_]+)?")
OFF = "off"
"""As a listen address: no such listener."""


@dataclass(frozen=True, slots=True)
class Flag:
    """One flag: its name without dashes, default, help and choices; and the metavar that stands for its value."""

    name: str
    default: str
    help: str
    choices: tuple[str, ...] = ()
    metavar: str = "TEXT"

    @property
    def variable(self) -> str:
        return PREFIX + self.name.replace(".", "_").replace("-", "_").upper()

    @property
    def dest(self) -> str:
        return self.name.replace(".", "_").replace("-", "_")


FLAGS = (
    Flag("config.file", "", "Configuration; without one, components are found in the environment.", metavar="FILE"),
    Flag("config.watch", OFF, "Reload when the configuration, or a file that it names, changes.", ("on", OFF)),
    Flag(
        "env.file", "", "A .env file, whose variables count where the environment has none of the name.", metavar="FILE"
    ),
    Flag("web.listen-address", ":9676", "Where /metrics, health and the status page are served.", metavar="ADDRESS"),
    Flag("web.config.file", "", "TLS and basic authentication, in exporter-toolkit's format.", metavar="FILE"),
    Flag(
        "web.health-address", OFF, "A further listener with /livez and /readyz alone, without TLS.", metavar="ADDRESS"
    ),
    Flag("ingest.listen-address", "127.0.0.1:4318", "Where applications send to; off for none.", metavar="ADDRESS"),
    Flag("ingest.grpc-listen-address", OFF, "Where they send OTLP/gRPC to, such as :4317.", metavar="ADDRESS"),
    Flag(
        "storage.path",
        "",
        "Folder for state; default $STATE_DIRECTORY, else $XDG_STATE_HOME/stack-exporter, else "
        "~/.local/state/stack-exporter, else memory.",
        metavar="FOLDER",
    ),
    Flag("log.level", "info", "Least severe message to log.", LEVELS),
    Flag("log.format", "", "Default: console in a terminal, else json.", ("json", "console")),
)
VERBS = {
    "run": "run the daemon (the default)",
    "check": "say every problem of a configuration; exit 2 when there is one",
    "once": "run probes now and show a table; exit 1 when something is unhealthy",
    "metrics": "show every metric, threshold and reason that there can be",
    "init": "write a commented exporter.yaml from the environment, .env, docker-compose.yml or Django's settings",
    "schema": "print the JSON Schema of the configuration, for editors",
    "rules": "write the alert rules into a folder, for Prometheus or, with --kubernetes, for Prometheus Operator",
    "dashboards": "write the dashboards into a folder, for Grafana or, with --kubernetes, for the sidecar of its chart",
    "dsn": "show what to put into a Sentry SDK so that it sends here: dsn [PROJECT], by default for each",
    "healthcheck": "ask the running daemon whether it lives; exit 1 when not",
}


@dataclass(frozen=True, slots=True)
class Options:
    """What the command line and the environment say. Addresses as HOST:PORT; `storage` None: in memory."""

    verb: str
    config_file: Path | None
    web_listen_address: str
    web_config_file: Path | None
    web_health_address: str
    ingest_listen_address: str
    storage: Path | None
    log_level: str
    log_format: str
    env_file: Path | None = None
    names: tuple[str, ...] = ()
    output: str = ""
    force: bool = False
    kubernetes: bool = False
    exporter_url: str = ""
    grafana_url: str = ""
    divide_durations: str = ""
    ingest_grpc_listen_address: str = OFF
    storage_given: bool = False
    """Whether the folder was asked for, and not the default one."""
    config_watch: str = OFF

    @property
    def watched(self) -> tuple[str, ...] | None:
        """Files beside those of the configuration whose change makes us reload; None: nothing is watched."""
        if self.config_watch == OFF:
            return None
        return (str(self.web_config_file),) if self.web_config_file is not None else ()

    @property
    def ingest_ports(self) -> frozenset[int]:
        """On which applications send over OTLP: a back end there would be the daemon itself."""
        listens = (self.ingest_listen_address, self.ingest_grpc_listen_address)
        return frozenset(int(port) for each in listens if (port := each.rpartition(":")[2]).isdigit() and port != "0")


def parse(arguments: Sequence[str], environ: Mapping[str, str]) -> Options:
    """Raises SystemExit(2) with a message on wrong arguments, SystemExit(0) for --help and --version."""
    parser = _parser(environ)
    given = parser.parse_args(arguments)
    _check_variables(parser, environ)
    return Options(
        verb=given.verb or "run",
        config_file=Path(given.config_file) if given.config_file else None,
        web_listen_address=given.web_listen_address,
        web_config_file=Path(given.web_config_file) if given.web_config_file else None,
        web_health_address=given.web_health_address,
        ingest_listen_address=given.ingest_listen_address,
        ingest_grpc_listen_address=given.ingest_grpc_listen_address,
        storage=_storage(given.storage_path, environ),
        log_level=given.log_level,
        log_format=given.log_format,
        env_file=Path(given.env_file) if given.env_file else None,
        names=tuple(getattr(given, "names", ())),
        output=getattr(given, "output", ""),
        force=getattr(given, "force", False),
        kubernetes=getattr(given, "kubernetes", False),
        exporter_url=getattr(given, "exporter_url", None) or "",
        grafana_url=getattr(given, "grafana_url", None) or "",
        divide_durations=getattr(given, "divide_durations", None) or "",
        storage_given=bool(given.storage_path),
        config_watch=given.config_watch,
    )


def _parser(environ: Mapping[str, str]) -> argparse.ArgumentParser:
    shared = argparse.ArgumentParser(add_help=False, argument_default=argparse.SUPPRESS, allow_abbrev=False)
    parser = argparse.ArgumentParser(
        prog="stack-exporter",
        allow_abbrev=False,
        description="Probes what a web application depends on, takes in the errors, requests and events that it sends "
        "(ingest), and says, at /metrics, how healthy it is.",
        epilog=f"Each flag is also a variable: --config.file is {PREFIX}CONFIG_FILE.",
    )
    parser.add_argument("--version", action="version", version=f"stack-exporter {__version__}")
    for flag in FLAGS:
        default = environ.get(flag.variable) or flag.default
        if flag.choices and default not in (*flag.choices, flag.default):
            parser.error(f"{flag.variable} is one of {', '.join(flag.choices)}")
        says = f"{flag.help} [{flag.default}]" if flag.default else flag.help
        options = {"choices": flag.choices} if flag.choices else {"metavar": flag.metavar}
        parser.add_argument(f"--{flag.name}", dest=flag.dest, default=default, help=says, **options)
        shared.add_argument(f"--{flag.name}", dest=flag.dest, help=argparse.SUPPRESS, **options)
    verbs = parser.add_subparsers(dest="verb", metavar="VERB", title="verbs")

    def verb(name: str, says: str) -> argparse.ArgumentParser:
        return verbs.add_parser(name, parents=[shared], help=says, description=says, allow_abbrev=False)

    made = {name: verb(name, says) for name, says in VERBS.items()}
    made["once"].add_argument("names", nargs="*", metavar="NAME", help="components; all when none is named")
    made["once"].add_argument("--output", choices=("table", "json"), default="table")
    made["init"].add_argument("names", nargs="*", metavar="FOLDER", help="the project's; by default the one we are in")
    made["init"].add_argument(
        "--output", default="", metavar="FILE", help="by default FOLDER/exporter.yaml; - shows it"
    )
    made["init"].add_argument("--force", action="store_true", help="write over a file that is there")
    _rules(made["rules"])
    _dashboards(made["dashboards"])
    made["dsn"].add_argument("names", nargs="*", metavar="PROJECT", help="its number; by default each")
    made["dsn"].usage = "stack-exporter dsn [--config.file=FILE] [--ingest.listen-address=ADDRESS] [PROJECT]"
    made["metrics"].add_argument("names", nargs="*", metavar="KIND", help="kinds; all when none is named")
    made["metrics"].add_argument("--output", choices=("table", "markdown", "json"), default="table")
    return parser


def _rules(verb: argparse.ArgumentParser) -> None:
    verb.add_argument("names", nargs=1, metavar="FOLDER", help="where to; it is made when it is not there")
    verb.add_argument("--kubernetes", action="store_true", help="as PrometheusRule objects of Prometheus Operator")
    verb.add_argument("--exporter-url", metavar="URL", help="of stack-exporter in links [http://localhost:9676]")
    verb.add_argument("--grafana-url", metavar="URL", help="of Grafana in links [http://localhost:3000]")
    verb.add_argument(
        "--divide-durations", metavar="NUMBER", help="divide every wait and window, to see alerts sooner [1]"
    )
    verb.add_argument("--force", action="store_true", help="write over files that are there and differ")


def _dashboards(verb: argparse.ArgumentParser) -> None:
    verb.add_argument("names", nargs=1, metavar="FOLDER", help="where to; it is made when it is not there")
    verb.add_argument("--kubernetes", action="store_true", help='as ConfigMaps with the label grafana_dashboard: "1"')
    verb.add_argument("--exporter-url", metavar="URL", help="of stack-exporter in links [http://localhost:9676]")
    verb.add_argument("--force", action="store_true", help="write over files that are there and differ")


def _check_variables(parser: argparse.ArgumentParser, environ: Mapping[str, str]) -> None:
    """A mistyped variable is refused; one that resembles no flag's may be for somebody else, and is said."""
    known = [flag.variable.removeprefix(PREFIX) for flag in FLAGS]
    for variable in sorted(environ):
        word = variable.removeprefix(PREFIX)
        if not environ[variable] or word == variable or word in known or _SERVICES.fullmatch(word):
            continue
        if meant := suggestion(word, known):
            parser.error(f"{variable} belongs to no flag{meant.replace('mean ', f'mean {PREFIX}')}")
        sys.stderr.write(f"stack-exporter: {variable} belongs to no flag and is ignored\n")


def _storage(given: str, environ: Mapping[str, str]) -> Path | None:
    """The folder for state: systemd's, else the XDG base directory specification's; None when it can't be written."""
    if given:
        return Path(given)
    if directory := environ.get("STATE_DIRECTORY"):
        folder = Path(directory.split(":")[0])
    elif home := environ.get("XDG_STATE_HOME"):
        folder = Path(home, "stack-exporter")
    elif home := environ.get("HOME"):
        folder = Path(home, ".local", "state", "stack-exporter")
    else:
        return None
    there = next(path for path in (folder, *folder.absolute().parents) if os.path.exists(path))  # noqa: PTH110 - Path's raises
    return folder if there.is_dir() and os.access(there, os.W_OK | os.X_OK) else None
