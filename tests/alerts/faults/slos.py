"""What users get fails, so that error budgets burn; then so much succeeds that what has failed is little of it."""

from tests.alerts.application import repeating, say
from tests.alerts.fault import Scene, Steps, provokes


@provokes("SloBudgetBurning/critical")
def checkouts_fail(scene: Scene) -> Steps:
    yield {"slos": {"checkouts": {"service": "checkouts", "objective": "99%"}}}
    with repeating(lambda _: _serve(scene, "checkouts", 8, 2)):
        yield None
    _serve(scene, "checkouts", 3000, 0)
    yield None


# Of a budget of 30 days, twelve hours here, an objective that is watched for an hour (a minute) can spend a 720th of what
# its ratio says, which is more than a thousandth, where all fails: so it is spent, or nearly so, once a minute is begun.
# What leaks burns at 2, which is a ticket over three days and no page over six hours.
SPENT = {"leaking": ("90%", 40, 10), "spent": ("99.9%", 0, 5), "nearly-spent": ("99.9%", 8, 17)}


@provokes("SloBudgetBurning/warning", "SloBudgetSpent/warning", "SloBudgetLow/warning")
def budgets_are_spent(scene: Scene) -> Steps:
    slos = {f"slo-{name}": {"service": name, "objective": objective} for name, (objective, *_) in SPENT.items()}
    yield {"slos": slos}
    with repeating(lambda _: [_serve(scene, name, *counts) for name, (_, *counts) in SPENT.items()]):
        yield None
    # Days in which all goes well can't be waited for; as much as in them, within seconds, makes what has failed little.
    with repeating(lambda _: [_serve(scene, name, 1_000, 0) for name in SPENT]):
        yield None


def _serve(scene: Scene, service: str, well: int, badly: int) -> None:
    assert scene.daemon is not None
    request = {"type": "request", "service": service, "method": "POST", "route": "/checkout", "duration": 0.1}
    for status, count in ((503, badly), (200, well)):
        for start in range(0, count, 500):
            say(scene.daemon, [request | {"status": status}] * min(500, count - start))
