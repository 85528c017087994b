"""The tasks of a small application: `celery -A celery_jobs worker`, with its broker in the variable BROKER."""

import json
import os
import time

from celery import Celery

app = Celery("jobs", broker=os.environ["BROKER"])
app.conf.task_ignore_result = True
app.conf.task_default_queue = "celery"
app.conf.broker_connection_retry_on_startup = True
app.conf.task_send_sent_event = True
app.conf.worker_prefetch_multiplier = 1
app.conf.beat_schedule = {"tick": {"task": "jobs.tick", "schedule": 0.2}}
app.conf.update(json.loads(os.environ.get("SETTINGS", "{}")))


@app.task(name="jobs.add")
def add(x, y):
    return x + y


@app.task(name="jobs.fail")
def fail():
    raise RuntimeError("as it is told to")


@app.task(name="jobs.again", bind=True, max_retries=1)
def again(self):
    if not self.request.retries:
        raise self.retry(countdown=0)


@app.task(name="jobs.wait", acks_late=True)
def wait(seconds):
    time.sleep(seconds)


@app.task(name="jobs.overrun", soft_time_limit=1)
def overrun():
    time.sleep(30)


@app.task(name="jobs.tick")
def tick():
    return None
