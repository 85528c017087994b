"""Every panel's queries on a real Prometheus that scrapes the real daemon: while all is well, and when it is not.

With DASHBOARDS_PANELS=FILE the scenario is whole and takes minutes, and what every query gave is written there.
"""

import os
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from dashboards.source.reading import queries
from tests.dashboards import asked
from tests.dashboards.asked import Found, Key, words
from tests.dashboards.changes import CHANGED, EMPTY
from tests.dashboards.scenario import scenario
from tests.dashboards.shown import boards
from tests.dashboards.test_provisioning import destinations

PAGE = os.environ.get("DASHBOARDS_PANELS", "")
pytestmark = [pytest.mark.debian, pytest.mark.xdist_group("dashboards_live"), pytest.mark.timeout(900 if PAGE else 280)]


@dataclass
class Ran:
    """What the queries gave."""

    healthy: dict[Key, Found] = field(repr=False)
    broken: dict[Key, Found] = field(repr=False)
    exemplars: set[str]
    """Labels that exemplars have."""

    def panel(self, uid: str, title: str) -> tuple[list[Found], list[Found]]:
        """Of a panel's queries, healthy and broken."""
        keys = [key for key in self.healthy if (key.uid, key.title) == (uid, title)]
        return [self.healthy[key] for key in keys], [self.broken[key] for key in keys]


@pytest.fixture(scope="module")
def ran() -> Iterator[Ran]:
    # Short: the path of a socket, of which S3 makes some deep below, has 107 bytes at most (unix(7)).
    with tempfile.TemporaryDirectory(prefix="scenario-", dir="/tmp", ignore_cleanup_errors=True) as folder:
        long = {"healthy": 150.0, "broken": 60.0} if PAGE else {}
        with scenario(Path(folder), bool(PAGE), **long) as running:
            healthy = asked.ask(running, boards(), running.healthy_window)
            exemplars = running.exemplars('stack_probe_duration_seconds_bucket{component="website"}')
            running.break_()
            broken = asked.ask(running, boards(), running.broken_window)
    if PAGE:
        asked.write(Path(PAGE), boards(), healthy, broken)
    yield Ran(healthy, broken, exemplars)


def panels(uid: str) -> dict[str, str]:
    """By title, what each says when it is empty."""
    return {one.panel["title"]: words(one.panel) for one in queries(boards()[uid])}


@pytest.mark.parametrize("uid", boards())
def test_no_query_fails(ran: Ran, uid: str) -> None:
    every = {("healthy", key): one for key, one in ran.healthy.items()} | {
        ("broken", k): o for k, o in ran.broken.items()
    }
    assert [f"{when}: {key}: {one.error}" for (when, key), one in every.items() if key.uid == uid and one.error] == []


@pytest.mark.parametrize("uid", boards())
def test_what_is_empty_while_all_is_well_says_so(ran: Ran, uid: str) -> None:
    empty = [
        title for title, none in panels(uid).items() if not none and not any(f.values for f in ran.panel(uid, title)[0])
    ]
    assert [title for title in empty if title not in EMPTY.get(uid, {})] == []


@pytest.mark.parametrize("uid", boards())
def test_every_panel_has_something_to_show_sooner_or_later(ran: Ran, uid: str) -> None:
    """Else its text for nothing would hide a query that can find nothing."""
    never = [title for title in panels(uid) if not any(f.values for found in ran.panel(uid, title) for f in found)]
    assert [title for title in never if title not in EMPTY.get(uid, {})] == []


@pytest.mark.parametrize(("uid", "title"), [(uid, title) for uid in CHANGED for title in CHANGED[uid]])
def test_a_panel_shows_what_was_broken(ran: Ran, uid: str, title: str) -> None:
    before, after = ran.panel(uid, title)
    assert before, "there is no such panel"
    assert CHANGED[uid][title](before, after), f"healthy {list(map(str, before))}, broken {list(map(str, after))}"


def test_exemplars_have_the_label_by_which_the_data_source_leads_to_traces(ran: Ran) -> None:
    assert {one["name"] for one in destinations()} == ran.exemplars == {"trace_id"}


def test_what_is_expected_is_of_panels_that_there_are() -> None:
    named = {(uid, title) for table in (CHANGED, EMPTY) for uid, titles in table.items() for title in titles}
    assert named - {(uid, title) for uid in boards() for title in panels(uid)} == set()
