"""Caches that fail."""

import yaml

from tests import servers
from tests.alerts.fault import Scene, Steps, provokes

PACE = {"interval": "500ms", "timeout": "400ms", "rise": 1, "fall": 2}


@provokes("ComponentDown/critical")
def a_critical_cache_is_gone(scene: Scene) -> Steps:
    with servers.valkey() as server:
        components = {"sessions": {"kind": "redis", "url": server.url, "critical": True, "team": "web"}}
        with servers.daemon(yaml.safe_dump({"defaults": PACE, "components": components})) as daemon:
            yield {"scraped": {"of-sessions": [f"127.0.0.1:{daemon.port}"]}}
            server.stop()
            yield None
            server.start()
            yield None


@provokes("ComponentDown/warning", quick=True)
def a_cache_is_gone(scene: Scene) -> Steps:
    with servers.valkey() as server:
        yield {"components": {"cache_gone": {"kind": "redis", "url": server.url, "team": "web"}}}
        server.stop()
        yield None
        server.start()
        yield None
