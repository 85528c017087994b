"""Pictures of the dashboards, drawn by Grafana's own published components from a live Prometheus, without a Grafana."""
