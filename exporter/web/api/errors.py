"""Groups of errors: which there are, what is known of one, and what becomes of it."""

import asyncio
from functools import partial
from typing import get_args

from exporter.store import rows
from exporter.web.api import asked, shapes
from exporter.web.api.actor import actor, note
from exporter.web.api.endpoint import paged, records
from exporter.web.api.given import id_of
from exporter.web.call import Answer, Call, Refused
from exporter.web.traced import linking

WEEK = 7 * 86_400.0
UNKNOWN = "no error has this id"
NOTHING = (
    f"nothing to change: give at least one of status ({', '.join(get_args(rows.State))}), ignored_until, assignee and "
    'note, such as {"status": "resolved"}'
)


async def listed(call: Call, wanted: asked.Errors, _: float) -> Answer:
    """A page of groups."""
    return await paged(
        records(call).groups(wanted.wanted()), partial(shapes.group, link=linking(call)), wanted, "groups of errors"
    )


async def one(call: Call, _: asked.Nothing, now: float) -> Answer:
    """A group with its latest occurrence."""
    group = await records(call).group(id_of(call))
    if group is None:
        raise Refused(404, UNKNOWN)
    return await _detail(call, group, now)


async def occurrences(call: Call, wanted: asked.Occurrences, _: float) -> Answer:
    """A page of a group's occurrences, newest first, without their details."""
    found, id_ = records(call), id_of(call)
    if await found.group(id_) is None:
        raise Refused(404, UNKNOWN)
    page = found.occurrences(id_, wanted.wanted())
    return await paged(page, partial(shapes.occurrence, link=linking(call)), wanted, "occurrences")


async def occurrence(call: Call, _: asked.Nothing, __: float) -> Answer:
    """One with its detail."""
    kept = await records(call).occurrence(id_of(call))
    if kept is None:
        raise Refused(404, "no occurrence has this id, or it is no longer kept")
    data = shapes.occurrence_detail(kept, linking(call))
    return Answer(message=kept.message or kept.level, data=data, compressible=True)


async def change(call: Call, wanted: asked.Change, now: float) -> Answer:
    """Resolve, ignore, assign, note."""
    id_, who = id_of(call), actor(call, wanted.actor)
    status, until = wanted.status, wanted.ignored_until
    if until is not None:
        if status not in (None, "ignored"):
            raise Refused(409, f"ignored_until goes with the status ignored, not {status}")
        if until <= now:
            raise Refused(409, "ignored_until is over already")
        status = "ignored"
    changed = rows.Change(status, until, wanted.assignee, note(call, wanted.note))
    found = records(call)
    if changed == rows.Change() and await found.group(id_) is not None:
        raise Refused(400, NOTHING)
    group = await found.change(id_, changed, who, now)
    if group is None:
        raise Refused(404, UNKNOWN)
    return await _detail(call, group, now)


async def _detail(call: Call, group: rows.Group, now: float) -> Answer:
    found = records(call)
    latest, hours, acts = await asyncio.gather(
        _latest(found, group.id), found.hours(group.id, now - WEEK), found.acts(group.id)
    )
    data = shapes.group_detail(group, latest, hours, acts, linking(call))
    return Answer(message=f"{group.status}, {group.count} times", data=data, compressible=True)


async def _latest(found: rows.Records, group: str) -> rows.Kept | None:
    page = await found.occurrences(group, rows.Wanted(limit=1))
    return await found.occurrence(page.items[0].id) if page.items else None
