"""Grafana dashboards, written with Grafana's own SDK: one module a dashboard, and what they have in common."""
