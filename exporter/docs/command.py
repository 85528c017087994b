"""The command line, the endpoints, and what is found in the environment."""

from collections.abc import Iterator, Sequence

from exporter.config import discover, variables
from exporter.docs.table import HEAD, table
from exporter.options import FLAGS, VERBS
from exporter.web import routes
from exporter.web.api import table as api
from exporter.web.otlp import Otlp
from exporter.web.site import Route

ENDPOINTS = {
    "/livez": "503 when the daemon hangs; follows no component.",
    "/readyz": "503 while it starts and while it stops; follows no component.",
    "/-/healthy": "`/livez` as Prometheus words it.",
    "/-/ready": "`/readyz` as Prometheus words it.",
    "/metrics": "Prometheus text or OpenMetrics; `?component=NAME` for some, `?component=` may be repeated.",
    "/health": "503 when a critical component is unhealthy. In brief: for load balancers.",
    "/health/detailed": "503 when any component is unhealthy.",
    "/health/{component}": "503 when this component is unhealthy; 404 when there is none of the name.",
    "/": "The status page.",
    "/login": "Makes the browser ask: any user name, and an admin token as the password.",
    "/runbooks/": "What each alert means and how to mend it; also without the last slash.",
    "/runbooks/{alert}": "The runbook of an alert, with what fires of it; 404 with the nearest names.",
    "/go/error": "303 to the newest unresolved error of `?service=`, `&state=` (new, regressed, spiking) and "
    "`&severity=`; with `&to=trace` to its trace.",
    "/hooks/alertmanager": "Alertmanager's webhook, version 4: the history of alerts; 200 once it is kept.",
    "/api/v1/openapi.json": "What there is to ask of this listener, as OpenAPI 3.1.",
    "/api/{project}/envelope/": "What SDKs of Sentry send; also without the last slash.",
    "/api/{project}/store/": "The same of old SDKs.",
    "/v1/traces": "Spans over OTLP/HTTP, protobuf or JSON.",
    "/v1/metrics": "Metrics over OTLP/HTTP, which appear at /metrics.",
    "/v1/logs": "Log records over OTLP/HTTP, which are counted; of those with an exception an error is made.",
    "/api/v1/events/schema": "JSON Schema of the events.",
    "/probe": (
        "`?target=…&module=…`: a target of the request's, asked and answered as blackbox_exporter does; off unless "
        "`probe` is configured. `?component=NAME`: one component's series, after a run when the last one is too old."
    ),
    "/hooks/heartbeat/{name}": (
        "A job's report, `state=start`, `success` or `failure`, or `exit=STATUS`; 200 once it is kept."
    ),
}
"""By path: what it answers, for readers. Of the admin API its own table says it."""
ACCESS = {
    "open": "everybody",
    "scrape": "everybody; users of the web configuration's `basic_auth_users` when there are some",
    "look": "everybody sees statuses and reasons; messages and history need an admin token",
    "admin": "with an admin token",
    "hook": "with the component's own token, as Bearer or as a password",
    "alertmanager": "with `alertmanager.token`, as Bearer or as a password",
    "ingest": "with a key of the project (Sentry), or with a token (`ingest.tokens`); without any, this machine",
}
STATUSES = (
    ("0", "Done: ended by SIGTERM or Ctrl-C, nothing unhealthy, nothing wrong."),
    ("1", "`once`: a component is unhealthy. `healthcheck`: the daemon does not live."),
    ("2", "Refused: arguments, configuration, an address that is taken, a folder that can't be used."),
    ("130, 143", "A second Ctrl-C, or a second SIGTERM, ended it before it was done."),
)
WEB = """\
`--web.config.file` is in the format of Prometheus' exporter-toolkit:

```yaml
# web.yml
tls_server_config:
  cert_file: server.crt            # relative to this file
  key_file: server.key
basic_auth_users:
  prometheus: $2b$10$...           # a bcrypt hash, as `htpasswd -nBC 10 prometheus` makes it
```
"""
TOKENS = """\
Admin tokens are those of `web.admin_tokens` in the configuration, each of at least 8 characters:

```console
$ curl -H "Authorization: Bearer $ADMIN_TOKEN" http://localhost:9676/api/v1/status
$ curl -X POST -H "Authorization: Bearer $ADMIN_TOKEN" "http://localhost:9676/api/v1/cycle?component=database"
$ curl -X POST -H "Authorization: Bearer $ADMIN_TOKEN" http://localhost:9676/-/reload
```
"""


