"""A cluster of RabbitMQ that loses a node and is cut in two, imitated: by what its management API says then."""

import json
import socket
from typing import Any

from tests import hostile
from tests.alerts.fault import Scene, Steps, provokes
from tests.fakes import amqp

Nodes = list[dict[str, Any]]
FIRST, SECOND, THIRD = ({"name": f"rabbit@{name}", "running": True, "partitions": []} for name in "abc")


@provokes("RabbitmqNodeDown/critical", "RabbitmqPartition/critical", imitated=True)
def a_cluster_loses_a_node_and_is_cut_in_two(scene: Scene) -> Steps:
    well: Nodes = [FIRST, SECOND, THIRD]
    nodes = list(well)

    def answer(connection: socket.socket, request: bytes) -> None:
        body = json.dumps(nodes if b"/api/nodes" in request else {}).encode()
        connection.sendall(b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: %d\r\n\r\n" % len(body) + body)

    with amqp.fake({})() as broker, hostile.serving(answer) as api:
        asked = {"kind": "rabbitmq", **broker, "management": {"url": api.url}}
        yield {"components": {"broker_cluster": asked}}
        nodes[:] = [
            FIRST | {"partitions": ["rabbit@b"]},
            SECOND | {"partitions": ["rabbit@a"]},
            THIRD | {"running": False},
        ]
        yield None
        nodes[:] = well
        yield None
