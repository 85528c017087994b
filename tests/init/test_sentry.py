"""What `init` writes for what the application sends: in force where it has an SDK of Sentry already, else to begin with."""

import re
from pathlib import Path

import pytest

from exporter.config import Config, load
from exporter.init import look, page
from exporter.init.sentry import named

ENV = {"SENTRY_DSN": "https://canarycanary@o1.ingest.sentry.io/7"}
SETTINGS = 'import os\nimport sentry_sdk\nsentry_sdk.init(dsn=os.environ["SENTRY_DSN"])\n'


def written(folder: Path, environ: dict[str, str]) -> tuple[str, Config]:
    text = page.text("shop", *look(folder, environ), named(folder, environ))
    assert "canary" not in text
    return text, load(text, source="it", environ={})


@pytest.mark.parametrize("where", ["the environment", ".env", "compose.yml", "settings.py"])
def test_a_project_of_its_own_is_in_force_where_sentrys_sdk_is(where: str, tmp_path: Path) -> None:
    (tmp_path / "manage.py").touch()
    files = {
        ".env": f"SENTRY_DSN={ENV['SENTRY_DSN']}\n",
        "compose.yml": "services:\n  web:\n    image: shop\n    environment: [SENTRY_DSN=https://canary@x.example/1]\n",
        "settings.py": SETTINGS,
    }
    if where in files:
        (tmp_path / where).write_text(files[where])
    text, config = written(tmp_path, ENV if where == "the environment" else {})
    assert f"# {where} says" in text
    (key,) = config.ingest.projects["1"].keys
    assert re.fullmatch("[0-9a-f]{32}", key.reveal())
    assert key.reveal() not in written(tmp_path, ENV)[0]


def test_otherwise_it_is_a_comment_that_is_right_once_it_is_none(tmp_path: Path) -> None:
    (tmp_path / "manage.py").touch()
    (tmp_path / "settings.py").write_text("# SENTRY_DSN is not used any more\n")
    (tmp_path / ".env").write_bytes(b"\xff\xfe")
    text, config = written(tmp_path, {})
    assert config.ingest.projects == {}
    hints = re.findall(r"^# ((?:ingest|operations|classes): .*)$", text, re.MULTILINE)
    assert [hint.partition(":")[0] for hint in hints] == ["ingest", "operations", "classes"]
    config = load("\n".join(hints), source="it", environ={"SENTRY_KEY": "abcdefgh1"})
    assert list(config.ingest.projects) == ["1"]
    assert config.operations["checkout"].slow == 5.0
