"""The generated pages say all that the code declares."""

import json
import re

from exporter import catalogue, docs
from exporter.config import load
from exporter.docs import command
from exporter.docs.metrics import show
from exporter.options import FLAGS
from exporter.web import routes
from exporter.web.otlp import Otlp

from tests.kinds import specimens  # noqa: F401


def test_every_metric_and_reason_is_on_the_page():
    page = docs.pages()["metrics.md"]
    for metric, _ in catalogue.metrics():
        assert f"| `{metric.name}` | {metric.type} |" in page
    for kind in catalogue.kinds():
        assert all(f"| `{reason}` |" in page for reason in catalogue.load(kind).reasons)


def test_a_kinds_part_is_made_of_its_declarations():
    text = docs.pages()["metrics.md"].partition("## specimen\n")[2].partition("\n## ")[0]
    assert text.strip().splitlines() == [
        "Says what it was told to say.",
        "",
        "| name | type | labels | unit | help |",
        "|---|---|---|---|---|",
        "| `stack_specimen_free_bytes` | gauge | `component` | bytes | Free bytes. |",
        "| `stack_specimen_queued` | gauge | `component` |  | What waits. |",
        "| `stack_specimen_used_ratio` | gauge | `component` | ratio | Used part. |",
        "",
        "Signals and their default thresholds:",
        "",
        "| signal | metric | compared | warning | critical | help |",
        "|---|---|---|---|---|---|",
        "| `latency` | `stack_probe_duration_seconds` | p95 over 5 m, at least | 500ms | 2s | How long a run takes. |",
        "| `used` | `stack_specimen_used_ratio` | the newest value, at least | 80% | 90% | How full it is. |",
        "| `free` | `stack_specimen_free_bytes` | the newest value, at most | 2GB | 1GB | What is left. |",
        "| `queued` | `stack_specimen_queued` | the newest value, at least |  |  | What waits. |",
        "",
        "Reasons:",
        "",
        "| reason | meaning |",
        "|---|---|",
        "| `told` | It was told to be down. |",
    ]


def test_a_kinds_keys_are_a_table():
    text = docs.pages()["configuration.md"].partition("### specimen\n")[2].partition("\n### ")[0]
    rows = [line for line in text.splitlines() if line.startswith("| `")]
    assert rows == [
        "| `url` | text | required | Where it is. |",
        "| `mode` | `fast`, `safe` | `safe` | How. |",
        "| `port` | whole number | `80` | Port. |",
        "| `ratio` | ratio | `50%` | Part. |",
        "| `size` | size |  | Size. |",
        "| `pause` | duration | `250ms` | Pause. |",
        "| `verify` | true, false | `true` | Look closely. |",
        "| `token` | secret |  | Token. |",
        "| `headers` | mapping to secret |  | Headers. |",
        "| `login` | mapping |  | Login. |",
        "| `login.user` | text | required | Who. |",
        "| `login.password` | secret | required | Password. |",
        "| `statuses` | list of whole number or text | `[200]` | Statuses. |",
    ]


def test_a_nested_key_has_the_name_of_its_mapping_in_its_path():
    page = docs.pages()["configuration.md"]
    for key in ("files.<name>.path", "values.<column>.name", "management.url", "traces[].endpoint"):
        assert f"| `{key}` |" in page
    assert "files.path" not in page
    assert "values[]" not in page


def test_every_kind_has_an_example_that_loads():
    page = docs.pages()["configuration.md"]
    environ = dict.fromkeys(re.findall(r"\$\{([A-Z_]+)}", page), "long-enough")
    environ |= {"DATABASE_URL": "postgresql://h/d", "CELERY_BROKER_URL": "redis://h", "RABBITMQ_URL": "amqp://h"}
    for kind in set(catalogue.kinds()) - {"undriven"}:
        part = page.partition(f"\n### {kind}\n")[2].partition("\n### ")[0]
        text = re.search("```yaml\n(.*?)```", part, re.DOTALL)[1]
        (component,) = load(text, source="it", environ=environ).components
        assert (component.name, component.kind) == (kind, kind)


def test_check_says_which_page_is_out_of_date_and_writes_nothing(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(docs, "FOLDER", tmp_path / "docs")
    assert docs.main(["--check"]) == 1
    assert not (tmp_path / "docs").exists()
    assert docs.main([]) == 0
    assert docs.main(["--check"]) == 0
    (tmp_path / "docs" / "metrics.md").write_text("by hand")
    capsys.readouterr()
    assert docs.main(["--check"]) == 1
    assert capsys.readouterr().err == "out of date: docs/metrics.md; run make docs\n"


def test_the_catalogue_can_be_printed_in_three_forms(capsys):
    show("json")
    rows = json.loads(capsys.readouterr().out)
    assert [row["name"] for row in rows] == [metric.name for metric, _ in catalogue.metrics()]
    assert next(row for row in rows if row["name"] == "stack_specimen_free_bytes") == {
        "name": "stack_specimen_free_bytes",
        "type": "gauge",
        "help": "Free bytes.",
        "labels": ["component"],
        "buckets": [],
        "unit": "bytes",
        "module": "exporter.probes.specimen",
    }
    show("markdown")
    assert capsys.readouterr().out == docs.pages()["metrics.md"]
    show("table", ["specimen"])
    assert capsys.readouterr().out.splitlines()[:7] == [
        "SPECIMEN",
        "stack_specimen_free_bytes  gauge  bytes  {component}",
        "    Free bytes.",
        "stack_specimen_queued  gauge  {component}",
        "    What waits.",
        "stack_specimen_used_ratio  gauge  ratio  {component}",
        "    Used part.",
    ]
    show("json", ["specimen"])
    assert [row["type"] for row in json.loads(capsys.readouterr().out)] == ["gauge", "gauge", "gauge"]


def test_the_list_fits_a_hundred_columns_and_has_thresholds_and_reasons(capsys):
    show("table")
    shown = capsys.readouterr().out
    assert [line for line in shown.splitlines() if len(line) > 100] == []
    for kind in catalogue.kinds():
        assert [word for word in catalogue.load(kind).reasons if f"    {word}: " not in shown] == []
    assert "    used (stack_specimen_used_ratio, the newest value, at least): warning 80%, critical 90%." in shown


def test_every_endpoint_and_flag_is_on_the_page():
    page = docs.pages()["command.md"]
    served = [*routes.scraping(), *routes.ingest(Otlp())]
    assert set(command.ENDPOINTS) <= {route.path for route in served}
    for route in served:
        path = route.path.removesuffix("/") if route.path.startswith("/api/{") else route.path
        assert f"| `{route.method} {path}" in page or route.method == "OPTIONS"
    assert [flag.name for flag in FLAGS if f"`--{flag.name}=" not in page or f"`{flag.variable}`" not in page] == []
