"""What to run: the configuration file's components, or, without a file, what the environment names.

A file is the whole truth: one without components has nothing probed, and it is said what the environment would name.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from msgspec import structs

from exporter.config import Config, discover, read
from exporter.config.problem import ConfigError, Problem
from exporter.config.variables import Found
from exporter.forward import target
from exporter.options import Options
from exporter.store.sqlite import FILE

_ITSELF = "is the daemon's own listener, which would send to itself for ever: name the back end's address"


@dataclass(frozen=True, slots=True)
class Plan:
    """The configuration, and what the environment showed when there is no file."""

    config: Config
    found: Sequence[Found] = ()
    unread: Sequence[str] = ()
    """The variables that would name components, were there no file; when the file has none itself."""


def plan_once(options: Options, environ: Mapping[str, str]) -> Plan:
    """The same for runs without a daemon: nothing that only a daemon has made, which are its listener and its file."""
    if options.config_file is not None:
        return plan(options, environ)
    folder = options.storage.absolute() if options.storage is not None else Path("/")
    there = next(path for path in (folder, *folder.parents) if path.is_dir())
    # Port 0 stands for no listener of our own. The disk is the one that the daemon would have its state on.
    found = plan(replace(options, storage=None, web_listen_address=":0"), environ)
    components = tuple(
        replace(one, probe=structs.replace(one.probe, path=str(there))) if one.name == "disk" else one
        for one in found.config.components
    )
    return Plan(replace(found.config, components=components), found.found)


def plan(options: Options, environ: Mapping[str, str]) -> Plan:
    """The plan as of now. Raises ConfigError."""
    if options.config_file is not None:
        config = read(options.config_file, environ)
        if circle := list(target.circles(config.forward, options.ingest_ports)):
            problems = [Problem(0, f"forward.{signal}[{number}].endpoint", _ITSELF) for signal, number in circle]
            raise ConfigError(problems, str(options.config_file))
        named = not config.components and not config.component_files
        return Plan(config, unread=[one.variable for one in discover.found(environ)] if named else ())
    state = options.storage / FILE if options.storage is not None else None
    tls = options.web_config_file is not None
    return Plan(*discover.configuration(environ, state=state, listen=options.web_listen_address, tls=tls))
