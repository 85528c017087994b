"""Probes what a web application depends on, and says in Prometheus' words how healthy it is."""

__version__ = "0.1.0"
