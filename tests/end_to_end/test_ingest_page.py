"""docs/ingest.md: its configuration is taken, and its commands do what it says."""

import json
import os
import re
import subprocess
from pathlib import Path

from tests import servers

PAGE = (Path(__file__).parents[2] / "docs" / "ingest.md").read_text()
YAML = "\n".join(re.findall(r"```yaml\n(.*?)```", PAGE, re.DOTALL))
COMMANDS = [
    line.replace("\\\n", " ")
    for block in re.findall(r"```console\n(.*?)```", PAGE, re.DOTALL)
    for line in re.findall(r"\$ (curl (?:\\\n|.)+)", block)
]
ERROR = {"type": "error", "exception": "ITARViolation", "message": "x", "id": "a"}


def test_the_pages_configuration_and_commands_work() -> None:
    config = f"service: shop\nweb: {{admin_tokens: [a-token-of-ours]}}\n{YAML}"
    keys = {name: f"0123456789abcdef{place}" for place, name in enumerate(re.findall(r"\$\{(\w+)\}", YAML))}
    with servers.daemon(config, env=keys) as daemon:

        def run(command: str) -> dict[str, object]:
            for place, port in (("localhost:9676", daemon.port), ("127.0.0.1:4318", daemon.ingest_port)):
                command = command.replace(place, f"127.0.0.1:{port}")
            env = {"PATH": os.environ["PATH"], "TOKEN": "a-token-of-ours"}
            done = subprocess.run(["bash", "-c", command], capture_output=True, check=True, env=env, timeout=30)
            answer: dict[str, object] = json.loads(done.stdout)
            assert answer["success"], answer
            return answer

        deploy, errors, change = COMMANDS
        assert run(deploy)["message"] == "1 accepted"
        run(f"curl -d '{json.dumps(ERROR)}' http://127.0.0.1:4318/api/v1/events")
        assert run(errors)["data"] == []
        (group,) = run(errors.replace("=high", "=critical"))["data"]  # type: ignore[misc]
        assert (group["security"], group["team"]) == (True, "web")
        changed = run(change.replace("/ID", f"/{group['id']}"))["data"]
        assert changed["status"] == "resolved"  # type: ignore[index]
