"""Rows to look at, and a store of them in memory for what a real one can't be made to do in time: refuse, hang, count calls."""

import time
from collections import Counter
from typing import Any

import msgspec

from exporter.ingest.ports import Refusing
from exporter.ingest.values import SEVERITIES
from exporter.store.rows import Act, Alert, Change, Foremost, Group, Kept, Noted, Page, Shown, Wanted

NOW = time.time()


def group(n: int, **fields: Any) -> Group:
    made = {
        "id": f"{n:032x}", "service": "shop", "title": f"ValueError: number {n}", "culprit": "cart in total", "type": "ValueError",
        "code": "", "severity": "high", "security": False, "team": "cad", "status": "unresolved", "first_seen": NOW - 7200,
        "last_seen": NOW - n, "count": 10 + n, "users": n, "releases": ("1.0", "1.1"), "environments": ("production",),
    }  # fmt: skip
    return Group(**made | fields)


def alert(n: int, **fields: Any) -> Alert:
    made = {
        "id": f"{n:032x}", "fingerprint": f"{n:016x}", "name": "ComponentDown", "severity": "critical", "team": "cad",
        "labels": {"component": "db"}, "annotations": {"summary": "db is down"}, "starts_at": NOW - 600, "received_at": NOW - 590,
    }  # fmt: skip
    return Alert(**made | fields)


DETAIL = {
    "exception": {
        "values": [
            {"type": "KeyError", "value": "'price'", "stacktrace": {"frames": [{"filename": "shop/db.py", "lineno": 7, "function": "row"}]}},
            {
                "type": "ValueError", "value": "no price",
                "stacktrace": {"frames": [
                    {"filename": "shop/web.py", "lineno": 30, "function": "view"}, {"filename": "shop/cart.py", "lineno": 12, "function": "total"},
                ]},
            },
        ]
    },
    "tags": {"region": "eu"},
}  # fmt: skip


class Rows:
    """Implements exporter.store.rows.Records over lists."""

    def __init__(self) -> None:
        self.all_groups = [group(n) for n in range(1, 8)]
        self.all_alerts = [alert(1), alert(2, resolved_at=NOW - 60, resolved_by="alertmanager")]
        self.kept = [
            Kept(
                f"{n:032x}",
                f"{1:032x}",
                NOW - n,
                "error",
                "1.1",
                "production",
                "/cart",
                "ab" * 8,
                "cd" * 16,
                "no price",
                DETAIL,
            )
            for n in range(1, 4)
        ]
        self.noted = [
            Noted(
                f"{9:032x}", NOW, "security", "brute_force", "high", "shop", "production", "1.1", "", {"attempts": 5}
            ),
            Noted(f"{8:032x}", NOW, "deploy", "", "low", "shop", "production", "1.1", "", {}),
        ]
        self.trail: list[Act] = []
        self.asked: list[Wanted] = []
        self.refusing: Refusing | None = None
        """Of whatever is asked."""
        self.full = ""
        """Why what comes in is refused."""

    def _see(self, wanted: Wanted | None = None) -> None:
        if self.refusing is not None:
            raise self.refusing
        if wanted is not None:
            self.asked.append(wanted)

    @staticmethod
    def _page(items: list[Any], wanted: Wanted) -> Page[Any]:
        if wanted.cursor and not wanted.cursor.isdigit():
            raise ValueError("cursor")
        first = int(wanted.cursor or 0)
        end = first + wanted.limit
        return Page(items[first:end], str(end) if end < len(items) else "", len(items))

    async def add(self, entries: Any) -> Any:
        raise NotImplementedError

    async def refuses(self) -> str:
        return self.full

    async def groups(self, wanted: Wanted) -> Page[Group]:
        self._see(wanted)
        found = [
            g
            for g in self.all_groups
            if wanted.status in ("", g.status)
            and wanted.service in ("", g.service)
            and wanted.security in (None, g.security)
        ]
        return self._page(found, wanted)

    async def group(self, id: str) -> Group | None:
        self._see()
        return next((g for g in self.all_groups if g.id == id), None)

    async def occurrences(self, group: str, wanted: Wanted) -> Page[Kept]:
        self._see(wanted)
        bare = [msgspec.structs.replace(kept, detail={}) for kept in self.kept if kept.group == group]
        return self._page(bare, wanted)

    async def occurrence(self, id: str) -> Kept | None:
        self._see()
        return next((kept for kept in self.kept if kept.id == id), None)

    async def hours(self, group: str, since: float) -> list[tuple[float, int]]:
        self._see()
        hour = NOW - NOW % 3600
        return [(hour - 3600, 4), (hour, 6)]

    async def foremost(self, since: float, limit: int) -> Foremost:
        self._see()
        found = [g for g in self.all_groups if g.status == "unresolved"]
        found.sort(
            key=lambda g: (SEVERITIES.index(g.severity) if g.severity in SEVERITIES else 0, g.last_seen), reverse=True
        )
        latest = {kept.group: kept for kept in reversed(self.kept)}
        items = [Shown(g, latest.get(g.id), await self.hours(g.id, since)) for g in found[:limit]]
        return Foremost(items, dict(Counter(g.severity for g in found)))

    async def change(self, group: str, change: Change, actor: str, at: float) -> Group | None:
        self._see()
        for place, found in enumerate(self.all_groups):
            if found.id == group:
                fields = {
                    k: v for k in ("status", "ignored_until", "assignee") if (v := getattr(change, k)) is not None
                }
                self.all_groups[place] = msgspec.structs.replace(found, **fields)
                self.trail.insert(0, Act(at, actor, change.status or "noted", change.note))
                return self.all_groups[place]
        return None

    async def acts(self, subject: str) -> list[Act]:
        self._see()
        return self.trail

    async def occasions(self, wanted: Wanted) -> Page[Noted]:
        self._see(wanted)
        return self._page([one for one in self.noted if wanted.kind in ("", one.kind)], wanted)

    async def alerted(self, alert: Alert) -> tuple[Alert, bool]:
        raise NotImplementedError

    async def alerts(self, wanted: Wanted) -> Page[Alert]:
        self._see(wanted)
        firing = {"firing": True, "resolved": False}.get(wanted.status)
        return self._page([a for a in self.all_alerts if firing is None or (a.resolved_at is None) is firing], wanted)

    async def mark(
        self, alert: str, actor: str, at: float, *, resolved: bool, false_alarm: bool | None, note: str
    ) -> Alert | None:
        self._see()
        for place, found in enumerate(self.all_alerts):
            if found.id == alert:
                if false_alarm and not found.false_alarm:
                    self.trail.insert(0, Act(at, actor, "false_alarm", note))
                self.all_alerts[place] = msgspec.structs.replace(
                    found, resolved_at=found.resolved_at or at, resolved_by=found.resolved_by or actor,
                    false_alarm=found.false_alarm if false_alarm is None else false_alarm, note=note,
                )  # fmt: skip
                return self.all_alerts[place]
        return None

    async def statuses(self) -> dict[tuple[str, str], int]:
        self._see()
        return {("shop", "unresolved"): len(self.all_groups), ("shop", "new"): 1}

    async def sweep(self, now: float) -> int:
        return 0

    async def size(self) -> int:
        self._see()
        return 4096
