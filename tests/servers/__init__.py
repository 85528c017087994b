"""Real servers on free loopback ports: `with postgres() as server:`; they stop by process id when the block ends."""

from tests.servers.caches import redis, valkey
from tests.servers.celery import celery_beat, celery_worker
from tests.servers.databases import postgres
from tests.servers.exporters import daemon
from tests.servers.mariadb import mariadb
from tests.servers.memcached import memcached
from tests.servers.mongodb import mongodb
from tests.servers.ports import free_port
from tests.servers.process import Server
from tests.servers.rabbitmq import rabbitmq
from tests.servers.seaweedfs import seaweedfs
from tests.servers.telemetry import alertmanager, prometheus, rotel

__all__ = [
    "Server",
    "alertmanager",
    "celery_beat",
    "celery_worker",
    "daemon",
    "free_port",
    "mariadb",
    "memcached",
    "mongodb",
    "postgres",
    "prometheus",
    "rabbitmq",
    "redis",
    "rotel",
    "seaweedfs",
    "valkey",
]
