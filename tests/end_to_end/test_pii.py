"""Personal data of every sort, sent in every way, comes out in none: not in the pages, the series, the log, nor on disk."""

import json
import tempfile
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from tests import servers
from tests.end_to_end import pii_ways as ways
from tests.forward.sink import sink
from tests.ingest.test_scrub import VECTORS
from tests.servers.process import wait_until

pytestmark = pytest.mark.xdist_group("pii")
OWN = [vector["config"] for vector in VECTORS if vector["config"].keys() - {"scrub_ip"}]
CONFIGS = {
    "default": {},
    "own": {
        "keys": [key for config in OWN for key in config.get("sensitive_fields", ())],
        "keep": [key for config in OWN for key in config.get("safe_fields", ())],
        "rules": ["userpath", "ip", *(rule for config in OWN for rule in config.get("extra_rules", ()))],
    },
}
WAYS: tuple[Callable[..., Any], ...] = (ways.envelope, ways.store, ways.items, ways.events, ways.traces, ways.logs)
PROSE = {"K17", "K25", "K35"}
"""An object or a list under a sensitive key, and a key of punctuation: found as such, not in prose that repeats them."""
ELSEWHERE = {"GET-C03": "spans are measured, and not kept with an error"}


def of(name: str) -> list[dict[str, Any]]:
    return [v for v in VECTORS if bool(v["config"].keys() - {"scrub_ip"}) == (name == "own")]


@pytest.fixture(scope="module", params=CONFIGS)
def told(request: pytest.FixtureRequest) -> Iterator[tuple[list[dict[str, Any]], Mapping[str, str], Mapping[str, str]]]:
    """The vectors; where something came out, and what; and by vector its occurrence."""
    vectors = of(request.param)
    config: dict[str, Any] = {
        "service": "shop",
        "web": {"admin_tokens": [ways.TOKEN]},
        "ingest": {"projects": {"1": {"keys": [ways.KEY]}}},
        "scrub": CONFIGS[request.param],
    }
    with tempfile.TemporaryDirectory() as folder, sink() as back:
        to = [{"endpoint": back.url, "compression": "none"}]
        config["forward"] = {"traces": to, "logs": to, "events": ["errors", "security", "business"]}
        with servers.daemon(json.dumps(config), f"--storage.path={folder}", "--log.level=debug") as daemon:
            ids = {vector["id"]: [way(daemon, vector) for way in WAYS][:2] for vector in vectors}
            occurrences = {id_: "".join(ways.occurrence(daemon, each) for each in ids[id_]) for id_ in ids}
            found = ways.out(daemon)
            log = daemon.log
            wait_until(lambda: _all_sent(daemon.metrics()), 30)
            found["forwarded"] = b"\n".join(body for _, body in back.bodies).decode(errors="replace")
            assert {path for path, _ in back.bodies} == {"/v1/traces", "/v1/logs"}
            assert found["/metrics"].count("stack_exporter_scrubbed_total{") > 1
        yield vectors, found | {"stderr": log} | ways.written(Path(folder)), occurrences


def _all_sent(metrics: Mapping[str, float]) -> bool:
    names = 'stack_exporter_forward_{}_total{{signal="{}"{}}}'
    return all(
        0 < metrics[names.format("received", signal, "")] == metrics[names.format("sent", signal, ',backend="0"')]
        for signal in ("traces", "logs")
    )


def test_nothing_that_is_personal_comes_out_anywhere(told: Any) -> None:
    vectors, found, _ = told
    leaks = [
        (vector["id"], text, place)
        for vector in vectors
        for text in (*vector["must_not_contain"], "bob@example.com")
        for place, said in found.items()
        if text in said and not (place == "forwarded" and vector["id"] in PROSE)
    ]
    assert leaks == []


def test_what_is_not_personal_is_kept_and_shown(told: Any) -> None:
    vectors, _, occurrences = told
    lost = [
        (vector["id"], text)
        for vector in vectors
        for text in vector["must_contain"]
        if text not in occurrences[vector["id"]] and text not in ELSEWHERE
    ]
    assert lost == []
