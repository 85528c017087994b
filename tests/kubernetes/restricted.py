"""Lint: Pod Security's profile `restricted`, control by control (kubernetes.io, Pod Security Standards), and what we ask beyond."""

from collections.abc import Iterator
from typing import Any

from tests.kubernetes.building import Object
from tests.kubernetes.pods import Pod, pods

VOLUMES = {"configMap", "csi", "downwardAPI", "emptyDir", "ephemeral", "persistentVolumeClaim", "projected", "secret"}
HOST = ("hostNetwork", "hostPID", "hostIPC")
SAFE_SYSCTLS = {"net.ipv4.ping_group_range", "net.ipv4.ip_unprivileged_port_start", "net.ipv4.tcp_syncookies"}


def restricted(found: list[Object]) -> Iterator[str]:
    """What the API server would refuse."""
    for pod in pods(found):
        yield from (f"{pod.owner}: {name}" for name in HOST if pod.spec.get(name))
        for volume in pod.spec.get("volumes", []):
            yield from (f"{pod.owner}: volume {kind}" for kind in sorted(volume.keys() - VOLUMES - {"name"}))
        whole = pod.spec.get("securityContext", {})
        sysctls = {one["name"] for one in whole.get("sysctls", [])}
        yield from (f"{pod.owner}: sysctl {name}" for name in sorted(sysctls - SAFE_SYSCTLS))
        for one in pod.containers:
            yield from (f"{pod.owner}: {one['name']}: {wrong}" for wrong in _container(one, whole))


def _container(one: dict[str, Any], whole: dict[str, Any]) -> Iterator[str]:
    own = one.get("securityContext", {})
    if own.get("privileged"):
        yield "privileged"
    if own.get("allowPrivilegeEscalation") is not False:
        yield "allowPrivilegeEscalation"
    capabilities = own.get("capabilities", {})
    if capabilities.get("drop") != ["ALL"] or set(capabilities.get("add", [])) - {"NET_BIND_SERVICE"}:
        yield "capabilities"
    if own.get("runAsNonRoot", whole.get("runAsNonRoot")) is not True:
        yield "runAsNonRoot"
    if own.get("runAsUser", whole.get("runAsUser")) == 0:
        yield "runAsUser 0"
    seccomp = own.get("seccompProfile", whole.get("seccompProfile", {}))
    if seccomp.get("type") not in ("RuntimeDefault", "Localhost"):
        yield "seccompProfile"
    if any("hostPort" in port for port in one.get("ports", [])):
        yield "hostPort"


def ours(found: list[Object]) -> Iterator[str]:
    """What no profile asks: nothing to write to but volumes, no token, bounds of memory, an image with a tag and no address."""
    for pod in pods(found):
        if pod.spec.get("automountServiceAccountToken") is not False:
            yield f"{pod.owner}: mounts a token"
        for one in pod.containers:
            yield from (f"{pod.owner}: {one['name']}: {wrong}" for wrong in _ours(one, pod))
        limits = [one.get("resources", {}).get("limits", {}).get("ephemeral-storage") for one in pod.containers]
        volumes = [volume.get("emptyDir", {}).get("sizeLimit") for volume in pod.spec.get("volumes", [])]
        # The kubelet evicts a Pod that has more than its containers' limits together (podEphemeralStorageLimitEviction).
        if any(limits) and _bytes(limits) < _bytes(volumes):
            yield f"{pod.owner}: is evicted before its volumes are full"


def _bytes(sizes: list[str | None]) -> int:
    return sum(int(size[:-2]) * {"Mi": 1024**2, "Gi": 1024**3}[size[-2:]] for size in sizes if size)


def _ours(one: dict[str, Any], pod: Pod) -> Iterator[str]:
    if one.get("securityContext", {}).get("readOnlyRootFilesystem") is not True:
        yield "writes to its root"
    resources = one.get("resources", {})
    if not {"cpu", "memory"} <= resources.get("requests", {}).keys() or "memory" not in resources.get("limits", {}):
        yield "resources"
    name, _, tag = one["image"].partition(":")
    if "/" in name or tag in ("", "latest"):
        yield f"image {one['image']}"
    if one["name"] == "stack-exporter":
        user = one["securityContext"].get("runAsUser", pod.spec["securityContext"].get("runAsUser"))
        if user != 65532:
            yield f"runs as {user}"
    if any("subPath" in mount for mount in one.get("volumeMounts", [])):
        yield "subPath, whose changes the kubelet does not follow"
