"""What users get fails, so that error budgets burn; then so much succeeds that what has failed is little of it."""

from tests.alerts.application import repeating, say
from tests.alerts.fault import Scene, Steps, provokes

FAILING = {"burning": (16, 4), "leaking": (48, 2), "nearly-spent": (209, 2)}
"""How many succeed and fail each second, where one of a hundred may: 20 times too many, 4 times, and nearly all that may."""
THEN = {"burning": 4_000, "leaking": 15_000, "nearly-spent": 4_000}
"""How many succeed when it is mended."""


@provokes(
    *("SloBudgetBurning/critical", "SloBudgetBurning/warning", "SloBudgetSpent/warning", "SloBudgetLow/warning"),
    quick=True,
)
def budgets_are_spent(scene: Scene) -> Steps:
    yield {"slos": {f"slo-{name}": {"service": name, "objective": "99%"} for name in FAILING}}
    with repeating(lambda _: [_serve(scene, name, *counts) for name, counts in FAILING.items()]):
        yield None
    for name, count in THEN.items():
        _serve(scene, name, count, 0)
    yield None


def _serve(scene: Scene, service: str, well: int, badly: int) -> None:
    assert scene.daemon is not None
    request = {"type": "request", "service": service, "method": "POST", "route": "/checkout", "duration": 0.1}
    for status, count in ((503, badly), (200, well)):
        for start in range(0, count, 500):
            say(scene.daemon, [request | {"status": status}] * min(500, count - start))
