"""What can be broken in the demo: how, how it is mended, what of it the daemon sees first, which alert it leads to, for whom."""

import shutil
import urllib.request
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from demo.stage import Stage
from exporter.nearest import suggestion
from tests import certificates
from tests.servers.process import Server

Series = Mapping[str, float]
Sees = Callable[[Series, Series], str]
WRONG_PASSWORDS = 150


@dataclass(frozen=True)
class Story:
    """`labels` tell the alert from others of its name; `receivers` are told, in this order.

    `sees`: what the daemon has noticed, by its series now and before, or nothing. `looks`: how often it looks.
    `verdict`: the component whose verdict the alert is about. `looks_back`: the range of the rule's expression.
    `by_hand`: a command that does the same from another terminal.
    """

    what: str
    mended: str
    alert: str
    labels: Mapping[str, str]
    receivers: tuple[str, ...]
    break_: Callable[[Stage], object]
    mend: Callable[[Stage], object]
    sees: Sees
    noticed: str
    looks: str = ""
    verdict: str = ""
    looks_back: str = ""
    by_hand: Callable[[Stage], str] = lambda _: ""


def total(series: Series, name: str, *having: str) -> float:
    """The sum of a metric's series whose text has all of these."""
    found = (v for key, v in series.items() if key.partition("{")[0] == name and all(one in key for one in having))
    return sum(found)


def _fails(component: str) -> Sees:
    """With the reason that is counted."""
    mark = f'stack_probe_runs_total{{component="{component}"'

    def sees(now: Series, before: Series) -> str:
        more = (
            key for key, v in now.items() if key.startswith(mark) and 'result="unhealthy"' in key and v > before[key]
        )
        reasons = [key.partition('reason="')[2].partition('"')[0] for key in more]
        return f"its probe of {component} fails: {reasons[0]}" if reasons else ""

    return sees


def _more(text: str, name: str, *having: str) -> Sees:
    return lambda now, before: text * (total(now, name, *having) > total(before, name, *having))


def _slow(now: Series, before: Series) -> str:
    name = "stack_http_server_request_duration_seconds"
    slow = [total(one, f"{name}_count") - total(one, f"{name}_bucket", 'le="5.0"') for one in (now, before)]
    return "the first request of more than 5 s is told" * (slow[0] > slow[1])


def _full(now: Series, _: Series) -> str:
    used = total(now, "stack_s3_used_ratio", 'component="uploads"')
    return f"uploads: {used:.0%} of its quota is used" if used > 0.9 else ""


def _ending(now: Series, _: Series) -> str:
    left = total(now, "stack_certificate_remaining_seconds", 'component="tls"')
    return f"tls: {left / 86_400:.1f} days are left" if 0 < left < 3 * 86_400 else ""


def _killed(server: Callable[[Stage], Server]) -> Callable[[Stage], object]:
    return lambda stage: server(stage).kill()


def _started(server: Callable[[Stage], Server]) -> Callable[[Stage], object]:
    def start(stage: Stage) -> None:
        if not server(stage).running:
            server(stage).start()

    return start


def _shop(what: str, on: int) -> Callable[[Stage], None]:
    def switch(stage: Stage) -> None:
        request = urllib.request.Request(f"{stage.shop.url}/broken/{what}/{on}", b"")
        with urllib.request.urlopen(request, timeout=10) as reply:
            reply.read()

    return switch


def _curl(what: str) -> Callable[[Stage], str]:
    return lambda stage: f"curl -X POST {stage.shop.url}/broken/{what}/1"


def _certificate(*, ends: int) -> Callable[[Stage], object]:
    """Serve one that ends in so many days."""
    return lambda stage: shutil.copy(certificates.pair(ends=ends).certificate, stage.certificate)


def _attack(stage: Stage) -> None:
    wrong = {"type": "security", "name": "login_failed", "severity": "medium"}
    stage.say(*(wrong | {"context": {"user": f"visitor-{number % 7}"}} for number in range(WRONG_PASSWORDS)))


STORIES: Mapping[str, Story] = {
    "database": Story(
        what="PostgreSQL is killed",
        mended="PostgreSQL is started again",
        alert="ComponentDown",
        labels={"severity": "critical", "component": "database"},
        receivers=("history", "page-platform"),
        break_=_killed(lambda stage: stage.database),
        mend=_started(lambda stage: stage.database),
        sees=_fails("database"),
        noticed="a probe of database fails",
        looks="probed every 1 s",
        verdict="database",
        by_hand=lambda stage: f"kill -9 {stage.database.pid}",
    ),
    "worker": Story(
        what="the Celery worker is killed",
        mended="the Celery worker is started again",
        alert="CeleryWorkersNone",
        labels={"severity": "critical", "component": "worker"},
        receivers=("history", "page"),
        break_=_killed(lambda stage: stage.worker),
        mend=_started(lambda stage: stage.worker),
        sees=_fails("worker"),
        noticed="no worker answers",
        looks="probed every 1 s",
        by_hand=lambda stage: f"kill -9 {stage.worker.pid}",
    ),
    "slow": Story(
        what="pages take 5.5 to 9 s",
        mended="pages are quick again",
        alert="HttpResponsesSlow",
        labels={"severity": "warning", "service": "shop"},
        receivers=("history", "tickets"),
        break_=_shop("slow", 1),
        mend=_shop("slow", 0),
        sees=_slow,
        noticed="a slow request is told",
        looks="told when it ends",
        looks_back="5m",
        by_hand=_curl("slow"),
    ),
    "errors": Story(
        what="the bank refuses every payment",
        mended="the bank takes payments again",
        alert="ErrorGroupNew",
        labels={"severity": "critical", "service": "shop"},
        receivers=("history", "page"),
        break_=_shop("errors", 1),
        mend=_shop("errors", 0),
        sees=_more("a new group of errors: PaymentRefused", "stack_error_groups_new_total", 'severity="critical"'),
        noticed="a new group of errors",
        looks_back="5m",
        by_hand=_curl("errors"),
    ),
    "storage": Story(
        what="an upload takes 94 % of the quota of S3",
        mended="the upload is deleted",
        alert="StorageQuota",
        labels={"severity": "warning", "component": "uploads"},
        receivers=("history", "tickets"),
        break_=lambda stage: stage.storage.put("/uploads/film", b"x" * 990_000),
        mend=lambda stage: stage.storage.signed("DELETE", "/uploads/film"),
        sees=_full,
        noticed="more than 90 % are used",
        looks="probed every 1 s",
    ),
    "certificate": Story(
        what="the shop's certificate is replaced by one that expires in 2 days",
        mended="the shop has a certificate for 90 days again",
        alert="CertificateExpiring",
        labels={"severity": "critical", "component": "tls"},
        receivers=("history", "page-platform"),
        break_=_certificate(ends=2),
        mend=_certificate(ends=90),
        sees=_ending,
        noticed="less than 3 days are left",
        looks="probed every 1 s",
    ),
    "security": Story(
        what=f"somebody tries {WRONG_PASSWORDS} passwords",
        mended="the attack is over: there is nothing to mend",
        alert="BruteForce",
        labels={"severity": "critical", "service": "shop"},
        receivers=("history", "security-page", "page"),
        break_=_attack,
        mend=lambda _: None,
        sees=_more("failed logins are counted", "stack_security_events_total", 'type="login_failed"'),
        noticed="failed logins are counted",
        looks_back="5m",
    ),
}


def unknown(name: str) -> str:
    """What to say to whoever wants to break something else."""
    near = suggestion(name, STORIES)
    return f"there is no {name}{f'{near} It' if near else '; it'} is one of {', '.join(STORIES)}"
