"""Reads pages back with prometheus_client's own parsers, and checks on the way what they let pass."""

import math
from collections.abc import Mapping

from prometheus_client.openmetrics import parser as openmetrics_parser
from prometheus_client.parser import text_string_to_metric_families

from exporter.exposition import Page
from exporter.health import judge
from exporter.probe import Result
from exporter.state import State
from tests.scripted import component, result

Series = tuple[str, tuple[tuple[str, str], ...]]


class Daemon:
    """A State and its Page, without anything that runs."""

    def __init__(self, *names: str, state: State | None = None) -> None:
        self.state = state or State()
        self.page = Page(self.state)
        for name in names:
            self.add(name)

    def add(self, name: str) -> None:
        self.state.add(component(name=name))
        self.page.write(name)

    def remove(self, name: str) -> None:
        self.state.remove(name)
        self.page.drop(name)

    def take(self, taken: Result) -> None:
        record = self.state.records[taken.component]
        self.state.record(taken, judge(record.verdict, record.component, taken), maintenance=False)
        self.page.write(taken.component)

    def read(self, name: str = "it", **values: object) -> None:
        """A healthy run with these readings."""
        self.take(result(name=name, **values))  # type: ignore[arg-type]

    def text(self, *components: str) -> str:
        return self.page.families(components or None).decode()

    def openmetrics(self, *components: str) -> str:
        return self.page.families(components or None, openmetrics=True).decode() + "# EOF\n"

    def samples(self) -> dict[Series, float]:
        """Both formats, parsed; they are the same but for families' names."""
        return same(parsed(self.text()), parsed_openmetrics(self.openmetrics()))


def same(text: dict[Series, float], openmetrics: dict[Series, float]) -> dict[Series, float]:
    assert [*map(_key, text.items())] == [*map(_key, openmetrics.items())]
    return text


def parsed(page: str) -> dict[Series, float]:
    _check_shape(page)
    return _samples(text_string_to_metric_families(page))


def parsed_openmetrics(page: str) -> dict[Series, float]:
    assert page.endswith("# EOF\n")
    _check_shape(page.removesuffix("# EOF\n"))
    return _samples(openmetrics_parser.text_string_to_metric_families(page))


def find(samples: Mapping[Series, float], name: str, **labels: str) -> float:
    return samples[name, tuple(sorted(labels.items()))]


def names(samples: Mapping[Series, float]) -> set[str]:
    return {name for name, _ in samples}


def _samples(families) -> dict[Series, float]:
    found: dict[Series, float] = {}
    for family in families:
        for sample in family.samples:
            key = (sample.name, tuple(sorted(sample.labels.items())))
            assert key not in found, f"twice: {key}"
            found[key] = sample.value
    return found


def _check_shape(page: str) -> None:
    """Each family is announced once and its samples follow at once; lines end with a newline alone."""
    assert not page or page.endswith("\n")
    assert "\r" not in page and "\0" not in page
    announced: list[str] = []
    for line in page[:-1].split("\n"):
        assert line, "an empty line"
        if line.startswith("# TYPE "):
            assert line.split(" ")[2] not in announced, line
            announced.append(line.split(" ")[2])
        elif not line.startswith("#"):
            name = line.replace("{", " ").split(" ")[0]
            assert name.startswith(announced[-1]), f"{name} among the samples of {announced[-1]}"


def _key(item: tuple[Series, float]) -> tuple[Series, object]:
    series, value = item
    return series, "NaN" if math.isnan(value) else value
