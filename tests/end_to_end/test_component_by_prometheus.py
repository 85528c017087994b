"""Prometheus chooses what is asked, and which replica asks it: /probe?component=NAME as the target of a scrape."""

import pytest

from tests import hostile, servers
from tests.servers.process import wait_until

pytestmark = pytest.mark.debian
CONFIG = """
defaults: {{interval: 1s, timeout: 1s}}
components:
  shop: {{kind: tcp, address: "127.0.0.1:{port}", scheduled: false}}
  mail: {{kind: tcp, address: "127.0.0.1:{port}", scheduled: false}}
"""
PROMETHEUS = """
global: {{scrape_interval: 1s, scrape_timeout: 1s}}
scrape_configs:
  - job_name: stack-components
    metrics_path: /probe
    static_configs: [{{targets: [shop, mail]}}]
    relabel_configs:
      - {{source_labels: [__address__], target_label: __param_component}}
      - {{target_label: __address__, replacement: "127.0.0.1:{daemon}"}}
"""


def test_each_scrape_is_one_attempt_and_its_series_carry_the_components_name() -> None:
    with (
        hostile.serving(hostile.mute, ask=False) as server,
        servers.daemon(CONFIG.format(port=server.port)) as daemon,
    ):
        assert "stack_probe_success" not in daemon.get("/metrics").text
        with servers.prometheus(PROMETHEUS.format(daemon=daemon.port)) as prometheus:
            found = wait_until(
                lambda: (
                    (seen := prometheus.query("stack_probe_success"))
                    if len(prometheus.query("stack_probe_success")) == 2
                    else None
                ),
                20,
                "both are scraped",
            )
            assert {one["metric"]["component"]: one["value"][1] for one in found} == {"shop": "1", "mail": "1"}
            wait_until(lambda: server.connections >= 6, 20, "each is asked again and again")
            runs = sum(
                value
                for name, value in daemon.metrics().items()
                if name.startswith("stack_probe_runs_total") and 'result="healthy"' in name
            )
        assert abs(server.connections - runs) <= 1
