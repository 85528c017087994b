"""Every object is one that Kubernetes takes, of each version with native sidecars, and Prometheus Operator."""

import functools
import json

import jsonschema
import kubernetes_validate
import pytest
from kubernetes_validate import utils

from tests.kubernetes.building import OVERLAYS, WHOLE, Object, called, objects
from tests.kubernetes.schemas import SCHEMAS

pytestmark = pytest.mark.xdist_group("kubernetes")

OLDEST = 29
"""Of which on native sidecars are there without a feature gate."""
NEWEST = int(kubernetes_validate.latest_version().split(".")[1])
VERSIONS = [f"1.{minor}" for minor in range(OLDEST, NEWEST + 1)]


@pytest.fixture(autouse=True, scope="module")
def read_once() -> object:
    """It reads the definitions, 1.2 MB, for each object anew."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(utils, "schema_contents", functools.lru_cache(maxsize=64)(utils.schema_contents))
        yield


def kubernetes_own() -> list[Object]:
    """One of each, as overlays share most; of ConfigMaps only what has a name, as data are texts in each version."""
    found: dict[str, Object] = {}
    for overlay in WHOLE:
        for each in objects(overlay):
            if each["apiVersion"] != "monitoring.coreos.com/v1":
                found.setdefault(json.dumps(each, sort_keys=True), each)
    return list(found.values())


def test_the_newest_version_is_at_least_this() -> None:
    assert NEWEST >= 37


@pytest.mark.parametrize("version", VERSIONS)
def test_kubernetes_takes_every_object(version: str) -> None:
    for each in kubernetes_own():
        kubernetes_validate.validate(each, version, strict=True)


def test_a_field_that_kubernetes_does_not_have_is_found() -> None:
    (deployment, *_) = [each for each in kubernetes_own() if each["kind"] == "Deployment"]
    with pytest.raises(kubernetes_validate.ValidationError, match="replica"):
        kubernetes_validate.validate(deployment | {"spec": deployment["spec"] | {"replica": 2}}, "1.29", strict=True)


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_prometheus_operator_takes_every_object(overlay: str) -> None:
    for each in objects(overlay):
        if each["apiVersion"] == "monitoring.coreos.com/v1":
            found = [error.message for error in jsonschema.Draft7Validator(SCHEMAS[each["kind"]]).iter_errors(each)]
            assert found == [], called(each)


def test_the_operator_s_objects_are_there() -> None:
    kinds = {overlay: {each["kind"] for each in objects(overlay)} & SCHEMAS.keys() for overlay in OVERLAYS}
    assert kinds == {
        "central": {"ServiceMonitor"},
        "monitoring": {"PrometheusRule"},
        "monitoring-without-operator": set(),
        "replicas": {"ServiceMonitor", "Probe"},
        "sidecar": {"PodMonitor"},
    }
