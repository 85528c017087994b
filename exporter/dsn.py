"""`stack-exporter dsn`: what to put into a Sentry SDK so that it sends here."""

import secrets
from collections.abc import Mapping

from exporter.config import Config
from exporter.leave import refuse
from exporter.options import OFF, Options
from exporter.plan import plan
from exporter.web.address import parse

HERE = {"": "localhost", "0.0.0.0": "localhost", "::": "localhost"}
"""Where to find what listens everywhere, from this machine."""
PASTE = """\
SENTRY_DSN={dsn}

Python      sentry_sdk.init(dsn="{dsn}", traces_sample_rate=1.0)
Node.js     Sentry.init({{ dsn: "{dsn}", tracesSampleRate: 1.0 }})
Browser     Sentry.init({{ dsn: "{dsn}", integrations: [Sentry.browserTracingIntegration()], tracesSampleRate: 1.0 }})
PHP         \\Sentry\\init(['dsn' => '{dsn}', 'traces_sample_rate' => 1.0]);
Java        Sentry.init(options -> {{ options.setDsn("{dsn}"); options.setTracesSampleRate(1.0); }});
Flutter     await SentryFlutter.init((options) {{ options.dsn = '{dsn}'; options.tracesSampleRate = 1.0; }});
"""
ADD = """\
# Add this to exporter.yaml; the key was made just now, and nothing knows it yet:
ingest:
  projects:
    "{number}": {{keys: ["{key}"]}}
"""


def show(options: Options, environ: Mapping[str, str]) -> int:
    """Print it; gives the exit status. Raises ConfigError."""
    if len(options.names) > 1:
        return refuse("dsn takes one project")
    if options.ingest_listen_address == OFF:
        return refuse("nothing listens for what applications send: --ingest.listen-address is off")
    try:
        host, port = parse(options.ingest_listen_address)
    except ValueError as error:
        return refuse(f"--ingest.listen-address: {error}")
    config = plan(options, environ).config
    projects = config.ingest.projects
    number = options.names[0] if options.names else next(iter(projects), "1")
    if not number.isdigit():
        return refuse("a project is a number, as it stands at the end of a DSN")
    if projects and number not in projects:
        return refuse(f"no project {number}; there are: {', '.join(projects)}")
    key = projects[number].keys[0].reveal() if projects else secrets.token_hex(16)
    said = [] if projects else [ADD.format(number=number, key=key)]
    host = HERE.get(host, host)
    dsn = f"http://{key}@{f'[{host}]' if ':' in host else host}:{port}/{number}"
    said.append(PASTE.format(dsn=dsn))
    said += _notes(config, number, host)
    print("\n".join(said), end="")  # noqa: T201 - read by people
    return 0


def _notes(config: Config, number: str, host: str) -> list[str]:
    notes = []
    project = config.ingest.projects.get(number)
    if project is None or not project.origins:
        notes.append("# Browsers may send when the project has their site: origins: [https://shop.example]\n")
    if host in ("localhost", "127.0.0.1", "::1"):
        notes.append(
            "# From other machines: put this one's name into the DSN, and listen there (--ingest.listen-address).\n"
        )
    return notes
