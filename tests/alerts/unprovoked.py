"""Alerts that no fault here can provoke, and why not. promtool has seen each of them fire all the same."""

UNPROVOKED: dict[str, str] = {}
