"""Probes a web application's stack, and says in Prometheus' words how healthy it is."""
