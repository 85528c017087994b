"""Jobs that do not run, fail, take too long or hang."""

from tests.alerts.fault import Scene, Steps, provokes
from tests.alerts.repeating import repeating

TOKEN = "the-token-of-the-jobs"


def _report(scene: Scene, job: str, state: str = "success", duration: float | None = None) -> None:
    assert scene.daemon is not None
    took = "" if duration is None else f"&duration={duration}"
    headers = {"Authorization": f"Bearer {TOKEN}"}
    reply = scene.daemon.post(f"/hooks/heartbeat/{job}?state={state}{took}", headers=headers)
    assert reply.status == 200, reply.text


@provokes("HeartbeatMissed/critical", "HeartbeatLate/warning", "HeartbeatLate/critical")
def a_job_does_not_run(scene: Scene) -> Steps:
    beats = {"kind": "heartbeat", "token": TOKEN, "every": "3s"}
    jobs = ("job_missing", "job_late", "job_later")

    def report() -> None:
        if scene.daemon is not None:
            for job in jobs:
                _report(scene, job)

    with repeating(report):
        yield {
            "components": {
                jobs[0]: beats | {"grace": "1s"},
                jobs[1]: beats | {"grace": "10m", "thresholds": {"late": {"warning": "1s"}}},
                jobs[2]: beats | {"grace": "10m", "thresholds": {"late": {"critical": "1s"}}},
            }
        }
    yield None
    with repeating(report):
        yield None


@provokes("HeartbeatFailed/warning", "HeartbeatSlow/warning", "HeartbeatSlow/critical")
def a_job_fails_and_others_are_slow(scene: Scene) -> Steps:
    beats = {"kind": "heartbeat", "token": TOKEN, "every": "1h"}
    jobs = ("job_failing", "job_slow", "job_slower")
    yield {
        "components": {
            jobs[0]: beats,
            jobs[1]: beats | {"thresholds": {"duration": {"warning": "10s"}}},
            jobs[2]: beats | {"thresholds": {"duration": {"critical": "10s"}}},
        }
    }
    _report(scene, jobs[0], "failure")
    for job in jobs[1:]:
        _report(scene, job, duration=20)
    yield None
    for job in jobs:
        _report(scene, job, duration=1)
    yield None


@provokes("HeartbeatOverrun/warning", "HeartbeatOverrun/critical", quick=True)
def jobs_hang(scene: Scene) -> Steps:
    beats = {"kind": "heartbeat", "token": TOKEN, "every": "1h"}
    jobs = ("job_hanging", "job_hung")
    yield {
        "components": {
            jobs[0]: beats | {"max_duration": "1s"},
            jobs[1]: beats | {"thresholds": {"running": {"critical": "1s"}}},
        }
    }
    for job in jobs:
        _report(scene, job, "start")
    yield None
    for job in jobs:
        _report(scene, job)
    yield None
