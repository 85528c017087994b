"""What people get: mail, Slack, PagerDuty, text messages and webhooks, from the shipped templates, in both generations.

Slack's and PagerDuty's own servers are not at hand: a server of ours takes their place. What it is sent has the fields,
limits and values of Slack's message attachments (api.slack.com/docs/message-attachments) and of PagerDuty's Events API v2
(v2.developer.pagerduty.com/docs/send-an-event-events-api-v2); neither of them has taken one.
"""

import email
import email.policy
import re
from collections.abc import Iterator
from dataclasses import dataclass
from email.message import EmailMessage
from html import unescape
from typing import Any
from urllib.parse import unquote

import pytest

from tests.alertmanager import receiving, shipped
from tests.servers import mail
from tests.servers.generations import NAMES, generation
from tests.servers.process import wait_until
from tests.servers.telemetry import Alertmanager

pytestmark = [pytest.mark.debian, pytest.mark.xdist_group("alertmanager_shipped")]
DOWN = {"subject": "components", "job": "stack-exporter", "namespace": "shop", "instance": "shop-1:9676"}
RUNBOOK, DASHBOARD = (
    "http://localhost:9676/runbooks/ComponentDown",
    "http://localhost:3000/d/stack-components?var-component=db",
)
ERROR = "http://localhost:9676/go/error?service=shop&state=new"
TOLD = {
    "summary": 'db (postgres) is down: "refused" <by> & of it',
    "description": "db (postgres, team platform) is down: 3 runs in a row failed.",
    "runbook_url": RUNBOOK,
    "dashboard_url": DASHBOARD,
    "error_url": ERROR,
    "trace_url": f"{ERROR}&to=trace",
}
ESCAPED = 'db (postgres) is down: "refused" &lt;by&gt; &amp; of it'
# A new silence of exactly this alert, as Alertmanager's page takes it.
SILENCE = (
    f'{shipped.URL}/#/silences/new?filter={{alertname="ComponentDown", component="d\\"b\\\\ +", '
    'instance="shop-1:9676", job="stack-exporter", namespace="shop", severity="critical", subject="components", '
    'team="platform"}'
)


@dataclass
class World:
    alertmanager: Alertmanager
    web: receiving.Receiver
    mails: mail.MailServer

    def mail(self, to: str, subject: str = "") -> EmailMessage:
        """The first one to somebody whose subject begins like this."""

        def found() -> list[EmailMessage]:
            read = [
                email.message_from_bytes(one.content, policy=email.policy.default)
                for one in list(self.mails.kept)
                if one.rcpt_tos == [to]
            ]
            return [one for one in read if one["Subject"].startswith(subject)]

        first: EmailMessage = wait_until(found, what=f"a mail to {to}")[0]
        return first

    def posted(self, path: str, text: str) -> Any:
        """The first content sent to a path in which the text is."""
        return wait_until(lambda: [one for one in self.web.at(path) if text in str(one.content)], what=path)[0].content

    def names(self, path: str) -> set[str]:
        return {alert["labels"]["alertname"] for one in self.web.at(path) for alert in one.content["alerts"]}


