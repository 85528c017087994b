"""The daemon's own recent log lines, without secrets, as they were logged."""

import logging

from exporter.log import ring
from exporter.log.line import as_json
from exporter.web.api import asked
from exporter.web.call import Answer, Call


async def listed(_: Call, wanted: asked.Lines, __: float) -> Answer:
    """The newest first."""
    kept = ring()
    level = logging.getLevelNamesMapping()[wanted.level.upper()]
    words = wanted.q.lower()
    found = [
        dict(line)
        for line in (kept.newest(level, wanted.since or 0.0) if kept is not None else ())
        if not words or words in as_json(line).lower()
    ]
    data = found[: wanted.limit]
    metadata = {"next": None, "total": len(found), "limit": wanted.limit}
    return Answer(message=f"{len(data)} of {len(found)} lines", data=data, metadata=metadata, compressible=True)
