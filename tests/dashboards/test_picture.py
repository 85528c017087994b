"""What is asked of Prometheus for a picture, as Grafana would ask it."""

import pytest

from dashboards.picture.found import Asking, found
from tests.dashboards import pictured

pytestmark = pytest.mark.debian
TABLE = {"component": "database"}, {"component": "orders"}


def test_each_query_is_asked_as_its_panel_asks_and_its_answer_kept_as_it_is() -> None:
    with pictured.prometheus() as prometheus:
        given = found(pictured.dashboard(), Asking(prometheus.url, pictured.START, pictured.END, rate="1m"))
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
    [alerts] = given["annotations"]
    assert (alerts["name"], alerts["step"], len(alerts["result"])) == ("Alerts", 15, 1)


def _named(name: str) -> dict[str, str]:
    return {"__name__": name}
