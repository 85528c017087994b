"""A RabbitMQ that has no memory, hardly any disk, and a queue less than it should have."""

from contextlib import ExitStack

from kombu import Connection, Producer

from tests import servers
from tests.alerts.fault import Scene, Steps, provokes
from tests.alerts.repeating import repeating
from tests.alerts.twice import both, twice

QUEUE = "queues/%2F/orders"


@provokes(
    "RabbitmqAlarm/critical",
    "RabbitmqMemoryHigh/warning",
    "RabbitmqMemoryHigh/critical",
    "RabbitmqDiskLow/warning",
    "QueueMissing/warning",
)
def a_broker_takes_no_messages(scene: Scene) -> Steps:
    with servers.rabbitmq(management=True) as server:
        server.api("PUT", QUEUE, {"durable": True})
        broker = {"kind": "rabbitmq", "url": server.url, "interval": "1s", "timeout": "1s"}
        managed = broker | {"management": {"url": server.management_url}}
        yield {
            "components": {
                "broker": managed | {"thresholds": {"memory": {"warning": "off"}}},
                "broker_warned": managed | {"thresholds": {"memory": {"critical": "off"}}},
                "broker_queues": broker | {"queues": ["orders"]},
            }
        }
        free = server.api("GET", "nodes")[0]["disk_free"]
        server.api("DELETE", QUEUE)
        server.control("set_disk_free_limit", str(int(free * 0.7)))
        with server.alarm("memory"):
            yield None
        server.control("set_disk_free_limit", "50MB")
        server.api("PUT", QUEUE, {"durable": True})
        yield None


@provokes(*twice("QueueConsumersFew", "RabbitmqUnroutable", "RabbitmqNodeResourcesHigh"))
def consumers_leave_and_messages_lead_nowhere(scene: Scene) -> Steps:
    with ExitStack() as stack:
        server = stack.enter_context(servers.rabbitmq(management=True))
        server.api("PUT", "queues/%2F/parcels", {"durable": True})
        consumer = stack.enter_context(Connection(server.url))
        consumer.SimpleQueue("parcels", serializer="json").consumer.consume()
        node = server.api("GET", "nodes")[0]
        sockets = (node["sockets_used"] + 10) / node["sockets_total"]
        limits = {"consumers": 0, "unroutable": 0.2, "sockets": sockets}
        broker = {"kind": "rabbitmq", "url": server.url, "interval": "1s", "timeout": "900ms", "queues": ["parcels"]}
        yield {"components": both("parcels", broker | {"management": {"url": server.management_url}}, limits)}
        consumer.close()
        with ExitStack() as many, Connection(server.url) as sender, repeating(lambda: _nowhere(sender), 0.5):
            for _ in range(30):
                many.enter_context(Connection(server.url)).connect()
            yield None
        again = stack.enter_context(Connection(server.url))
        again.SimpleQueue("parcels", serializer="json").consumer.consume()
        yield None


def _nowhere(sender: Connection) -> None:
    Producer(sender).publish({}, exchange="", routing_key="no-such-queue")
