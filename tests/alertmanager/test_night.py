"""Out of office hours a page is a text message too, a ticket waits; and how soon, with the waits that are shipped."""

import time
from collections.abc import Iterator

import pytest

from tests import servers
from tests.alertmanager import receiving, shipped
from tests.servers.process import wait_until
from tests.servers.telemetry import Alertmanager

pytestmark = [pytest.mark.debian, pytest.mark.xdist_group("alertmanager_shipped")]


@pytest.fixture
def web() -> Iterator[receiving.Receiver]:
    with receiving.receiver() as server:
        yield server


TEAMS = {"": "#alerts", "platform": "#platform", "web": "#web"}


@pytest.fixture
def night(web: receiving.Receiver, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Alertmanager]:
    with shipped.alertmanager(tmp_path_factory.mktemp("night"), web.url, waits="shipped", night=True) as server:
        yield server


def test_at_night_a_page_is_a_text_message_within_a_second_of_its_wait(
    night: Alertmanager, web: receiving.Receiver
) -> None:
    """FH-4. A page waits 1 s, the history not at all."""
    began = time.time()
    shipped.tell(
        night,
        shipped.alert("ComponentDown", "critical", component="db", subject="components"),
        shipped.alert("DiskFull", "warning", component="data", subject="storage"),
    )
    wait_until(lambda: len(web.at("/hooks/alertmanager")) == 2, what="the history has both")
    assert time.time() - began < 1
    wait_until(lambda: web.at("/on-call") and web.at("/pagerduty/v2/enqueue") and web.at("/slack"), what="a page")
    assert 1 < time.time() - began < 2
    (message,) = web.at("/on-call")
    assert message.authorization == "Bearer secret of sms_token"


@pytest.mark.parametrize("at_night", [True, False], ids=["night", "day"])
def test_tickets_wait_for_office_hours(
    web: receiving.Receiver, tmp_path_factory: pytest.TempPathFactory, at_night: bool
) -> None:
    """Those of the day have come within 0.2 s."""
    with shipped.alertmanager(tmp_path_factory.mktemp("tickets"), web.url, night=at_night) as server:
        shipped.tell(server, *(shipped.alert("DiskFull", "warning", subject="storage", team=team) for team in TEAMS))
        wait_until(lambda: len(web.at("/hooks/alertmanager")) == 3)
        if at_night:
            time.sleep(0.5)
        else:
            wait_until(lambda: len(web.at("/slack")) == 3)
    told = {one.content["channel"] for one in web.at("/slack")}
    assert told == (set() if at_night else set(TEAMS.values()))


def test_the_daemon_keeps_the_history_and_measures_how_late_it_is(tmp_path_factory: pytest.TempPathFactory) -> None:
    token = "secret of hook_token"
    with (
        servers.daemon(f"alertmanager: {{token: {token}}}") as daemon,
        shipped.alertmanager(tmp_path_factory.mktemp("measured"), daemon.url, waits="shipped") as server,
    ):
        shipped.tell(server, *(shipped.alert("DiskFull", "warning", component=name) for name in "abc"))
        name = 'stack_alert_notifications_total{severity="warning",status="firing"}'
        found = wait_until(lambda: (page := daemon.metrics()).get(name) == 3 and page)
        latency = 'stack_alert_notification_latency_seconds_bucket{severity="warning",le="1.0"}'
        assert found[latency] == 3
