"""Background tasks that fail, by what applications say of them."""

from tests.alerts.fault import Scene, Steps, provokes
from tests.alerts.repeating import repeating


@provokes("TasksFailing/critical")
def background_tasks_fail(scene: Scene) -> Steps:
    def run(state: str) -> None:
        scene.event(type="task", service="billing", name="mail", duration=0.1, state=state)

    yield {}
    with repeating(lambda: run("failure")):
        yield None
    with repeating(lambda: run("success")):
        yield None
