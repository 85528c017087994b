"""`stack-exporter dsn`: what to put into a Sentry SDK so that it sends here."""

import json
import secrets
from collections.abc import Iterator, Mapping
from pathlib import Path
from shlex import quote

from exporter.config import Config
from exporter.config.application import Project
from exporter.leave import refuse
from exporter.options import OFF, Options
from exporter.plan import plan
from exporter.values import Secret
from exporter.web.address import parse

HERE = {"": "localhost", "0.0.0.0": "localhost", "::": "localhost"}
"""Where to find what listens everywhere, from this machine."""
USUAL = "127.0.0.1:4318"
PASTE = """\
Python      sentry_sdk.init(dsn="{dsn}", traces_sample_rate=1.0{python})
Node.js     Sentry.init({{ dsn: "{dsn}", tracesSampleRate: 1.0{javascript} }})
Browser     Sentry.init({{ dsn: "{browser}", integrations: [Sentry.browserTracingIntegration()], tracesSampleRate: 1.0{javascript} }})
PHP         \\Sentry\\init(['dsn' => '{dsn}', 'traces_sample_rate' => 1.0{php}]);
Java        Sentry.init(options -> {{ options.setDsn("{dsn}"); options.setTracesSampleRate(1.0);{java} }});
Flutter     await SentryFlutter.init((options) {{ options.dsn = '{dsn}'; options.tracesSampleRate = 1.0;{dart} }});
"""  # noqa: E501 - to be copied
ADD = """\
# Until a project is configured, whoever is on this machine may send, under any key.
# To take these keys alone, add this to {file}; the key was made just now, and nothing knows it yet:
ingest:
  projects:
    "{number}": {{keys: ["{key}"]}}
# and start the daemon with it: stack-exporter --config.file={file}{flags}
"""
WINS = """\
# What the SDK says of `environment` and `release` wins over the file's. SENTRY_RELEASE, or release= beside the DSN,
# says which version runs, so that an error is known by the release that brought it: SENTRY_RELEASE=1.4.2
"""
ELSEWHERE = "# From other machines: put this one's name into the DSN, and listen there (--ingest.listen-address).\n"
BROWSERS = "# Browsers may send when the project has their site: origins: [https://shop.example]\n"


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
    numbers = options.names or tuple(projects) or ("1",)
    for number in numbers:
        if not number.isdigit():
            return refuse("a project is a number, as it stands at the end of a DSN")
        if projects and number not in projects:
            return refuse(f"no project {number}; there are: {', '.join(projects)}")
    host = HERE.get(host, host)
    place = f"{f'[{host}]' if ':' in host else host}:{port}"
    said = []
    if not projects:
        made = Project(keys=(Secret(secrets.token_hex(16)),))
        projects = {numbers[0]: made}
        said.append(_to_add(options, numbers[0], made))
    titled = len(numbers) > 1
    said += ["".join(_lines(config, number, projects[number], place, titled=titled)) for number in numbers]
    said.append(WINS)
    said += [ELSEWHERE] if host in ("localhost", "127.0.0.1", "::1") else []
    print("\n".join(said), end="")  # noqa: T201 - read by people
    return 0


def _to_add(options: Options, number: str, project: Project) -> str:
    file = options.config_file or Path("exporter.yaml")
    listen = options.ingest_listen_address
    flags = f" --ingest.listen-address={listen}" if listen != USUAL else ""
    return ADD.format(number=number, key=project.keys[0].reveal(), file=file, flags=flags)


def _lines(config: Config, number: str, project: Project, place: str, *, titled: bool) -> Iterator[str]:
    if titled:
        yield f"# Project {number}{f': {project.service}' if project.service else ''}\n"
    key = project.keys[0].reveal()
    dsn = f"http://{key}@{place}/{number}"
    # A browser reaches the site's own server, which passes it on; the daemon's 127.0.0.1 would be the visitor's.
    site = next((origin for origin in project.origins if origin != "*"), "")
    scheme, _, address = site.partition("://")
    environment = project.environment or config.environment
    yield f"SENTRY_DSN={dsn}\n"
    if environment:
        yield f"SENTRY_ENVIRONMENT={quote(environment)}\n"
    browser = f"{scheme}://{key}@{address}/{number}" if site else dsn
    yield "\n" + PASTE.format(dsn=dsn, browser=browser, **_said(environment))
    if project.origins:
        yield f"# The web server of {site or 'the site'} passes on to the daemon what its pages send, such as nginx:\n"
        yield f"location /api/{number}/envelope/ {{ proxy_pass http://{place}; }}\n"
    else:
        yield BROWSERS


def _said(environment: str) -> Mapping[str, str]:
    """By language, what tells the environment."""
    quoted = json.dumps(environment)
    single = "'" + environment.replace("\\", "\\\\").replace("'", "\\'") + "'"
    said = {
        "python": f", environment={quoted}",
        "javascript": f", environment: {quoted}",
        "php": f", 'environment' => {single}",
        "java": f" options.setEnvironment({quoted});",
        "dart": f" options.environment = {single};",
    }
    return said if environment else dict.fromkeys(said, "")
