"""A real Alertmanager, well and ailing, and a fake one for what it does not do on demand."""

import asyncio
from collections.abc import Callable
from typing import Any

import msgspec
import pytest

from exporter.component import Component
from exporter.probe import Result
from exporter.probes.alertmanager import Alertmanager
from exporter.run import run_once
from tests import hostile, servers
from tests.probes import api
from tests.probing import Memory, component, probe, readings
from tests.servers.process import wait_until

CONFIG = """
route: {{receiver: hook, group_wait: 0s, group_interval: 100ms, group_by: [alertname]}}
receivers: [{{name: hook, webhook_configs: [{{url: "http://127.0.0.1:{port}/", send_resolved: false}}]}}]
"""
READY: api.Pages = {
    "/-/ready": (200, b"OK"),
    "/api/v2/status": (200, {"versionInfo": {"version": "0.25.0"}, "cluster": {"status": "ready", "peers": [{}, {}]}}),
    "/metrics": (200, b"alertmanager_config_last_reload_successful 1\n"),
}
FAILED = b'alertmanager_notifications_failed_total{integration="slack",reason="other"} %d\n'


def fake(changes: api.Pages, **fields: Any) -> api.Fields:
    return api.answers(api.pages({**READY, **changes}), **fields)


def failing_more_and_more() -> api.Fields:
    first = api.pages({**READY, "/metrics": (200, FAILED % 1)})
    second = api.pages({**READY, "/metrics": (200, FAILED % 2)})
    return api.answers(lambda *asked: (first if not again else second)(*asked))


again: list[bool] = []
DEGRADED: dict[str, Callable[[], api.Fields]] = {
    "notifications": failing_more_and_more,
    "cluster": lambda: fake({}, peers=3),
    "reload_failed": lambda: fake({"/metrics": (200, b"alertmanager_config_last_reload_successful 0\n")}),
}
REASONS: dict[str, Callable[[], api.Fields]] = {
    **api.TRANSPORT,
    **DEGRADED,
    "not_json": lambda: fake({"/api/v2/status": (200, b"<html>")}),
    "not_metrics": lambda: fake({"/metrics": (200, b"alertmanager_alerts{ 1\n")}),
    "not_ready": lambda: fake({"/-/ready": (503, b"Service Unavailable")}),
}


def run(made: Component) -> Result:
    return asyncio.run(run_once(made, Memory(), Memory()))


@pytest.mark.parametrize("reason", REASONS)
def test_each_reason_is_provoked(reason: str) -> None:
    again.clear()
    with REASONS[reason]() as fields:
        made = component("alertmanager", **fields)
        result = run(made)
        if reason == "notifications":
            assert result.outcome == "healthy", "what failed before we looked is not news"
            again.append(True)
            result = run(made)
    assert (result.outcome, result.reason) == ("degraded" if reason in DEGRADED else "unhealthy", reason), result.detail
    assert result.detail


def test_the_table_has_every_reason() -> None:
    assert set(REASONS) == set(Alertmanager.reasons)


def test_a_mute_server_is_a_timeout() -> None:
    with api.answers(hostile.mute) as fields:
        assert probe("alertmanager", timeout=0.3, **fields).reason == "timeout"


@pytest.mark.parametrize("case", api.BAD)
def test_a_bad_configuration_is_refused(case: str) -> None:
    fields, message = api.BAD[case]
    with pytest.raises(msgspec.ValidationError, match=message) as refused:
        component("alertmanager", **fields)
    assert "hunter2" not in str(refused.value)


@pytest.mark.debian
def test_a_real_one_shows_its_alerts_and_that_it_can_or_can_not_send() -> None:
    with (
        hostile.serving(hostile.says(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")) as receiver,
        servers.alertmanager(CONFIG.format(port=receiver.port)) as server,
    ):
        watched = component("alertmanager", url=server.url, timeout=5.0)
        well = run(watched)
        server.alert("TestAlert")
        wait_until(lambda: receiver.requests, what="it is delivered")
        sent = 'stack_alertmanager_notifications_total{integration="webhook"}'
        wait_until(lambda: readings(run(watched))[sent] == 1.0, what="it is counted")
        found = readings(run(watched))
    failing_at = hostile.unused()
    with servers.alertmanager(CONFIG.format(port=failing_at)) as server:
        watched = component("alertmanager", url=server.url, timeout=5.0)
        run(watched)
        server.alert("TestAlert")
        seen = wait_until(
            lambda: (result := run(watched)).reason == "notifications" and result, what="it fails to send"
        )
    assert (well.outcome, seen.outcome) == ("healthy", "degraded")
    assert seen.detail.endswith("could not send to webhook")
    (version,) = [name for name in found if name.startswith("stack_alertmanager_info")]
    del found[version]
    shown = {name: value for name, value in found.items() if "integration=" not in name or "webhook" in name}
    assert shown == {
        "stack_alertmanager_ready": 1.0,
        "stack_alertmanager_config_reload_successful": 1.0,
        "stack_alertmanager_cluster_peers": 1.0,
        'stack_alertmanager_alerts{state="active"}': 1.0,
        'stack_alertmanager_alerts{state="suppressed"}': 0.0,
        **({'stack_alertmanager_alerts{state="unprocessed"}': 0.0} if 'state="unprocessed"' in str(found) else {}),
        'stack_alertmanager_silences{state="active"}': 0.0,
        'stack_alertmanager_silences{state="pending"}': 0.0,
        'stack_alertmanager_silences{state="expired"}': 0.0,
        'stack_alertmanager_notifications_total{integration="webhook"}': 1.0,
        'stack_alertmanager_notifications_failed_total{integration="webhook"}': 0.0,
        'stack_alertmanager_notification_requests_failed_total{integration="webhook"}': 0.0,
    }


def test_what_it_says_of_itself_is_cut_to_a_label() -> None:
    page = b'alertmanager_notifications_total{integration="%s"} 1\n' % (b"i" * 3000)
    with fake({"/api/v2/status": (200, {"versionInfo": {"version": "v" * 9000}}), "/metrics": (200, page)}) as fields:
        shown = readings(probe("alertmanager", **fields))
    assert shown[f'stack_alertmanager_info{{version="{"v" * 128}"}}'] == 1
    assert shown[f'stack_alertmanager_notifications_total{{integration="{"i" * 128}"}}'] == 1
