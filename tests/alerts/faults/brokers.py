"""A RabbitMQ that has no memory, hardly any disk, and a queue less than it should have."""

from tests import servers
from tests.alerts.fault import Scene, Steps, provokes

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
