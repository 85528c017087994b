"""Do Celery's workers answer, how much waits for them, what are they at, and how do their tasks fare?"""

import asyncio
import socket
import time
import uuid
from collections.abc import Mapping
from functools import cached_property
from typing import Annotated, ClassVar

from msgspec import Meta, Struct

from exporter.metric import gauge
from exporter.probe import Down, Probe, Readings, Signal
from exporter.probes import _celery_connect, _celery_control, _celery_events, _celery_url, _celery_workers, _net, _tls
from exporter.probes._amqp import Malformed
from exporter.probes._celery_broker import Backlog, Names, Session, Stream
from exporter.probes._celery_control import Answers
from exporter.probes._tls import TLS
from exporter.redact import quoted
from exporter.values import Duration, Secret

FOLLOWED = gauge(
    "stack_celery_events_followed", "Whether events are being followed (1) or the broker gives none (0).", "component"
)
BEAT_SEEN = gauge(
    "stack_celery_beat_last_seen_timestamp_seconds", "When the beat's task was seen last, in Unix time.", "component"
)
BEAT_AGE = gauge("stack_celery_beat_age_seconds", "Time since the beat's task was seen last.", "component")
