"""OTLP/gRPC: the three Export calls, behind which is what OTLP/HTTP has behind it.

Messages come as bytes, still compressed: gRPC's own core would unpack 16 MiB to 16 GiB before it looked at the size.
"""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, cast

import grpc
import grpc.aio

from exporter.decoding import decoder
from exporter.log import request_id
from exporter.metric import counter
from exporter.web import address, auth
from exporter.web.call import Refused, Room, Services
from exporter.web.otlp import Otlp
from exporter.web.otlp_reply import INTERNAL, RESOURCE_EXHAUSTED, UNAVAILABLE, Signal, code, details, response
from exporter.web.sender import BEARER, of_token

log = logging.getLogger(__name__)

GRPC_REQUESTS = counter(
    "stack_exporter_grpc_requests_total", "OTLP/gRPC requests that were answered, by method and code.", "method", "code"
)
LARGEST = 16 * 1024 * 1024
CONNECTION_IDLE, STREAMS, UNPACK_STEP = 300_000, 100, 256 * 1024
_GZIP, _ZLIB = b"\x1f\x8b", b"\x78"
