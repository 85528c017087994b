"""The picture itself: what Grafana's components and our own show of samples that are known. Needs `make dashboards-picture`."""

import asyncio
from typing import Any

import pytest

from dashboards.picture.drawing import drawing, served
from dashboards.picture.found import Asking, found
from tests.dashboards import pictured

pytestmark = [pytest.mark.debian, pytest.mark.slow, pytest.mark.timeout(300)]
OWN = "drawn by our own code"
ORANGE, GREEN, RED = "rgb(255, 152, 48)", "#73BF69", "#F2495C"
MINUTES = [f"22:{minute}:00" for minute in range(14, 24)]
SHOWN = {
    "Share": ["83.4%"],
    "Worst": ["healthy"],
    "Since": ["1.50 hours"],
    "None is good": ["all is well"],
    "Used": ["database", "3.06 GiB", "orders", "1 GiB"],
    "Space": ["Name", "Last *", "Max", "database", "3.06 GiB", "3.06 GiB", "orders", "1 GiB", "1 GiB"],
    "How long": [*MINUTES, "10 ms", "100 ms", "1 s", "10 s", "+Inf", "0.0167", "0.800", OWN],
    "Status": [*MINUTES, "database", "orders", "healthy", "unhealthy", OWN],
    "All": ["Component", "Status", "Used", "database", "healthy", "3.06 GiB", "orders", "healthy", "1 GiB"],
    "Wrong": ["1:9: parse error: unclosed left parenthesis"],
    "Empty": ["No data"],
    "": ["Read this, then that."],
}
READ = """
(() => {
  const panels = Object.fromEntries([...document.querySelectorAll("[id^=panel-]")].map((panel) => [panel.id, panel]));
  const colours = (element, what) => [...element.querySelectorAll(what)].map((one) => getComputedStyle(one).color);
  // How many pixels of each colour, and how many the column has that has most.
  const pixels = (canvas) => {
    const { data } = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
    const found = {};
    for (let at = 0; at < data.length; at += 4) {
      if (data[at + 3] <= 250) continue;
      const [colour, x] = [data.slice(at, at + 3).join(), (at / 4) % canvas.width];
      found[colour] ??= { all: 0, columns: {} };
      found[colour].all++;
      found[colour].columns[x] = (found[colour].columns[x] ?? 0) + 1;
    }
    for (const one of Object.values(found)) one.columns = Math.max(...Object.values(one.columns));
    return found;
  };
  return Object.fromEntries(Object.entries(panels).map(([id, panel]) => [id.slice("panel-".length), {
    text: panel.innerText,
    colours: colours(panel, "section div span"),
    cells: colours(panel, "[role=cell]"),
    blocks: [...panel.querySelectorAll("rect")].map((one) => one.getAttribute("fill")),
    pixels: Object.assign({}, ...[...panel.querySelectorAll("canvas")].map(pixels)),
    links: [...panel.querySelectorAll("a")].map((one) => one.getAttribute("href")),
  }]));
})()
"""


def test_a_panel_of_each_type_shows_units_mappings_thresholds_and_who_drew_it() -> None:
    """Whole texts, without the titles; colours of the elements, and of pixels where there is a canvas."""
    with pictured.prometheus() as prometheus:
        given = found(pictured.dashboard(), Asking(prometheus.url, pictured.START, pictured.END))
    read, picture = asyncio.run(_drawn(given))
    panels = {one["title"]: read[str(one["id"])] for one in given["dashboard"]["panels"]}
    assert {title: _lines(title, panels[title]["text"]) for title in SHOWN} == SHOWN
    assert ORANGE in panels["Share"]["colours"]
    assert panels["All"]["cells"][2] == ORANGE
    assert panels["All"]["links"][0] == "/d/stack-components?var-component=database"
    assert panels["Status"]["blocks"] == [GREEN, GREEN, RED, GREEN]
    # A line across the panel; dashes across it for the threshold, and from top to bottom where the alert began.
    green, red = (panels["Space"]["pixels"][color] for color in ("115,191,105", "242,73,92"))
    assert (green["all"] > 100, green["columns"] < 10) == (True, True)
    assert (red["all"] > 200, red["columns"] > 40) == (True, True)
    assert len(set(panels["How long"]["blocks"])) > 10
    assert picture.startswith(b"\x89PNG")
    assert len(picture) > 50_000


async def _drawn(given: dict[str, Any]) -> tuple[dict[str, Any], bytes]:
    with served() as address:
        async with drawing(address) as pictures, pictures.page(given) as page:
            return await page.run(READ), await page.picture()


def _lines(title: str, text: str) -> list[str]:
    return [line for line in text.replace("\t", "\n").split("\n") if line and line != title]
