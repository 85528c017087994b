"""Each runbook is whole, and its queries and commands are valid."""

import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import sqlparse

from tests.rules.cases import RULES, rules
from tests.rules.promql import NAMELESS, metrics, read
from tests.rules.runbook import LANGUAGES, LAST, SECTIONS, Runbook, runbooks
from tests.rules.shape import IDS
from tests.rules.test_lint import TEXTS
from tests.rules.written import records

LONGEST = 60
VERBS = (
    "SELECT WITH SHOW EXPLAIN VACUUM ANALYZE REINDEX ALTER SET KILL CREATE DROP DELETE UPDATE INSERT PRAGMA CHECKPOINT "
    "RESET OPTIMIZE CALL CHANGE START STOP FLUSH GRANT REVOKE TERMINATE LOCK BEGIN COMMIT CLUSTER PURGE REPAIR CHECK TABLE"
).split()


def problems(book: Runbook) -> Iterator[str]:
    """What is wrong with its parts."""
    if book.title != f"# {book.name}":
        yield f"its title is # {book.name}"
    if len(book.sentence) < 40:
        yield "no sentence below the title says what it means"
    if book.sections != SECTIONS:
        yield f"its sections are {', '.join(SECTIONS)}: there are {', '.join(book.sections)}"
    if book.lines > LONGEST:
        yield f"{book.lines} lines: the reader is tired"
    if not book.written("promql"):
        yield "no query to look at"
    yield from (f"a fence in {language or 'no language'}" for language, _ in book.fences if language not in LANGUAGES)
    if book.text.count("```") != 2 * len(book.fences):
        yield "a fence is not closed"
    last = LAST.fullmatch(book.last)
    if last is None:
        yield "its last line is Rule: alert_rules/FILE.yml · ids"
    else:
        if book.name not in {rule["alert"] for rule in rules(last[1])}:
            yield f"{last[1]}.yml has no {book.name}"
        for word in last[2].split(", "):
            system, number = word.split("-")
            if int(number) > IDS[system]:
                yield f"there is no {word}"
    for sql in book.written("sql"):
        yield from sane(sql)
    yield from configured(book)


def sane(sql: str) -> Iterator[str]:
    """Statements begin with a verb, and close what they open."""
    for statement in sqlparse.parse(sql):
        bare = sqlparse.format(str(statement), strip_comments=True).strip().rstrip(";")
        if not bare:
            continue
        if bare.split()[0].upper() not in VERBS:
            yield f"SQL that begins with {bare.split()[0]}"
        plain = re.sub(r"'(?:[^']|'')*'", "", bare)
        if plain.count("(") != plain.count(")") or "'" in plain:
            yield f"SQL that is not closed: {bare[:60]}"


def configured(book: Runbook) -> Iterator[str]:
    """Thresholds and kinds that it names are there to be configured."""
    signals = frozenset().union(*metrics().signals.values())
    for inside in re.findall(r"thresholds:\s*\{(\w+):", book.text):
        if inside not in signals and not inside.isupper():
            yield f"there is no threshold {inside}"
    for kind in re.findall(r"(?:kind:|of kind|of the kind) `?(\w+)`?", book.text):
        if kind not in metrics().kinds and not kind.isupper():
            yield f"there is no kind {kind}"


@pytest.mark.parametrize("stem", sorted(TEXTS))
def test_a_runbook_is_whole(stem: str) -> None:
    alerts = {rule["alert"] for rule in rules(stem)}
    found = [f"{book.name}.md: {one}" for book in runbooks() if book.name in alerts for one in problems(book)]
    if found:
        pytest.fail("\n".join(found), pytrace=False)


def test_each_query_asks_for_series_that_there_can_be() -> None:
    recorded = records(TEXTS)
    found = [
        f"{book.name}.md: {problem}\n    {query.strip()}"
        for book in runbooks()
        for query in book.written("promql")
        for problem in read(query, recorded)[0].problems
        if problem != NAMELESS  # which metrics have the most series, say
    ]
    if found:
        pytest.fail("\n".join(found), pytrace=False)


def test_each_command_is_valid_in_a_shell(tmp_path: Path) -> None:
    """By bash and by shellcheck; names in capitals are for the reader to put in."""
    for book in runbooks():
        if commands := book.written("sh"):
            (tmp_path / f"{book.name}.sh").write_text(
                "".join(f"fence{n}() {{\n{one}\n}}\n" for n, one in enumerate(commands))
            )
    files = sorted(map(str, tmp_path.glob("*.sh")))
    assert files
    loop = 'for file; do bash -n "$file" || exit 1; done'
    syntax = subprocess.run(["bash", "-c", loop, "bash", *files], capture_output=True, text=True, timeout=60)
    if syntax.returncode:
        pytest.fail(syntax.stderr, pytrace=False)
    checker = shutil.which("shellcheck", path=str(Path(sys.executable).parent))
    assert checker, "shellcheck is not installed: make setup"
    told = subprocess.run(
        [checker, "--shell=bash", "--severity=warning", "--format=gcc", *files],
        capture_output=True,
        text=True,
        timeout=100,
    )
    if told.returncode:
        pytest.fail(told.stdout.replace(f"{tmp_path}/", "") + told.stderr, pytrace=False)


def test_each_rule_file_is_there() -> None:
    assert {path.stem for path in RULES.glob("*.yml")} == set(TEXTS)
