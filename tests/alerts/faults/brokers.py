"""RabbitMQ: one without memory, disk and a queue, one whose clients are too many, consume too little and publish to nobody."""

from contextlib import ExitStack, closing

import amqp

from tests import servers
from tests.alerts.fault import Scene, Steps, provokes
from tests.alerts.repeating import repeating
from tests.alerts.twice import both, twice
from tests.servers.process import wait_until
from tests.servers.rabbitmq import RabbitMQ

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


CLIENTS = 60


@provokes(*twice("QueueConsumersFew", "RabbitmqNodeResourcesHigh", "RabbitmqUnroutable"))
def clients_of_a_broker_behave_badly(scene: Scene) -> Steps:
    """One of two consumers dies, publishers name a queue that there is not, and somebody forgets to close connections."""
    with servers.rabbitmq(management=True) as server, ExitStack() as stack:
        server.api("PUT", "queues/%2F/mail", {"durable": True})
        _consume(stack, server)
        with closing(_connected(server)) as second:
            second.channel().basic_consume("mail")
            node = wait_until(lambda: _counted(server), 30, "the node has counted its sockets")
            full = (node["sockets_used"] + CLIENTS / 2) / node["sockets_total"]
            limits = {"consumers": 1, "sockets": full, "unroutable": 0.5}
            fields = {"kind": "rabbitmq", "url": server.url, "queues": ["mail"]}
            yield {
                "components": both("broker_clients", fields | {"management": {"url": server.management_url}}, limits)
            }
        publisher = stack.enter_context(closing(_connected(server))).channel()
        with ExitStack() as forgotten, repeating(lambda: publisher.basic_publish(amqp.Message("x"), "", "maill")):
            for _ in range(CLIENTS):
                forgotten.enter_context(closing(_connected(server)))
            yield None
        _consume(stack, server)
        yield None


def _connected(server: RabbitMQ) -> amqp.Connection:
    connection = amqp.Connection(f"{server.host}:{server.port}", connect_timeout=20)
    connection.connect()
    return connection


def _consume(stack: ExitStack, server: RabbitMQ) -> None:
    stack.enter_context(closing(_connected(server))).channel().basic_consume("mail")


def _counted(server: RabbitMQ) -> dict[str, int] | None:
    """The node, with the two sockets of the consumers in it."""
    found: dict[str, int] = server.api("GET", "nodes")[0]
    return found if found.get("sockets_used", 0) >= 2 else None
