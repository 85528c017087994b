"""The dashboards by Grafana's own types: its package @grafana/schema, checked by TypeScript's compiler."""

import copy
import json
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.dashboards.shown import Json, boards
from tests.tree import ROOT

NODE, SCHEMA = Path(sys.executable).with_name("node"), ROOT / "tests" / "javascript" / "schema"
FLAGS = "--noEmit --strict --skipLibCheck --target es2022 --module esnext --moduleResolution bundler --pretty false"


def first(board: Json, type_: str) -> Json:
    found: Json = next(one for one in board["panels"] if one["type"] == type_)
    return found


def put(type_: str, *path: str, value: Any) -> Callable[[Json], None]:
    """Sets what is at this path of a dashboard's first panel of the type."""

    def change(board: Json) -> None:
        place = first(board, type_)
        for key in path[:-1]:
            place = place[key]
        place[path[-1]] = value

    return change


WRONG: dict[str, Callable[[Json], None]] = {
    "a_type_of_panel_that_there_is_not": lambda board: board["panels"][0].update(type="chart"),
    "a_word_that_an_option_does_not_have": put("stat", "options", "colorMode", value="rainbow"),
    "a_text_where_a_number_is": put("timeseries", "gridPos", "w", value="12"),
    "an_option_of_another_type_of_panel": put("stat", "options", "cellHeight", value="sm"),
    "a_word_that_a_line_does_not_have": put(
        "timeseries", "fieldConfig", "defaults", "custom", "showPoints", value="no"
    ),
    "a_key_that_a_query_does_not_have": lambda board: first(board, "stat")["targets"][0].update(query="up"),
    "a_mode_of_thresholds_that_there_is_not": put(
        "stat", "fieldConfig", "defaults", "thresholds", "mode", value="relative"
    ),
    "a_kind_of_variable_that_there_is_not": lambda board: board["templating"]["list"][0].update(type="list"),
    "a_key_that_a_dashboard_does_not_have": lambda board: board.update(pannels=[]),
    "a_sort_that_there_is_not": lambda board: board["templating"]["list"][1].update(sort=99),
}


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[str]]:
    """What the compiler says of each, in one run: it takes 2 s to begin."""
    folder = tmp_path_factory.mktemp("types")
    whole = boards()["stack-overview"]
    # Two panels are enough to be wrong, and take a tenth of the time.
    small = whole | {"panels": [first(whole, "stat"), first(whole, "timeseries")]}
    broken = {name: copy.deepcopy(small) for name in WRONG}
    for name, change in WRONG.items():
        change(broken[name])
    for name, board in {**boards(), **broken}.items():
        text = f'import type {{ Board }} from "{SCHEMA}/board";\nexport const board: Board = {json.dumps(board, indent=1)};'
        (folder / f"{name}.ts").write_text(text)
    files = sorted(str(path) for path in folder.glob("*.ts"))
    done = subprocess.run(
        [str(NODE), str(SCHEMA / "node_modules" / "typescript" / "bin" / "tsc"), *FLAGS.split(), *files],
        capture_output=True,
        text=True,
        cwd=folder,
        check=False,
    )
    found: dict[str, list[str]] = {name: [] for name in (*boards(), *broken)}
    for line in done.stdout.splitlines():
        if match := re.match(r"(?:.*/)?([\w-]+)\.ts\(\d+,\d+\): (.*)", line):
            found[match[1]].append(match[2][:600])
        else:
            assert line.startswith(" "), done.stdout[:2000]
    assert not done.stderr, done.stderr
    return found


@pytest.mark.parametrize("uid", boards())
def test_a_dashboard_has_grafanas_types(told: dict[str, list[str]], uid: str) -> None:
    assert told[uid] == []


@pytest.mark.parametrize("name", WRONG)
def test_the_compiler_refuses(told: dict[str, list[str]], name: str) -> None:
    assert told[name] != []
