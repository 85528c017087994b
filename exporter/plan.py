"""What to run: the configuration file's components, or, without a file, what the environment names."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from exporter.config import Config, discover, read
from exporter.options import Options
from exporter.store.sqlite import FILE


@dataclass(frozen=True, slots=True)
class Plan:
    """The configuration, and what the environment showed when there is no file."""

    config: Config
    found: Sequence[discover.Found] = ()


def plan(options: Options, environ: Mapping[str, str]) -> Plan:
    """The plan as of now. Raises ConfigError."""
    if options.config_file is not None:
        return Plan(read(options.config_file, environ))
    state = options.storage / FILE if options.storage is not None else None
    tls = options.web_config_file is not None
    return Plan(*discover.configuration(environ, state=state, listen=options.web_listen_address, tls=tls))
