"""A runbook as it is written: its title, sections, fences and last line."""

import functools
import re
from dataclasses import dataclass
from pathlib import Path

from tests.rules.promql import read
from tests.tree import ROOT

FOLDER = ROOT / "docs" / "runbooks"
SECTIONS = ["Look at first", "Mend it", "If it keeps coming back"]
LAST = re.compile(r"Rule: alert_rules/([a-z-]+)\.yml · ((?:PS|EN|FH|AR|CO)-\d+(?:, (?:PS|EN|FH|AR|CO)-\d+)*)")
LANGUAGES = ("promql", "sh", "sql", "yaml", "javascript", "text")


@dataclass(frozen=True)
class Runbook:
    """docs/runbooks/ALERT.md. `fences` are languages and contents."""

    name: str
    title: str
    sentence: str
    sections: list[str]
    fences: list[tuple[str, str]]
    last: str
    lines: int
    text: str

    def written(self, language: str) -> list[str]:
        return [content for own, content in self.fences if own == language]

    @property
    def metrics(self) -> set[str]:
        """Those that its queries ask for."""
        return {one.name or "" for query in self.written("promql") for one in read(query)[0].selectors}


def runbook(path: Path) -> Runbook:
    """Of a file."""
    text = path.read_text()
    lines = text.rstrip().splitlines()
    outside = re.sub(r"(?ms)^\s*```.*?^\s*```$", "", text)
    head = re.split(r"(?m)^## ", outside)[0].strip().splitlines()
    return Runbook(
        name=path.stem,
        title=lines[0] if lines else "",
        sentence=" ".join(head[1:]).strip(),
        sections=re.findall(r"(?m)^## (.+)$", outside),
        fences=[
            (language, re.sub(rf"(?m)^{indent}", "", content))
            for indent, language, content in re.findall(r"(?ms)^( *)```(\w*)\n(.*?)^ *```$", text)
        ],
        last=lines[-1] if lines else "",
        lines=len(lines),
        text=text,
    )


@functools.cache
def runbooks() -> list[Runbook]:
    """All, by name."""
    return [runbook(path) for path in sorted(FOLDER.glob("*.md")) if path.stem != "README"]
