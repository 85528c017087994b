"""Components that are written once for several targets, and those in files of their own."""

import json
import time
from pathlib import Path
from typing import Any

import pytest

from exporter.config import Config, ConfigError, load, read
from exporter.config.targets import name_of

from tests.kinds import specimens  # noqa: F401

SHOPS = """
components:
  shop:
    kind: http
    interval: 30s
    targets: ["https://shop.example/de", "https://shop.example:8443/fr?key=x", "http://u:hunter2@[::1]:80/"]
  one: {kind: tcp, address: "a:1"}
"""


def loaded(text: str, **environ: str) -> Config:
    return load(text, source="it.yaml", environ=environ)


def addresses(config: Config) -> dict[str, Any]:
    return {one.name: getattr(one.probe, "url", getattr(one.probe, "address", "")) for one in config.components}


def problems(text: str, **environ: str) -> list[str]:
    with pytest.raises(ConfigError) as caught:
        loaded(text, **environ)
    return str(caught.value).splitlines()


def test_each_target_is_a_component_called_after_its_place_without_credentials() -> None:
    config = loaded(SHOPS)
    assert addresses(config) == {
        "shop-shop-example-de": "https://shop.example/de",
        "shop-shop-example-8443-fr": "https://shop.example:8443/fr?key=x",
        "shop-1-80": "http://[::1]/",
        "one": "a:1",
    }
    assert {one.interval for one in config.components} == {15.0, 30.0}


@pytest.mark.parametrize(
    "target", ["redis://:12/canary@h", "s3://u:1/canary@h", "a:12?canary@h", "redis://u:1#canary@h", "u:can?ary@h"]
)
def test_a_password_that_is_not_percent_encoded_is_in_no_name(target: str) -> None:
    assert name_of(target) == ""
    assert name_of("https://pages.example/@me") == "pages-example-me"


def test_a_window_may_name_a_component_whose_file_is_gone(tmp_path: Path) -> None:
    file = tmp_path / "it.yaml"
    window = "maintenance: [{components: [gone], from: '2026-01-01T00:00:00Z', until: '2026-01-02T00:00:00Z'}]\n"
    file.write_text(window + "component_files: ['more/*.yaml']\n")
    assert read(file, {}).components == ()
    assert problems(window) == ["it.yaml:1: maintenance[0].components[0]: no component is named gone"]


def test_a_mapping_gives_the_names_and_a_variable_shows_nothing_of_its_value() -> None:
    text = "components: {db: {kind: postgres, targets: %s}}"
    named = loaded(text % '{one: "${A}", two: "postgresql://b/x"}', A="postgresql://u:p@hidden/x")
    assert [one.name for one in named.components] == ["db-one", "db-two"]
    listed = loaded(text % '["${A}", "postgresql://b/x"]', A="postgresql://u:p@hidden/x")
    assert [one.name for one in listed.components] == ["db-0", "db-b-x"]


def test_a_thousand_targets_from_variables_are_read_in_seconds() -> None:
    text = "components: {c: {kind: tcp, timeout: '${T}', targets: [%s]}}"
    began = time.monotonic()
    config = loaded(text % ", ".join(f'"${{H}}:{n + 1}"' for n in range(1000)), H="h", T="1s")
    assert (len(config.components), time.monotonic() - began < 20) == (1000, True)
    (problem,) = problems("components: {c: {kind: disk, targets: ['/a', '/b'], writable: '${W}'}}", W="perhaps")
    assert problem.startswith("it.yaml:1: components.c.writable: expected")


def test_a_long_name_is_cut_and_stays_its_own() -> None:
    config = loaded("components: {c: {kind: tcp, targets: [%s]}}" % ", ".join(f'"{"h" * 70}{n}:1"' for n in range(2)))
    assert [len(one.name) for one in config.components] == [63, 63]
    assert len({one.name for one in config.components}) == 2


def test_a_window_of_the_whole_covers_each() -> None:
    text = SHOPS + 'maintenance: [{components: [shop, one], weekly: {days: [sunday], start: "03:00", duration: 2h}}]\n'
    (window,) = loaded(text).maintenance
    assert window.components == ("shop-shop-example-de", "shop-shop-example-8443-fr", "shop-1-80", "one")


