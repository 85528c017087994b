"""What the pages for people say is true: links lead somewhere, the sample code runs, lists are complete."""

import functools
import os
import re
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest
import yaml

from exporter import catalogue, config
from tests.tree import ROOT, texts

RULES = sorted((ROOT / "alert_rules").glob("*.yml"))
PAGES = {path: text for path, text in texts() if path.endswith(".md")}
LINK = re.compile(r"\]\(([^)\s]+)\)")
FENCE = re.compile(r"^( *)```(\w+)\n(.*?)^ *```", re.DOTALL | re.MULTILINE)


def blocks(page: str, language: str) -> list[str]:
    return [textwrap.dedent(body) for _, of, body in FENCE.findall(PAGES[page]) if of == language]


def anchors(text: str) -> set[str]:
    """As GitHub makes them of headings."""
    heads = re.findall(r"^#+ (.+)$", text, re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", head.lower()).replace(" ", "-") for head in heads}


@pytest.mark.parametrize("page", sorted(PAGES))
def test_relative_links_lead_somewhere(page: str) -> None:
    broken = []
    for link in LINK.findall(FENCE.sub("", PAGES[page])):
        path, _, anchor = link.partition("#")
        if re.match(r"[a-z]+:", link):
            continue
        target = Path(os.path.normpath(ROOT / Path(page).parent / path)) if path else ROOT / page
        if not target.exists() or (anchor and anchor not in anchors(target.read_text())):
            broken.append(link)
    assert broken == []


@functools.cache
def known() -> set[str]:
    """Metrics, and what rules record; once, as there are hundreds of pages."""
    names = {metric.name for metric, _ in catalogue.metrics()}
    parts = {f"{name}_{part}" for name in names for part in ("bucket", "sum", "count")}
    recorded = {name for file in RULES for name in re.findall(r"record: ([a-z0-9_:]+)", file.read_text())}
    return names | parts | recorded


@pytest.mark.parametrize("page", [page for page in sorted(PAGES) if page != "CONTRIBUTING.md"])
def test_every_metric_that_a_page_names_exists(page: str) -> None:
    named = set(re.findall(r"(?<![\w:])stack_[a-z0-9_]*[a-z0-9]\b(?![*_…])", PAGES[page]))
    named |= set(re.findall(r"\b[a-z]+:stack_[a-z0-9_:]*[a-z0-9]\b", PAGES[page]))
    assert sorted(named - known()) == []


def test_the_readme_names_every_kind() -> None:
    table = PAGES["README.md"].partition("| of | kinds |")[2].partition("\n\n")[0]
    assert sorted(re.findall(r"`(\w+)`", table)) == catalogue.kinds()


def test_the_readmes_configuration_has_no_problem() -> None:
    (text,) = [block for block in blocks("README.md", "yaml") if "components:" in block]
    environ = dict(re.findall(r"export (\w+)=(\S+)", PAGES["README.md"]))
    found = config.load(text, source="README.md", environ=environ)
    assert [component.name for component in found.components] == ["database", "cache", "payments", "uploads"]


def test_every_yaml_sample_can_be_read() -> None:
    for page in PAGES:
        for block in blocks(page, "yaml"):
            yaml.safe_load(block)


def test_the_probe_in_contributing_passes_its_own_test_and_the_linter(tmp_path: Path) -> None:
    """Verbatim, as a newcomer would copy it."""
    probe, test = blocks("CONTRIBUTING.md", "python")
    (tmp_path / "probes").mkdir()
    (tmp_path / "probes" / "queue.py").write_text(probe)
    (tmp_path / "test_queue.py").write_text(test)
    (tmp_path / "conftest.py").write_text(
        "import exporter.probes\nfrom pathlib import Path\n"
        "exporter.probes.__path__.append(str(Path(__file__).parent / 'probes'))\n"
    )
    env = {**os.environ, "PYTHONPATH": str(ROOT)}
    run = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "--rootdir", str(tmp_path), str(tmp_path)]
    ended = subprocess.run(run, capture_output=True, text=True, cwd=tmp_path, env=env, timeout=60)
    assert (ended.returncode, "4 passed" in ended.stdout) == (0, True), ended.stdout + ended.stderr
    ruff = [Path(sys.executable).with_name("ruff"), "check", "--no-cache", "--config", ROOT / "pyproject.toml"]
    linted = subprocess.run(
        [*ruff, "--stdin-filename", ROOT / "exporter" / "probes" / "queue.py", "-"],
        input=probe, capture_output=True, text=True, timeout=60,
    )  # fmt: skip
    assert linted.returncode == 0, linted.stdout


def test_every_kind_says_what_it_was_tested_on() -> None:
    rows = re.findall(r"^\| ((?:`\w+`(?:, )?)+) \|", PAGES["docs/tested.md"], re.MULTILINE)
    assert sorted(kind for row in rows for kind in re.findall(r"\w+", row)) == catalogue.kinds()