def _served(table: Sequence[Route]) -> Iterator[tuple[str, str, str]]:
    says = {(one.method, one.path): f"{one.summary}." for one in api.endpoints()}
    says |= {("POST", "/api/v1/events"): "One JSON event, a list of them, or one in each line ([how](ingest.md))."}
    shown = set()
    for one in table:
        path = one.path if one.path.startswith(("/api/v1", "/-/")) else one.path.rstrip("/") or "/"
        if one.method == "OPTIONS" or (one.method, path) in shown:
            continue
        shown.add((one.method, path))
        yield f"`{one.method} {one.path}`", ACCESS[one.access], says.get((one.method, one.path)) or ENDPOINTS[one.path]


def page() -> Iterator[str]:
    """docs/command.md."""
    yield f"# Command, endpoints, environment\n\n{HEAD}"
    yield "## Verbs\n"
    yield table(("verb", "does"), ((f"`{name}`", f"{says[0].upper()}{says[1:]}.") for name, says in VERBS.items()))
    yield "They end with the status:\n"
    yield table(("status", "meaning"), STATUSES)
    yield "## Flags\n"
    yield "Each is taken before and after the verb. A flag outweighs its variable, which outweighs the default.\n"
    yield table(
        ("flag", "variable", "default", "meaning"),
        (
            (
                f"`--{flag.name}={'|'.join(flag.choices) or flag.metavar}`",
                f"`{flag.variable}`",
                f"`{flag.default}`" if flag.default else "",
                flag.help,
            )
            for flag in FLAGS
        ),
    )
    yield "## Web configuration\n"
    yield WEB
    yield "## Endpoints\n"
    yield "Of `--web.listen-address`:\n"
    yield table(
        ("method and path", "who may", "answers"),
        _served(routes.scraping()),
    )
    yield "Without any admin token, what needs one to be seen is shown to this machine, and the admin API is closed.\n"
    alone = ", ".join(f"`{route.path}`" for route in routes.PROBES)
    yield f"`--web.health-address` serves {alone} alone. Of `--ingest.listen-address`:\n"
    yield table(("method and path", "who may", "answers"), _served(routes.ingest(Otlp())))
    yield "`--ingest.grpc-listen-address` takes OTLP/gRPC: traces, metrics, logs.\n"
    yield TOKENS
    yield "## What is found in the environment\n"
    yield "Without `--config.file`, the components are those that the variables of the application name.\n"
    yield table(
        ("kind", "schemes of its URL", "probed"),
        (
            (kind, ", ".join(f"`{s}://`" for s in schemes), "yes" if built else "no: it is named and left out")
            for kind, schemes, built in discover.schemes()
        ),
    )
    buckets = ", ".join(f"`{name}`" for name in variables.BUCKETS)
    yield (
        "A variable is read when its name is, or ends in, a word such as "
        f"{', '.join(f'`{word}`' for word in variables.WORDS.split('|'))}, followed by `_URL`, `_URI`, `_DSN` or "
        "`_ENDPOINT`; the word may follow others (`ANALYTICS_DATABASE_URL`). `CELERY_BROKER`, `CELERY_RESULT_BACKEND` "
        "and `PGHOST` (with libpq's other variables) are read too. Variables with one target are one component. "
        f"A broker of Celery's is the server and a component of the kind celery; {buckets} name a bucket of S3, beside "
        "AWS' own variables.\n"
    )
    first = ", ".join(f"`{name}`" for name in discover.PRIMARY)
    yield f"The first database of {first} is critical: when it is unhealthy, `/health` is 503.\n"
