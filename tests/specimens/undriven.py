"""Needs a driver that nobody has."""

from typing import ClassVar

from exporter.probe import Probe


class Undriven(Probe, kw_only=True, frozen=True):
    drivers: ClassVar = ("driver_that_nobody_has", "nobody.has.this")
