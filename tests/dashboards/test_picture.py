"""What is asked of Prometheus for a picture, as Grafana would ask it."""

import pytest

from dashboards.picture.found import Asking, found, sampled
from tests.dashboards import pictured

FIRST, SECOND = [(11, "1"), (12, "8.9"), (25, "8.5")], [(13, "9"), (14, "1.2")]
TABLE = {"component": "database"}, {"component": "orders"}


@pytest.mark.debian
def test_each_query_is_asked_as_its_panel_asks_and_its_answer_kept_as_it_is() -> None:
    with pictured.prometheus() as prometheus:
        given = found(pictured.dashboard(), Asking(prometheus.url, pictured.START, pictured.END, step=1))
    titles = {panel["title"]: str(panel["id"]) for panel in given["dashboard"]["panels"]}
    answers = {title: given["results"].get(number) for title, number in titles.items()}
    end = pictured.END
    assert answers["Share"] == {
        "A": {"kind": "vector", "result": [{"metric": _named("share"), "value": [end, "0.834"]}]}
    }
    assert answers["All"]["A"]["result"] == [{"metric": labels, "value": [end, "0"]} for labels in TABLE]
    assert answers["Wrong"] == {"A": {"error": "1:9: parse error: unclosed left parenthesis", "step": 2}}
    assert answers["Empty"] == {"A": {"kind": "matrix", "result": [], "step": 2}}
    [line] = answers["Since"]["A"]["result"]
    # 600 s on a sixth of 1600 pixels: a point each 5 s, which is the next of Grafana's steps.
    assert (answers["Since"]["A"]["step"], line["values"][1][0] - line["values"][0][0]) == (5, 5)
    assert {series["metric"]["le"] for series in answers["How long"]["A"]["result"]} == {
        "0.01",
        "0.1",
        "1",
        "10",
        "+Inf",
    }
    assert (answers["How long"]["A"]["exemplars"], answers["In detail"]) == ([], None)
    critical, warnings = given["annotations"]
    assert (critical["name"], critical["step"], warnings["result"]) == ("Critical alerts", 15, [])
    assert {value for _, value in critical["result"][0]["values"]} == {str((pictured.START + 200) * 1000)}


def test_of_the_exemplars_of_a_step_the_greatest_is_shown_and_what_is_far_below() -> None:
    series = [{"exemplars": [{"timestamp": at, "value": value} for at, value in values]} for values in (FIRST, SECOND)]
    assert [(one["timestamp"], one["value"]) for one in sampled(series, 10)] == [(13, "9"), (14, "1.2"), (25, "8.5")]
    assert sampled([], 10) == []


def _named(name: str) -> dict[str, str]:
    return {"__name__": name}
