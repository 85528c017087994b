"""The shop's worker: `celery -A demo.worker worker`."""

import os

from celery import Celery

app = Celery("shop", broker=os.environ["BROKER_URL"])
app.conf.update(task_ignore_result=True, broker_connection_retry_on_startup=True, task_send_sent_event=True)


@app.task(name="shop.receipt")
def receipt(order: int) -> str:
    return f"order {order}: thank you"
