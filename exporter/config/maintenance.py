"""Maintenance windows: when a component's failures are expected. Pure."""

import datetime as dt
from typing import Annotated, Literal
from zoneinfo import ZoneInfo

from msgspec import Meta, Struct, field

from exporter.values import Duration

Day = Literal["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"]
DAYS: tuple[Day, ...] = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")


class Weekly(Struct, kw_only=True, frozen=True, forbid_unknown_fields=True):
    """A window that comes every week."""

    days: Annotated[tuple[Day, ...], Meta(description="Days on which it begins.", min_length=1, examples=[["sunday"]])]
    start: Annotated[
        str,
        Meta(
            title="HH:MM",
            description="Local time at which it begins.",
            pattern=r"^([01][0-9]|2[0-3]):[0-5][0-9]$",
            examples=["03:00"],
        ),
    ]
    duration: Annotated[Duration, Meta(description="How long it lasts; at most a week.", examples=["2h"])]
    timezone: Annotated[str, Meta(description="Name in the time zone database, such as Europe/Madrid.")] = "UTC"

    def __post_init__(self) -> None:
        if not 0 < self.duration <= 7 * 86400:
            raise ValueError("duration: expected more than 0s and at most 7d")
        try:
            ZoneInfo(self.timezone)
        except (OSError, ValueError):  # ZoneInfoNotFoundError is a KeyError
            raise ValueError("timezone: is not a name that can be read from the time zone database") from None
        except KeyError:
            raise ValueError("timezone: is not in the time zone database of this machine") from None

    def covers(self, at: float) -> bool:
        zone = ZoneInfo(self.timezone)
        hour, minute = map(int, self.start.split(":"))
        today = dt.datetime.fromtimestamp(at, zone).date()
        for back in range(8):
            day = today - dt.timedelta(days=back)
            # Through timestamps, because arithmetic on local times ignores a change to or from summer time.
            begin = dt.datetime.combine(day, dt.time(hour, minute), zone).timestamp()
            if DAYS[day.weekday()] in self.days and begin <= at < begin + self.duration:
                return True
        return False


class Window(Struct, kw_only=True, frozen=True, forbid_unknown_fields=True):
    """Either once, from a time until another, or weekly."""

    components: Annotated[Literal["all"] | tuple[str, ...], Meta(description="Names of components, or all.")] = "all"
    from_: Annotated[str | None, Meta(description="When it begins: ISO 8601 with an offset.")] = field(
        default=None, name="from"
    )
    until: Annotated[str | None, Meta(description="When it ends: ISO 8601 with an offset.")] = None
    weekly: Annotated[Weekly | None, Meta(description="In place of from and until: every week.")] = None

    def __post_init__(self) -> None:
        begin = _moment("from", self.from_) if self.from_ is not None else None
        end = _moment("until", self.until) if self.until is not None else None
        once = begin is not None and end is not None
        if (self.weekly is None) != once or (self.weekly is not None and (self.from_ or self.until)):
            raise ValueError("a window has from and until, or weekly")
        if begin is not None and end is not None and begin >= end:
            raise ValueError("from: expected a time before until")

    def covers(self, component: str, at: float) -> bool:
        """Whether the component is in maintenance at a time, in Unix seconds."""
        return self.concerns(component) and self.open(at)

    def concerns(self, component: str) -> bool:
        return self.components == "all" or component in self.components

    def open(self, at: float) -> bool:
        if self.weekly is not None:
            return self.weekly.covers(at)
        if self.from_ is None or self.until is None:
            return False
        return _moment("from", self.from_) <= at < _moment("until", self.until)


def _moment(key: str, text: str) -> float:
    try:
        moment = dt.datetime.fromisoformat(text)
    except ValueError:
        raise ValueError(f"{key}: expected an ISO 8601 time, such as 2026-12-01T22:00:00Z") from None
    if moment.tzinfo is None:
        raise ValueError(f"{key}: expected an offset after the time, such as Z or +01:00")
    return moment.timestamp()
