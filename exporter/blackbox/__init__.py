"""GET /probe as blackbox_exporter answers it: its modules, its `probe_*` series, for targets named in the request."""
