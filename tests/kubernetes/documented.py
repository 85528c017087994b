"""What a reader is told to make before an overlay is applied: the Secrets, by `kubectl create secret generic`."""

import re

from tests.tree import ROOT

PAGES = {"sidecar": "kubernetes-sidecar", "central": "kubernetes-central", "replicas": "replicas"}
_COMMAND = re.compile(r"kubectl create secret generic -n (\S+) (\S+)((?:.*\\\n)*.*)")
_KEY = re.compile(r"--from-(?:literal|file)=([a-z-]+)=")


def _commands(overlay: str) -> list[tuple[str, str, set[str]]]:
    page = (ROOT / "docs" / f"{PAGES[overlay]}.md").read_text()
    return [(namespace, name, set(_KEY.findall(rest))) for namespace, name, rest in _COMMAND.findall(page)]


def secrets(overlay: str) -> set[str]:
    """As "Secret shop"."""
    return {f"Secret {name}" for _, name, _ in _commands(overlay)}


def keys(overlay: str, secret: str) -> set[str]:
    """Of one of them."""
    return set().union(*(found for _, name, found in _commands(overlay) if name == secret))


def namespaces(overlay: str) -> set[str]:
    """Into which they go."""
    return {namespace for namespace, _, _ in _commands(overlay)}
