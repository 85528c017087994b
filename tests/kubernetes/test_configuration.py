"""The exporter.yaml in each overlay's ConfigMap: the daemon takes it, and the objects around it agree with it."""

import re
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from exporter import config
from tests.command import command
from tests.kubernetes import documented
from tests.kubernetes.building import WHOLE, objects, one
from tests.kubernetes.pods import pods

pytestmark = pytest.mark.xdist_group("kubernetes")

SECRETS = "/run/secrets/stack-exporter"
STAND_INS = {
    "database-url": "postgresql://shop:stand-in@database.shop.svc:5432/shop",
    "store-url": "postgresql://errors:stand-in@database.shop.svc:5432/errors",
    "broker-url": "amqp://shop:stand-in@broker.shop.svc:5672/",
}
SIZES = {"Mi": 1024**2, "Gi": 1024**3}


def text(overlay: str) -> str:
    written: str = one(objects(overlay), "ConfigMap", "stack-exporter")["data"]["exporter.yaml"]
    return written


def named(overlay: str) -> set[str]:
    """The secrets that the configuration reads."""
    paths = re.findall(r"\$\{file:([^}]+)\}", text(overlay))
    assert [path for path in paths if not path.startswith(f"{SECRETS}/")] == []
    return {path.rpartition("/")[2] for path in paths}


def with_stand_ins(overlay: str, folder: Path) -> Path:
    for name in named(overlay):
        (folder / name).write_text(STAND_INS.get(name, "0123456789abcdef"))
    file = folder / "exporter.yaml"
    file.write_text(text(overlay).replace(SECRETS, str(folder)))
    return file


def loaded(overlay: str, folder: Path) -> config.Config:
    return config.read(with_stand_ins(overlay, folder), {})


@pytest.mark.parametrize("overlay", WHOLE)
def test_check_finds_nothing(overlay: str, tmp_path: Path) -> None:
    done = command("check", f"--config.file={with_stand_ins(overlay, tmp_path)}")
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize("overlay", WHOLE)
def test_the_page_says_how_to_make_every_secret_that_is_read(overlay: str) -> None:
    assert documented.keys(overlay, "stack-exporter") == named(overlay)
    assert documented.namespaces(overlay) == {
        one(objects(overlay), "ConfigMap", "stack-exporter")["metadata"]["namespace"]
    }


@pytest.mark.parametrize("overlay", WHOLE)
def test_the_daemon_reads_what_is_mounted_and_follows_it(overlay: str) -> None:
    (pod,) = pods(objects(overlay))
    environment = {each["name"]: each["value"] for each in pod.daemon["env"]}
    sources = {volume["name"]: volume for volume in pod.spec["volumes"]}
    mounts = {mount["mountPath"]: sources[mount["name"]] for mount in pod.daemon["volumeMounts"]}
    folder, _, file = environment["STACK_EXPORTER_CONFIG_FILE"].rpartition("/")
    assert mounts[folder]["configMap"] == {"name": "stack-exporter"}
    assert file in one(objects(overlay), "ConfigMap", "stack-exporter")["data"]
    assert mounts[SECRETS]["secret"]["secretName"] == "stack-exporter"
    assert environment["STACK_EXPORTER_CONFIG_WATCH"] == "on"
    assert environment["STACK_EXPORTER_STORAGE_PATH"] in mounts


def test_applications_beside_it_send_to_a_sidecar_alone_and_others_to_a_service() -> None:
    where = {overlay: _environment(overlay)["STACK_EXPORTER_INGEST_LISTEN_ADDRESS"] for overlay in WHOLE}
    assert where == {"sidecar": "127.0.0.1:4318", "central": ":4318", "replicas": ":4318"}


def _environment(overlay: str) -> dict[str, str]:
    (pod,) = pods(objects(overlay))
    return {each["name"]: each["value"] for each in pod.daemon["env"]}


@pytest.mark.parametrize("overlay", WHOLE)
def test_readiness_follows_what_is_kept_only_where_it_is_neither_the_applications_nor_of_all_replicas(
    overlay: str, tmp_path: Path
) -> None:
    assert loaded(overlay, tmp_path).web.readiness == ("ingest" if overlay == "central" else "always")


@pytest.mark.parametrize("overlay", WHOLE)
def test_what_is_kept_has_room_on_its_volume(overlay: str, tmp_path: Path) -> None:
    found = loaded(overlay, tmp_path)
    (pod,) = pods(objects(overlay))
    mount = next(one["name"] for one in pod.daemon["volumeMounts"] if one["mountPath"] == "/state")
    (volume,) = [one for one in pod.spec["volumes"] if one["name"] == mount]
    if "emptyDir" in volume:
        room = volume["emptyDir"]["sizeLimit"]
    else:
        claim = one(objects(overlay), "PersistentVolumeClaim", volume["persistentVolumeClaim"]["claimName"])
        room = claim["spec"]["resources"]["requests"]["storage"]
    # The store, unless it is elsewhere, and what waits for one back end, were one configured.
    wanted = (0 if found.database is not None else found.retention.size) + found.forward.spool.size
    assert wanted < int(room[:-2]) * SIZES[room[-2:]]


@pytest.mark.parametrize("overlay", ["central", "replicas"])
def test_the_network_policy_lets_the_daemon_reach_its_components(overlay: str, tmp_path: Path) -> None:
    rules = one(objects(overlay), "NetworkPolicy", "stack-exporter")["spec"]["egress"]
    allowed = {
        (peer["namespaceSelector"]["matchLabels"]["kubernetes.io/metadata.name"], port["port"])
        for rule in rules
        for peer in rule["to"]
        for port in rule["ports"]
    }
    assert ("kube-system", 53) in allowed
    reached = {_place(component.probe) for component in loaded(overlay, tmp_path).components}
    assert {place for place in reached if place not in allowed} == set()


def _place(probe: Any) -> tuple[str, int]:
    """Namespace and port of a component. The sample application's Service leads from port 80 to 8000."""
    written = getattr(probe, "url", None) or probe.dsn
    url = urlsplit(written if isinstance(written, str) else written.reveal())
    return str(url.hostname).split(".")[1], url.port or 8000


def test_prometheus_asks_for_every_component_of_the_replicas_and_they_run_by_no_clock(tmp_path: Path) -> None:
    components = loaded("replicas", tmp_path).components
    asked = one(objects("replicas"), "Probe", "stack-exporter-components")["spec"]["targets"]["staticConfig"]["static"]
    assert [component.name for component in components] == asked
    assert not [component.name for component in components if component.probe.scheduled]
    assert loaded("replicas", tmp_path).database is not None