@pytest.fixture(scope="module", params=NAMES)
def day(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    folder, program = tmp_path_factory.mktemp("day"), generation(request.param).alertmanager
    with (
        receiving.receiver() as web,
        # Its LOGIN has prompts that Alertmanager does not know; with PLAIN the password file is used all the same.
        mail.smtp(login_in_clear=True, without=("LOGIN",)) as mails,
        shipped.alertmanager(folder, web.url, mails.port, program=program) as server,
    ):
        world = World(server, web, mails)
        shipped.tell(
            server,
            shipped.alert("ComponentDown", "critical", TOLD, began=40, component='d"b\\ +', team="platform", **DOWN),
            *(shipped.alert("DiskFull", "warning", {"summary": f"{n} is full"}, component=n, team="web") for n in "ab"),
            shipped.alert("AlertUnresolved", "critical", {"summary": "for 4h"}, subject="monitoring", escalated="true"),
            shipped.alert("BruteForce", "critical", {"summary": "200 failed"}, subject="security", service="shop"),
            shipped.alert("CacheRestarted", "info", {"summary": "restarted"}, subject="cache", component="cache"),
            shipped.alert("Watchdog", "none", subject="monitoring"),
        )
        wait_until(lambda: len(mails.kept) >= 5 and len(web.at("/pagerduty/v2/enqueue")) >= 4, what="all are told")
        yield world


def test_a_mail_has_a_subject_for_a_phone_and_all_links_in_html_and_in_text(day: World) -> None:
    message = day.mail("platform@example.org")
    assert message["Subject"] == f"[CRITICAL] {TOLD['summary']}"
    assert message["From"] == "alerts@example.org"
    assert [part.get_content_type() for part in message.walk()] == ["multipart/alternative", "text/plain", "text/html"]
    html = message.get_body(("html",)).get_content()
    links = [unescape(link) for link in re.findall('href="([^"]+)"', html)]
    assert links[:4] == [RUNBOOK, DASHBOARD, ERROR, f"{ERROR}&to=trace"]
    assert [unquote(link) for link in links[4:]] == [SILENCE, unquote(shipped.SOURCE), shipped.URL]
    assert ESCAPED in html.replace("&#34;", '"')
    assert "<by>" not in html
    assert "width=device-width" in html
    text = message.get_body(("plain",)).get_content()
    lines = text.splitlines()
    assert lines[:3] == ["CRITICAL ComponentDown", TOLD["summary"], TOLD["description"]]
    assert re.fullmatch(
        r'Since \d{4}-\d\d-\d\d \d\d:\d\d:\d\d UTC · component d"b\\ \+ · instance shop-1:9676 · job stack-exporter '
        r"· namespace shop · team platform",
        lines[3],
    )
    assert lines[4:8] == [
        f"Runbook:    {RUNBOOK}", f"Dashboard:  {DASHBOARD}", f"Errors:     {ERROR}", f"Trace:      {ERROR}&to=trace",
    ]  # fmt: skip
    assert lines[8] == f"Source:     {shipped.SOURCE}"
    assert unquote(lines[9]) == f"Silence:    {SILENCE}"


def test_several_alerts_are_one_mail_that_names_each(day: World) -> None:
    message = day.mail("web@example.org")
    assert message["Subject"] == "[WARNING 2] DiskFull: a, b"
    assert message.get_body(("plain",)).get_content().count("is full") == 2


def test_a_storm_is_one_notification_of_which_the_first_are_shown(day: World) -> None:
    said = {"summary": "it is gone"}
    shipped.tell(day.alertmanager, *(shipped.alert("Gone", "critical", said, component=f"c{n}") for n in range(30)))
    message = day.mail("operations@example.org", "[CRITICAL 30] it is gone")
    for kind in ("html", "plain"):
        text = message.get_body((kind,)).get_content()
        assert (text.count("silences/new"), "20 of 30 are shown." in text) == (20, True)
    attachment = day.posted("/slack", "[CRITICAL 30]")["attachments"][0]
    assert (attachment["text"].count("silences/new"), "10 of 30 are shown." in attachment["text"]) == (10, True)


def test_slack_gets_an_attachment_in_its_own_markup(day: World) -> None:
    content = day.posted("/slack", "ComponentDown")
    (attachment,) = content["attachments"]
    assert (content["channel"], attachment["color"]) == ("#platform", "danger")
    assert attachment["title"] == f"[CRITICAL] {ESCAPED}"
    assert attachment["fallback"] == f"[CRITICAL] {TOLD['summary']}"
    assert attachment["text"].splitlines()[:2] == [f"*critical* {ESCAPED}", TOLD["description"]]
    links = dict(re.findall(r"<([^|>]+)\|(\w+)>", attachment["text"].splitlines()[2]))
    assert {text: unquote(link) for link, text in links.items()} == {
        "Runbook": RUNBOOK, "Dashboard": DASHBOARD, "Errors": ERROR, "Trace": f"{ERROR}&to=trace",
        "Silence": SILENCE, "Source": unquote(shipped.SOURCE),
    }  # fmt: skip
    assert day.posted("/slack", "DiskFull")["attachments"][0]["color"] == "warning"


def test_pagerduty_gets_an_event_of_its_api(day: World) -> None:
    event = day.posted("/pagerduty/v2/enqueue", "ComponentDown")
    assert event["routing_key"] == "secret of pagerduty_key_platform"
    assert (event["event_action"], event["client"]) == ("trigger", "stack-exporter")
    assert re.fullmatch("[0-9a-f]{64}", event["dedup_key"])
    payload = event["payload"]
    assert (payload["summary"], payload["severity"]) == (f"[CRITICAL] {TOLD['summary']}", "critical")
    assert payload["source"]
    # The API's own limits: 255 and 1024 characters, and four severities.
    for one in (sent.content for sent in day.web.at("/pagerduty/v2/enqueue")):
        assert one["event_action"] in ("trigger", "acknowledge", "resolve")
        assert (len(one["dedup_key"]) <= 255, len(one["payload"]["summary"]) <= 1024) == (True, True)
        assert one["payload"]["severity"] in ("critical", "error", "warning", "info")
    assert TOLD["description"] in payload["custom_details"]["firing"]
    assert event["links"] == [{"href": RUNBOOK, "text": "Runbook"}, {"href": DASHBOARD, "text": "Dashboard"}]
    # Where an alert has none, a link must lead somewhere all the same.
    bare = day.posted("/pagerduty/v2/enqueue", "BruteForce")
    assert {link["href"] for link in bare["links"]} == {bare["client_url"]}


def test_the_next_level_hears_by_mail_phone_and_text_message_of_what_stays_unresolved(day: World) -> None:
    assert day.mail("second-level@example.org")["Subject"] == "[CRITICAL] Still not mended: for 4h"
    event = day.posted("/pagerduty/v2/enqueue", "AlertUnresolved")
    assert event["routing_key"] == "secret of pagerduty_key_next_level"
    day.posted("/next-level", "AlertUnresolved")
    assert day.web.at("/next-level")[0].authorization == "Bearer secret of sms_token"


def test_security_and_whoever_else_pages_both_hear_of_security(day: World) -> None:
    assert day.mail("security@example.org")["Subject"] == "[CRITICAL] 200 failed"
    assert day.mail("operations@example.org")["Subject"] == "[CRITICAL] 200 failed"


def test_the_history_has_every_alert_and_the_dead_mans_switch_the_watchdog(day: World) -> None:
    hook, switch = "/hooks/alertmanager", "/stack-exporter"
    all_ = {"ComponentDown", "DiskFull", "AlertUnresolved", "BruteForce", "CacheRestarted"}
    wait_until(lambda: day.names(hook) >= all_ and day.names(switch) == {"Watchdog"})
    assert {one.authorization for one in day.web.at(hook)} == {"Bearer secret of hook_token"}
    assert all(len(one.content["alerts"]) == 1 for one in day.web.at(hook)), "each on its own"


def test_by_day_nobody_gets_a_text_message_and_an_info_is_for_the_history_alone(day: World) -> None:
    assert day.web.at("/on-call") == []
    assert "CacheRestarted" not in str([one for one in day.web.sent if one.path != "/hooks/alertmanager"])
    assert b"restarted" not in b"".join(one.content for one in day.mails.kept)


def test_what_is_resolved_is_told_in_the_same_places(day: World) -> None:
    labels = DOWN | {"component": "cache", "team": "platform"}
    said = {"summary": "cache is down", "runbook_url": RUNBOOK}
    shipped.tell(day.alertmanager, shipped.alert("CacheDown", "critical", said, began=40, **labels))
    key = day.posted("/pagerduty/v2/enqueue", "cache is down")["dedup_key"]
    shipped.tell(day.alertmanager, shipped.alert("CacheDown", "critical", said, began=40, ended=True, **labels))
    day.posted("/slack", "[RESOLVED] cache is down")
    message = day.mail("platform@example.org", "[RESOLVED] cache is down")
    assert re.search(r"From .* to .* UTC", message.get_body(("plain",)).get_content())
    assert "silences/new" not in message.get_body(("html",)).get_content()
    assert day.posted("/pagerduty/v2/enqueue", "'resolve'")["dedup_key"] == key
    assert wait_until(lambda: [one for one in day.web.at("/hooks/alertmanager") if one.content["status"] == "resolved"])


def test_a_receiver_that_is_away_is_told_once_it_is_back(day: World) -> None:
    """FH-4: retried, and both the tries and what got through are counted."""
    day.web.refuse = {"/hooks/alertmanager": 2}
    shipped.tell(day.alertmanager, shipped.alert("Retried", "info", component="cache", subject="cache"))
    wait_until(lambda: "Retried" in day.names("/hooks/alertmanager"), 20)
    assert day.web.refuse == {"/hooks/alertmanager": 0}
    page = day.alertmanager.get("/metrics").text
    tries = re.findall(r'^alertmanager_notification_requests_failed_total{.*"webhook".*} (\d+)', page, re.MULTILINE)
    lost = re.findall(r'^alertmanager_notifications_failed_total{.*"webhook".*} (\d+)', page, re.MULTILINE)
    assert (sum(map(int, tries)), sum(map(int, lost))) == (2, 0)
