"""Components that get slow, or come and go."""

import socket
import threading
import time

from tests import hostile
from tests.alerts.fault import Scene, Steps, provokes

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
BAD = OK.replace(b"200 OK", b"500 Oops")


@provokes("ComponentSlow/warning", "ComponentSlow/critical")
def a_shop_is_slow(scene: Scene) -> Steps:
    slow = threading.Event()

    def answer(connection: socket.socket, _: bytes) -> None:
        time.sleep(0.2 if slow.is_set() else 0)
        connection.sendall(OK)

    with hostile.serving(answer) as server:
        limits = {
            "shop_slow": {"warning": "100ms", "critical": "off"},
            "shop_slower": {"warning": "off", "critical": "100ms"},
        }
        shops = {
            name: {"kind": "http", "url": server.url, "thresholds": {"latency": limit}}
            for name, limit in limits.items()
        }
        yield {"components": shops}
        slow.set()
        yield None
        slow.clear()
        yield None


@provokes("ComponentFlapping/warning")
def a_shop_comes_and_goes(scene: Scene) -> Steps:
    broken = threading.Event()
    count = iter(range(10**9))

    def answer(connection: socket.socket, _: bytes) -> None:
        connection.sendall(BAD if broken.is_set() and next(count) % 2 else OK)

    with hostile.serving(answer) as server:
        # Single failures, which `fall` keeps from becoming a verdict.
        yield {"components": {"shop_flapping": {"kind": "http", "url": server.url, "fall": 5}}}
        broken.set()
        yield None
        broken.clear()
        yield None


@provokes("HealthScoreLow/critical", "ComponentDown/warning")
def what_weighs_most_is_down(scene: Scene) -> Steps:
    broken = threading.Event()

    def answer(connection: socket.socket, _: bytes) -> None:
        connection.sendall(BAD if broken.is_set() else OK)

    with hostile.serving(answer) as server:
        shop = {"kind": "http", "url": server.url}
        yield {"components": {"shop_heavy": shop | {"weight": 1000}, "shop_light": shop}}
        broken.set()
        yield None
        broken.clear()
        yield None
