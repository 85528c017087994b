"""What can be broken in the demo: how, how it is mended, what of it the daemon sees first, and which alert it leads to."""

import shutil
import urllib.request
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from demo.stage import Stage
from tests import certificates

Series = Mapping[str, float]


@dataclass(frozen=True)
class Story:
    """`labels` tell the alert from others of its name; `sees`: whether the daemon has noticed, by its series now and before."""

    what: str
    alert: str
    labels: Mapping[str, str]
    break_: Callable[[Stage], object]
    mend: Callable[[Stage], object]
    sees: Callable[[Series, Series], bool]
    noticed: str


def _down(component: str) -> Callable[[Series, Series], bool]:
    return lambda now, _: total(now, "stack_probe_success", f'component="{component}"') == 0


def _more(name: str, *having: str) -> Callable[[Series, Series], bool]:
    return lambda now, before: total(now, name, *having) > total(before, name, *having)


def total(series: Series, name: str, *having: str) -> float:
    """The sum of a metric's series whose text has all of these."""
    found = (v for key, v in series.items() if key.partition("{")[0] == name and all(one in key for one in having))
    return sum(found)


def _shop(what: str, on: int) -> Callable[[Stage], None]:
    def switch(stage: Stage) -> None:
        request = urllib.request.Request(f"{stage.shop.url}/broken/{what}/{on}", b"")
        with urllib.request.urlopen(request, timeout=10) as reply:
            reply.read()

    return switch


def _certificate(*, ends: int) -> Callable[[Stage], object]:
    """Serve one that ends in so many days."""
    return lambda stage: shutil.copy(certificates.pair(ends=ends).certificate, stage.certificate)


def _attack(stage: Stage) -> None:
    wrong = {"type": "security", "name": "login_failed", "severity": "medium"}
    stage.say(*(wrong | {"context": {"user": f"visitor-{number % 7}"}} for number in range(150)))


STORIES: Mapping[str, Story] = {
    "database": Story(
        "PostgreSQL is killed",
        "ComponentDown",
        {"severity": "critical", "component": "database"},
        lambda stage: stage.database.kill(),
        lambda stage: stage.database.start(),
        _down("database"),
        "a probe fails",
    ),
    "worker": Story(
        "the Celery worker is killed",
        "CeleryWorkersNone",
        {"severity": "critical", "component": "worker"},
        lambda stage: stage.worker.kill(),
        lambda stage: stage.worker.start(),
        _down("worker"),
        "no worker answers",
    ),
    "slow": Story(
        "pages take 7 s",
        "HttpResponsesSlow",
        {"severity": "warning", "service": "shop"},
        _shop("slow", 1),
        _shop("slow", 0),
        lambda now, before: _slow(now) > _slow(before),
        "a slow request is told",
    ),
    "errors": Story(
        "the bank refuses every payment",
        "ErrorGroupNew",
        {"severity": "critical", "service": "shop"},
        _shop("errors", 1),
        _shop("errors", 0),
        _more("stack_error_groups_new_total", 'severity="critical"'),
        "a new error group",
    ),
    "storage": Story(
        "uploads fill their quota",
        "StorageQuota",
        {"severity": "warning", "component": "uploads"},
        lambda stage: stage.storage.put("/uploads/film", b"x" * 990_000),
        lambda stage: stage.storage.signed("DELETE", "/uploads/film"),
        lambda now, _: total(now, "stack_s3_used_ratio") > 0.9,
        "more than 90 % are used",
    ),
    "certificate": Story(
        "the certificate that is served expires in 2 days",
        "CertificateExpiring",
        {"severity": "critical", "component": "tls"},
        _certificate(ends=2),
        _certificate(ends=90),
        lambda now, _: 0 < total(now, "stack_certificate_remaining_seconds") < 3 * 86_400,
        "less than 3 days are left",
    ),
    "security": Story(
        "150 wrong passwords",
        "BruteForce",
        {"severity": "critical", "service": "shop"},
        _attack,
        lambda _: None,
        _more("stack_security_events_total", 'type="login_failed"'),
        "the first is counted",
    ),
}


def _slow(series: Series) -> float:
    name = "stack_http_server_request_duration_seconds"
    return total(series, f"{name}_count") - total(series, f"{name}_bucket", 'le="5.0"')