@pytest.mark.parametrize(
    "fields,told",
    [
        ("{kind: http, targets: [http://a, 5]}", "it.yaml:2: components.x.targets[1]: expected a text"),
        ("{kind: http, targets: 5}", "it.yaml:2: components.x.targets: expected a list, or a mapping from names"),
        ("{kind: http, targets: [ftp://a]}", "it.yaml:2: components.x.targets[0]: the URL's scheme is neither http nor https"),
        ("{kind: http, url: http://a, targets: [http://b]}", "it.yaml:2: components.x.url: is in each of targets: one of url and targets"),
        ("{kind: host, targets: [a]}", "it.yaml:2: components.x.targets: the kind host has no targets: write each component out"),
        ("{kind: heartbeat, every: 1h, targets: [aaaaaaaa]}", "it.yaml:2: components.x.targets: the kind heartbeat has no targets: write each component out"),
        ("{targets: [http://a]}", "it.yaml:2: components.x.targets: needs a kind that is known"),
        ("{kind: tcp, targets: ['a:1', 'a-1']}", "it.yaml:2: components.x.targets[1]: its name would be x-a-1, which another has; give names: {NAME: TARGET}"),
        ("{kind: tcp, targets: {B C: 'a:1'}}", "it.yaml:2: components.x: a name has 1 to 63 of a-z, 0-9, _ and -"),
        ("{kind: tcp, interval: 5, targets: ['a:1', 'a:2', 'a:3']}", "it.yaml:2: components.x.interval: expected a duration with its unit, such as 500ms, 30s or 1h30m"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_told_once_where_it_is_written(fields: str, told: str) -> None:
    assert problems(f"components:\n  x: {fields}\n") == [told]


def folder(tmp_path: Path, config: str, **files: object) -> Path:
    (tmp_path / "d").mkdir(exist_ok=True)
    for name, content in files.items():
        text = content if isinstance(content, str) else json.dumps(content, indent=1)
        (tmp_path / "d" / name.replace("__", ".")).write_text(text)
    file = tmp_path / "exporter.yaml"
    file.write_text(config)
    return file


def test_files_hold_components_as_the_configuration_does(tmp_path: Path) -> None:
    file = folder(
        tmp_path,
        'defaults: {interval: 20s}\ncomponents: {a: {kind: host}}\ncomponent_files: ["d/*.yaml"]\n',
        one__yaml='components: {b: {kind: tcp, address: "${B}"}}\n',
        two__yaml='components:\n  c: {kind: tcp, targets: ["x:1", "y:1"]}\n',
        three__yaml="# nothing yet\n",
    )
    config = read(file, {"B": "b:1"})
    assert addresses(config) == {"a": "", "b": "b:1", "c-x-1": "x:1", "c-y-1": "y:1"}
    assert {one.interval for one in config.components} == {20.0}
    assert config.component_files == (str(tmp_path / "d/*.yaml"),)
    assert [Path(seen[0]).name for seen in config.files_seen] == ["one.yaml", "three.yaml", "two.yaml"]


@pytest.mark.parametrize("form", ["json", "yaml"])
def test_the_form_of_prometheus_file_sd_is_read(form: str, tmp_path: Path) -> None:
    groups = [
        {"targets": ["http://a:1/", "http://b:1/"], "labels": {"env": "prod", "team": "web"}},
        {"targets": ["c:5432"], "labels": {"kind": "tcp", "component": "db"}},
    ]
    text = (
        json.dumps(groups)
        if form == "json"
        else "- targets: [http://a:1/, http://b:1/]\n  labels: {env: prod, team: web}\n- targets: [c:5432]\n  labels: {kind: tcp, component: db}\n"
    )
    entry = "{files: [d/*], kind: http, fields: {interval: 1m}}"
    config = read(folder(tmp_path, f"component_files: [{entry}]\n", **{f"t__{form}": text}), {})
    assert addresses(config) == {"a-1": "http://a:1/", "b-1": "http://b:1/", "db-c-5432": "c:5432"}
    assert [one.team for one in config.components] == ["web", "web", ""]
    assert {one.interval for one in config.components} == {60.0}


@pytest.mark.parametrize(
    "content,told",
    [
        ("components: {x: {kind: tcp, address: no}}\n", "{file}:1: components.x.address: expected host:port"),
        ("service: x\n", "{file}:1: service: unknown key: such a file has components, or is a list as Prometheus' file_sd has it"),
        ("components: [1]\n", "{file}:1: components: expected a mapping"),
        ("components: {a: {kind: host}}\n", "{file}:1: components.a: another component has this name, in the configuration itself"),
        ("- {targets: [x:1]}\n", "{file}:1: [0]: has no kind: give one beside files, or as the label kind"),
        ("- 5\n", "{file}:1: [0]: expected targets and labels, as Prometheus' file_sd has them"),
        ("- {targets: [x], labels: {kind: tcp}}\n", "{file}:1: [0].targets[0]: expected host:port"),
        ("{", "{file}:2: is not YAML: did not find expected node content"),
        ("components: {x: {kind: tcp, address: '${NOBODY}'}}\n", "{file}:1: components.x.address: the environment variable NOBODY is not set"),
    ],
)  # fmt: skip
def test_what_is_wrong_in_a_file_is_told_with_that_file(content: str, told: str, tmp_path: Path) -> None:
    file = folder(tmp_path, 'components: {a: {kind: host}}\ncomponent_files: ["d/*"]\n', it__yaml=content)
    with pytest.raises(ConfigError) as caught:
        read(file, {})
    assert str(caught.value).splitlines() == [told.replace("{file}", str(tmp_path / "d/it.yaml"))]


def test_every_file_is_read_though_one_is_wrong(tmp_path: Path) -> None:
    file = folder(tmp_path, 'component_files: ["d/*"]\n', a__yaml="x: 1\n", b__yaml="y: 1\n")
    with pytest.raises(ConfigError) as caught:
        read(file, {})
    assert [Path(one.source).name for one in caught.value.problems] == ["a.yaml", "b.yaml"]
