"""What SDKs of Python, Node.js and browsers really sent, to the daemon: every request is 200, and the totals are exact."""

from tests import servers
from tests.servers.exporters import Daemon
from tests.web.sentry_captures import KEY, captures

SERVICES = {1: "testclient", 3: "fastapi", 4: "celery", 5: "node", 6: "browser", 7: "react", 10: "django"}
CONFIG = "components: {cron-a: {kind: heartbeat, token: a-token-of-ours, every: 1h}}\ningest:\n  projects:\n" + "".join(
    f'    "{number}": {{keys: ["{KEY}"], service: {service}, origins: ["http://127.0.0.1:3000"]}}\n'
    for number, service in SERVICES.items()
)
# Counted by hand, from the bodies.
ERRORS = "stack_errors_total"
REQUESTS = "stack_http_server_requests_total"
QUERIES = "stack_db_client_operation_duration_seconds_count"
SESSIONS = "stack_sessions_total"
LOGGED = "stack_logged_lines_total"
HEARD = "stack_heartbeat_reports_total"
LOST = "stack_client_lost_events_total"
TOTALS = {
    'stack_exporter_ingest_events_total{source="sentry",outcome="accepted"}': 48,
    'stack_exporter_sentry_items_skipped_total{type="profile"}': 1,
    ERRORS + '{service="testclient",environment="production",severity="high",type="KeyError"}': 1,
    ERRORS + '{service="django",environment="production",severity="high",type="KeyError"}': 1,
    ERRORS + '{service="fastapi",environment="production",severity="high",type="ZeroDivisionError"}': 1,
    ERRORS + '{service="celery",environment="production",severity="high",type="ConnectionError"}': 1,
    ERRORS + '{service="node",environment="production",severity="high",type="TypeError"}': 1,
    ERRORS + '{service="browser",environment="production",severity="high",type="TypeError"}': 1,
    ERRORS + '{service="browser",environment="production",severity="medium",type="Error"}': 1,
    ERRORS + '{service="react",environment="production",severity="medium",type="Error"}': 1,
    REQUESTS + '{service="django",method="POST",route="/orders/{oid}/",status="500"}': 1,
    REQUESTS + '{service="fastapi",method="POST",route="/items/{i}",status="500"}': 1,
    REQUESTS + '{service="fastapi",method="POST",route="/items/{i}",status="200"}': 1,
    'stack_task_duration_seconds_count{service="celery",task="shop.charge",state="failure"}': 1,
    'stack_operation_duration_seconds_count{service="browser",operation="Pageload",outcome="failure"}': 1,
    QUERIES + '{service="django",system="sqlite",operation="CONNECT",outcome="success"}': 1,
    QUERIES + '{service="django",system="sqlite",operation="SELECT",outcome="success"}': 1,
    SESSIONS + '{service="django",release="shop@1.4.2",status="crashed"}': 1,
    SESSIONS + '{service="fastapi",release="shop@1.4.2",status="crashed"}': 1,
    SESSIONS + '{service="fastapi",release="shop@1.4.2",status="exited"}': 1,
    SESSIONS + '{service="node",release="web@2.0.0",status="crashed"}': 1,
    SESSIONS + '{service="node",release="web@2.0.0",status="exited"}': 1,
    SESSIONS + '{service="browser",release="spa@3.0.0",status="errored"}': 1,
    SESSIONS + '{service="react",release="react@1.0.0",status="errored"}': 1,
    LOGGED + '{service="testclient",level="warning"}': 1,
    LOGGED + '{service="testclient",level="error"}': 1,
    LOGGED + '{service="django",level="error"}': 1,
    LOGGED + '{service="celery",level="error"}': 1,
    LOGGED + '{service="node",level="info"}': 1,
    LOGGED + '{service="browser",level="warning"}': 1,
    LOST + '{service="celery",category="span",reason="buffer_overflow"}': 1,
    LOST + '{service="node",category="span",reason="no_parent_span"}': 2,
    'stack_user_feedback_total{service="browser"}': 1,
    HEARD + '{component="cron-a",state="start"}': 1,
    HEARD + '{component="cron-a",state="success"}': 1,
}
FAMILIES = {name.partition("{")[0] for name in TOTALS}
# What counts once by an id: errors, transactions, feedback, check-ins, spans that begin a trace, sessions with an id.
ONCE = 18
REPEATED = (SESSIONS, LOGGED, LOST)
"""Aggregates that have no id are counted as often as they come."""


def totals(daemon: Daemon) -> dict[str, float]:
    return {name: value for name, value in daemon.metrics().items() if value and name.partition("{")[0] in FAMILIES}


def send(daemon: Daemon) -> None:
    answers = {capture.name: capture.send(daemon.ingest_port) for capture in captures()}
    assert {name: status for name, (status, _) in answers.items() if status != 200} == {}
    assert len(answers) == 32


def test_every_request_is_200_and_the_totals_are_exact_also_when_all_come_again_after_a_restart() -> None:
    with servers.daemon(CONFIG) as daemon:
        send(daemon)
        assert totals(daemon) == TOTALS
        send(daemon)
        second = totals(daemon)
        assert {name: value for name, value in second.items() if name.startswith(ERRORS)} == {
            name: value for name, value in TOTALS.items() if name.startswith(ERRORS)
        }
        assert second['stack_exporter_ingest_events_total{source="sentry",outcome="duplicate"}'] == ONCE
        daemon.stop()
        daemon.start()
        send(daemon)
        third = totals(daemon)
        once = {name for name in TOTALS if not name.startswith((*REPEATED, "stack_exporter"))}
        assert {name: value for name, value in third.items() if name in once} == {}
        assert third['stack_exporter_ingest_events_total{source="sentry",outcome="duplicate"}'] == ONCE
