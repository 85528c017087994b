"""A member of a replica set that is at its end: imitated, by a real mongod's answers, as no mongod runs here."""

from contextlib import ExitStack
from typing import Any

from tests import hostile
from tests.alerts.fault import Scene, Steps, provokes
from tests.alerts.twice import both, twice
from tests.fakes.mongod import MEMBER, document, speaks, status

LIMITS = {"cache": "95%", "cache_dirty": "20%", "queue": 10, "tickets": 5, "cursors": 1000}


@provokes(
    *("MongodbPrimaryUnknown/critical", "MongodbMembersUnhealthy/warning"),
    *twice(
        "MongodbCacheFull", "MongodbCacheDirty", "MongodbOperationsQueued", "MongodbTicketsFew", "MongodbCursorsMany"
    ),
    imitated=True,
)
def a_replica_set_is_at_its_end(scene: Scene) -> Steps:
    well = {"serverStatus": status(), "replSetGetStatus": document("replSetGetStatus")}
    answers: dict[str, Any] = {"hello": MEMBER, "endSessions": {"ok": 1.0}} | well
    with ExitStack() as stack:
        server = stack.enter_context(hostile.serving(speaks(answers), ask=False))
        yield {"components": both("documents", {"kind": "mongodb", "url": f"mongodb://{server.address}/"}, LIMITS)}
        answers |= {"serverStatus": _pressed(), "replSetGetStatus": _without_primary()}
        yield None
        answers |= well
        yield None


def _pressed() -> dict[str, Any]:
    found = status()
    cache, tickets = found["wiredTiger"]["cache"], found["wiredTiger"]["concurrentTransactions"]
    cache["bytes currently in the cache"] = 0.97 * cache["maximum bytes configured"]
    cache["tracked dirty bytes in the cache"] = 0.3 * cache["maximum bytes configured"]
    tickets["read"]["available"] = tickets["write"]["available"] = 1
    found["globalLock"]["currentQueue"] |= {"readers": 30, "writers": 30}
    found["metrics"]["cursor"]["open"]["total"] = 5000
    return found


def _without_primary() -> dict[str, Any]:
    found = document("replSetGetStatus")
    for member in found["members"]:
        if member["state"] == 1:
            member |= {"state": 8, "stateStr": "(not reachable/healthy)", "health": 0.0}
    return found
