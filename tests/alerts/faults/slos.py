"""What users get fails, so that an error budget burns. What is spent comes back after 30 days only: that is no fault to mend."""

from tests.alerts.fault import Scene, Steps, provokes


@provokes("SloBudgetBurning/critical")
def checkouts_fail(scene: Scene) -> Steps:
    yield {"slos": {"checkouts": {"service": "checkouts", "objective": "99%"}}}
    _checkouts(scene, 503)
    yield None
    _checkouts(scene, 200)
    yield None


def _checkouts(scene: Scene, status: int) -> None:
    for _ in range(20):
        scene.event(type="request", service="checkouts", method="POST", route="/checkout", status=status, duration=0.1)
