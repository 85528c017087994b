"""The verbs beside run: what each does with the command line's options, and its exit status."""

import json
import os
import sys
from collections.abc import Sequence
from pathlib import Path

from exporter.config.problem import ConfigError
from exporter.leave import REFUSED, refuse
from exporter.options import OFF, Options


def check(options: Options) -> int:
    """Every problem of the configuration, of the web configuration and of the addresses; or what they hold."""
    from exporter.forward import target  # noqa: PLC0415
    from exporter.plan import plan  # noqa: PLC0415
    from exporter.web import address, toolkit  # noqa: PLC0415

    wrong: list[object] = []
    valid: list[str] = []
    try:
        planned = plan(options, os.environ)
        many = len(planned.config.components)
        held = f"{many} component{'' if many == 1 else 's'}" if many else _nothing(planned.unread)
        valid.append(f"{options.config_file or 'what the environment names'}: valid, {held}")
        if onward := target.told(target.targets(planned.config.forward, os.environ, options.ingest_ports)):
            valid.append(f"forwarding: {onward}")
        valid += [f"{one.variable}: {one.kind}, {one.note}" for one in planned.found if not one.probed]
        if options.config_file is None and Path("exporter.yaml").is_file():
            valid.append("exporter.yaml is here and was not asked for: --config.file=exporter.yaml checks it")
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


def _nothing(unread: Sequence[str]) -> str:
    """That nothing is probed, and what would be without the file."""
    if not unread:
        return "no components: nothing would be probed"
    return (
        f"no components: nothing would be probed; with a file, what the environment names ({', '.join(unread)}) is not "
        "looked for: stack-exporter init writes it into one"
    )


def once(options: Options) -> int:
    """Probes now."""
    from exporter import once as running  # noqa: PLC0415
    from exporter.daemon import complete  # noqa: PLC0415
    from exporter.plan import plan_once  # noqa: PLC0415

    known = {component.name: component for component in plan_once(options, os.environ).config.components}
    if unknown := [name for name in options.names if name not in known]:
        return refuse(f"no component {', '.join(unknown)}; there are: {', '.join(known) or 'none'}")
    return complete(running.once([known[name] for name in options.names or known], options.output))


def metrics(options: Options) -> int:
    """The catalogue."""
    from exporter import catalogue  # noqa: PLC0415
    from exporter.docs.metrics import show  # noqa: PLC0415

    for kind in options.names:
        try:
            catalogue.load(kind)
        except catalogue.UnknownKind as error:
            return refuse(f"{kind}: {error}")
    show(options.output, options.names)
    return 0


def init(options: Options) -> int:
    """A configuration to begin with."""
    from exporter.init import init as written  # noqa: PLC0415

    if len(options.names) > 1:
        return refuse("init takes one folder")
    folder = Path(options.names[0]) if options.names else Path()
    return written(folder, options.output, os.environ, force=options.force)


def rules(options: Options) -> int:
    """The alert rules."""
    from exporter.rules.link import EXPORTER, GRAFANA  # noqa: PLC0415
    from exporter.rules.write import Changes, write  # noqa: PLC0415

    if not options.names[0]:  # an unset variable in a script; it would be the folder that one is in
        return refuse("rules: the folder's name is empty")
    changes = Changes(
        kubernetes=options.kubernetes,
        exporter_url=options.exporter_url or EXPORTER,
        grafana_url=options.grafana_url or GRAFANA,
        divide=options.divide_durations or "1",
    )
    return write(Path(options.names[0]), changes, force=options.force)


def dashboards(options: Options) -> int:
    """The dashboards."""
    from exporter.rules.grafana import write  # noqa: PLC0415
    from exporter.rules.link import EXPORTER  # noqa: PLC0415

    if not options.names[0]:
        return refuse("dashboards: the folder's name is empty")
    url = options.exporter_url or EXPORTER
    return write(Path(options.names[0]), url, kubernetes=options.kubernetes, force=options.force)


def schema(_: Options) -> int:
    """JSON Schema."""
    from exporter.config.schema import json_schema  # noqa: PLC0415

    print(json.dumps(json_schema(), indent=2))  # noqa: T201
    return 0


def dsn(options: Options) -> int:
    """What to put into an SDK."""
    from exporter import dsn as printed  # noqa: PLC0415

    return printed.show(options, os.environ)


def healthcheck(options: Options) -> int:
    """Ask the running daemon."""
    from exporter.healthcheck import lives  # noqa: PLC0415

    return lives(options)


VERBS = {
    "check": check,
    "once": once,
    "metrics": metrics,
    "init": init,
    "rules": rules,
    "dashboards": dashboards,
    "schema": schema,
    "dsn": dsn,
    "healthcheck": healthcheck,
}
