"""blackbox_exporter and the daemon side by side: the same modules, the same target, and what each says of it."""

import contextlib
import os
import re
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlencode

from prometheus_client.parser import text_string_to_metric_families

from tests.servers import Server, daemon, free_port
from tests.servers.exporters import Daemon

NEWER = {
    "probe_timeout_seconds",  # on every page
    "probe_tls_cipher_info",  # http
    "probe_failed_due_to_bytes",  # tcp
    "probe_expect_info",  # tcp
    "probe_failed_due_to_cel",
}
"""Families that releases after 0.23 have added. probe_ssl_last_chain_info has one label more: serialnumber."""
TIMES = re.compile(r"probe_(dns_lookup_time|duration|[a-z]+_duration)_seconds")
"""Families whose values are times: of them it is compared whether they are zero."""

Series = Mapping[tuple[str, frozenset[tuple[str, str]]], float]


@dataclass
class Page:
    """An answer: its status, the families by name with their type and help, the series by name and labels."""

    status: int
    text: str
    content_type: str = ""

    @property
    def families(self) -> dict[str, tuple[str, str]]:
        found = re.findall(r"# HELP (\S+) (.*)\n# TYPE \1 (\S+)\n", self.text)
        assert len(found) == len(re.findall("# HELP", self.text)) == len({name for name, *_ in found})
        return {name: (type_, help_) for name, help_, type_ in found if name not in NEWER}

    @property
    def series(self) -> Series:
        found = {}
        for family in text_string_to_metric_families(self.text):
            for sample in family.samples:
                labels = frozenset((k, v) for k, v in sample.labels.items() if k != "serialnumber")
                found[sample.name, labels] = sample.value
        return found

    def value(self, name: str, **labels: str) -> float:
        return self.series[name, frozenset(labels.items())]

    @property
    def lines(self) -> list[str]:
        """Names and labels as they stand on the page, in their order."""
        return [line.rpartition(" ")[0] for line in self.text.splitlines() if not line.startswith("#")]


@dataclass
class Pair:
    theirs: Server
    ours: Daemon

    def ask(self, **query: str) -> tuple[Page, Page]:
        """What both say: theirs first, so that it is not what we did to the target that they see."""
        return _ask(self.theirs, query), _ask(self.ours, query)


def _ask(server: Server, query: Mapping[str, str]) -> Page:
    headers = {"X-Prometheus-Scrape-Timeout-Seconds": query["timeout"]} if "timeout" in query else {}
    given = {key: value for key, value in query.items() if key != "timeout"}
    reply = server.get(f"/probe?{urlencode(given)}", headers)
    return Page(reply.status, reply.text, reply.headers["content-type"])


@contextlib.contextmanager
def both(modules: str, *, allow: str = "[127.0.0.0/8, '::1']") -> Iterator[Pair]:
    """Both programs with these modules."""
    program = shutil.which("prometheus-blackbox-exporter")
    assert program, "install prometheus-blackbox-exporter"
    with tempfile.TemporaryDirectory(prefix="blackbox-") as made:
        folder, port = Path(made), free_port()
        file = folder / "blackbox.yml"
        file.write_text(modules)
        command = [program, f"--config.file={file}", f"--web.listen-address=127.0.0.1:{port}", "--log.level=error"]
        env = {"PATH": os.environ["PATH"], "HOME": made}
        theirs = Server("blackbox", command, port, folder, url=f"http://127.0.0.1:{port}", env=env)
        with theirs, daemon(f"probe: {{modules: {file}, allow: {allow}}}\n") as ours:
            yield Pair(theirs, ours)


def compared(series: Series) -> dict[tuple[str, frozenset[tuple[str, str]]], float]:
    """What is the same in both: all values, and of times whether they are zero."""
    return {
        key: float(value != 0) if TIMES.fullmatch(key[0]) else value
        for key, value in series.items()
        if key[0] not in NEWER
    }


def assert_alike(pair: Pair, **query: str) -> tuple[Page, Page]:
    """Both pages, which have the same families in the same order, and series with the same labels and values."""
    theirs, ours = pair.ask(**query)
    assert (theirs.status, ours.status) == (200, 200), ours.text
    assert list(ours.families.items()) == list(theirs.families.items()), ours.families.items() ^ theirs.families.items()
    found, expected = compared(ours.series), compared(theirs.series)
    assert found == expected, f"ours {found.items() - expected.items()}, theirs {expected.items() - found.items()}"
    older = [re.sub(r',serialnumber="[^"]*"', "", line) for line in ours.lines if line.partition("{")[0] not in NEWER]
    assert older == theirs.lines, (older, theirs.lines)
    return theirs, ours
