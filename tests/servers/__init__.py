"""Real servers on free loopback ports: `with postgres() as server:`; they stop by process id when the block ends."""

from tests.servers.caches import redis, valkey
from tests.servers.databases import postgres
from tests.servers.exporters import daemon
from tests.servers.ports import free_port
from tests.servers.process import Server
from tests.servers.rabbitmq import rabbitmq
from tests.servers.telemetry import prometheus, rotel

__all__ = ["Server", "daemon", "free_port", "postgres", "prometheus", "rabbitmq", "redis", "rotel", "valkey"]
