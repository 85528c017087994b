"""Caches that run full, lose their replica, can't save, and start anew."""

import itertools
import socket
from collections.abc import Iterable
from contextlib import ExitStack

from tests import servers
from tests.alerts.fault import Scene, Steps, provokes
from tests.alerts.repeating import repeating
from tests.alerts.twice import both, twice
from tests.mounts import mounted
from tests.servers.caches import Cache


@provokes(
    *twice(
        "CacheBlockedClients", "CacheClientsHigh", "CacheMemoryHigh", "CacheSaveFailed", "CacheSaveOld",
    ))  # fmt: skip
def a_cache_runs_full(scene: Scene) -> Steps:
    with servers.valkey("--maxmemory", "16mb", "--maxclients", "40") as server:
        limits = {"blocked_clients": 1, "clients": "60%", "memory": "80%", "save": 0, "save_age": "5s"}
        with repeating(lambda: server.call("SAVE"), 1.0):
            yield {"components": both("cache_full", {"kind": "redis", "url": server.url, "team": "web"}, limits)}
        with ExitStack() as held:
            for _ in range(25):
                held.enter_context(socket.create_connection((server.host, server.port)))
            waiting = held.enter_context(socket.create_connection((server.host, server.port)))
            waiting.sendall(b"BLPOP queue 0\r\n")
            for key in range(13):
                server.call("SET", f"blob{key}", "x" * (1 << 20))
            in_the_way = server.folder / "dump.rdb"
            in_the_way.unlink()
            in_the_way.mkdir()
            server.call("BGSAVE")
            yield None
        in_the_way.rmdir()
        server.call("FLUSHALL")
        server.call("BGSAVE")
        yield None


@provokes(*twice("CacheEvictions", "CacheHitRatioLow"))
def a_cache_is_too_small(scene: Scene) -> Steps:
    with servers.valkey("--maxmemory", "4mb", "--maxmemory-policy", "allkeys-lru") as server:
        limits = {"evictions": 1, "hit_ratio": "50%"}
        yield {"components": both("cache_small", {"kind": "redis", "url": server.url}, limits)}
        numbers = itertools.count()
        with repeating(lambda: _pressed(server, next(numbers)), 0.1):
            yield None
        yield None


def _pressed(server: Cache, number: int) -> None:
    server.call("SET", f"page{number}", "x" * 500_000)
    server.call("GET", f"page{number - 100}")


@provokes(*twice("CacheConnectionsRejected"))
def a_cache_refuses_clients(scene: Scene) -> Steps:
    """Now and then, as a cache that always does refuses the probe too."""
    with servers.valkey("--maxclients", "12") as server:
        yield {"components": both("cache_busy", {"kind": "redis", "url": server.url}, {"rejected": 0.1})}
        with repeating(lambda: _crowd(server), 0.8):
            yield None
        yield None


def _crowd(server: Cache) -> None:
    with ExitStack() as held:
        for _ in range(15):
            held.enter_context(socket.create_connection((server.host, server.port)))


@provokes("CacheMasterLinkDown/critical", "CacheReplicaLost/warning")
def a_replica_of_a_cache_is_cut_off(scene: Scene) -> Steps:
    with servers.valkey("--repl-diskless-sync-delay", "0") as master:
        with servers.valkey("--replicaof", f"127.0.0.1 {master.port}") as replica:
            yield {
                "components": {
                    "cache_master": {"kind": "redis", "url": master.url},
                    "cache_replica": {"kind": "redis", "url": replica.url},
                }
            }
            master.call("ACL", "SETUSER", "default", "-psync", "-sync", "-replconf")
            master.call("CLIENT", "KILL", "TYPE", "replica")
            yield None
            master.call("ACL", "SETUSER", "default", "+psync", "+sync", "+replconf")
            yield None


@provokes(*twice("CacheMasterSilent"))
def a_master_falls_silent(scene: Scene) -> Steps:
    with servers.valkey("--repl-ping-replica-period", "1", "--repl-diskless-sync-delay", "0") as master:
        with servers.valkey("--replicaof", f"127.0.0.1 {master.port}") as replica:
            fields = {"kind": "redis", "url": replica.url}
            yield {"components": both("cache_listening", fields, {"master_link": "5s"})}
            master.call("CONFIG", "SET", "repl-ping-replica-period", "3600")
            yield None
            master.call("CONFIG", "SET", "repl-ping-replica-period", "1")
            yield None


@provokes(*twice("CacheReplicaLag"))
def a_replica_of_a_cache_applies_nothing(scene: Scene) -> Steps:
    with servers.valkey("--repl-diskless-sync-delay", "0") as master:
        with servers.valkey("--replicaof", f"127.0.0.1 {master.port}") as replica:
            fields = {"kind": "redis", "url": master.url}
            yield {"components": both("cache_ahead", fields, {"replica_lag": "1MiB"})}
            replica.pause()
            master.call("SET", "much", "x" * (2 << 20))
            yield None
            replica.resume()
            yield None


@provokes("CacheRestarted/info")
def a_cache_starts_again_and_again(scene: Scene) -> Steps:
    with servers.valkey() as server:
        yield {"components": {"cache_restarting": {"kind": "redis", "url": server.url}}}
        with repeating(lambda: _restarted(server), 4.0):
            yield None
        yield None


def _restarted(server: Cache) -> None:
    server.stop()
    server.start()


@provokes("CacheRoleChanged/info")
def a_cache_changes_sides(scene: Scene) -> Steps:
    with servers.valkey() as other, servers.valkey() as server:
        yield {"components": {"cache_moving": {"kind": "redis", "url": server.url}}}
        roles = itertools.cycle((("127.0.0.1", str(other.port)), ("NO", "ONE")))
        with repeating(lambda: server.call("REPLICAOF", *next(roles)), 3.0):
            yield None
        yield None


@provokes(*twice("CacheAppendFailed"))
def the_disk_of_a_cache_is_full(scene: Scene) -> Steps:
    with mounted(scene.folder / "small", "tmpfs", "size=1m") as folder:
        options = ("--appendonly", "yes", "--dir", str(folder), "--save", "", "--auto-aof-rewrite-percentage", "0")
        with servers.valkey(*options) as server:
            yield {"components": both("cache_appending", {"kind": "redis", "url": server.url}, {"append": 0})}
            (folder / "filling").write_bytes(b"x" * (900 << 10))
            server.call("SET", "much", "x" * (300 << 10))
            yield None
            (folder / "filling").unlink()
            yield None


@provokes(*twice("CacheFragmented"))
def a_cache_is_full_of_holes(scene: Scene) -> Steps:
    """Of ten values on a page nine are deleted: so the page stays."""
    with servers.valkey() as server:
        _fill(server)
        yield {"components": both("cache_holes", {"kind": "redis", "url": server.url}, {"fragmentation": 2.5})}
        _send(server, (f"DEL piece{number}\r\n" for number in range(PIECES) if number % 10))
        yield None
        server.call("FLUSHALL")
        _fill(server)
        yield None


PIECES = 80_000


def _fill(server: Cache) -> None:
    _send(server, (f"SET piece{number} {'x' * 300}\r\n" for number in range(PIECES)))


def _send(server: Cache, commands: Iterable[str]) -> None:
    """Without waiting for each answer."""
    with socket.create_connection((server.host, server.port)) as connection, connection.makefile("rb") as answers:
        left = iter(commands)
        while some := list(itertools.islice(left, 1000)):
            connection.sendall("".join(some).encode())
            for _ in some:
                answers.readline()
