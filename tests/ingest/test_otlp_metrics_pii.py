"""What is personal or secret is nowhere on /metrics, wherever in a metric it was sent."""

from typing import Any

import pytest
from opentelemetry.proto.common.v1.common_pb2 import InstrumentationScope
from opentelemetry.proto.metrics.v1 import metrics_pb2 as pb

from exporter.ingest.otlp_metrics import OtlpMetrics
from exporter.ingest.scrub import Scrubbing
from tests.ingest.metrics_sent import Receiver, attributes, explicit, gauge, histogram, number
from tests.ingest.test_scrub import VECTORS, configured, flat


def texts(value: Any) -> list[str]:
    """Every text in it, as a description or a version may hold it."""
    if isinstance(value, dict):
        return [text for one in value.values() for text in texts(one)]
    if isinstance(value, list):
        return [text for one in value for text in texts(one)]
    return [value] if isinstance(value, str) else []


@pytest.mark.parametrize(
    "vector", [vector for vector in VECTORS if vector["kind"] == "redact"], ids=lambda vector: vector["id"]
)
def test_a_vector_is_not_on_the_page(vector: dict[str, Any]) -> None:
    receiver = Receiver()
    scrubbing = Scrubbing(configured(vector["config"]))
    receiver.metrics = OtlpMetrics(receiver.foreign, lambda: scrubbing, receiver.tallies)
    told = attributes({key: one for key, one in flat(vector["event"]).items() if isinstance(one, str | int | float)})
    exemplar = pb.Exemplar(as_double=1.5, trace_id=b"t" * 16, filtered_attributes=told)
    point = explicit([1, 1, 1], exemplars=[exemplar])
    point.attributes.extend(told)
    sent = [histogram(point)]
    if vector["cls"] not in ("key", "cookie"):  # what only its key gives away can't be known where there is no key
        sent += [
            gauge(number(1.0, labels={"text": text}), name=text, description=text, unit=text)
            for text in texts(vector["event"])
        ]
    receiver.take(*sent, scope=InstrumentationScope(name="it", attributes=told), resource={"service.name": "it"})
    page = receiver.text() + receiver.openmetrics()
    assert [text for text in vector["must_not_contain"] if text in page] == []
    receiver.samples()
