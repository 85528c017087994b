"""The first steps of docs/alerting.md lead to a mail, as they stand there."""

import email
import email.policy
import re
import shlex
import shutil
import subprocess
import textwrap
from pathlib import Path

import pytest
import yaml

from tests import servers
from tests.alertmanager import shipped
from tests.servers import mail
from tests.servers.generations import generation
from tests.servers.process import wait_until
from tests.tree import ROOT

pytestmark = [pytest.mark.debian, pytest.mark.xdist_group("alertmanager_shipped")]
PAGE = (ROOT / "docs" / "alerting.md").read_text()
BLOCKS = [textwrap.dedent(text) for text in re.findall(r"```(?:yaml|sh)\n(.*?)```", PAGE, re.DOTALL)]


def test_the_shortest_configuration_mails_the_test_alert(tmp_path: Path) -> None:
    (text,) = [block for block in BLOCKS if block.startswith("# alertmanager.yml")]
    (steps,) = [block for block in BLOCKS if "alert add Test" in block]
    shutil.copytree(shipped.FOLDER / "templates", tmp_path / "templates")
    file = tmp_path / "alertmanager.yml"
    file.write_text(text)
    amtool = generation("system").amtool
    subprocess.run([amtool, "check-config", file], check=True, capture_output=True, timeout=30)
    with mail.smtp() as mails:
        config = yaml.safe_load(text)
        here = {"smtp_smarthost": mails.address, "smtp_require_tls": False, "smtp_from": "alerts@example.org"}
        config |= {"global": here, "templates": [f"{tmp_path}/templates/*.tmpl"]}
        with servers.alertmanager(yaml.safe_dump(config)) as server:
            said = steps.replace("http://localhost:9093", server.url).replace("\\\n", " ")
            command = shlex.split(said.splitlines()[1])
            subprocess.run([amtool, *command[1:]], check=True, capture_output=True, timeout=30)
            (one,) = wait_until(lambda: mails.kept)
    message = email.message_from_bytes(one.content, policy=email.policy.default)
    assert (one.rcpt_tos, message["Subject"]) == (["you@example.org"], "[CRITICAL] This is only a test")
    assert "[CRITICAL] This is only a test" in PAGE


def test_each_receiver_and_inhibition_has_its_line_and_each_secret_its_row() -> None:
    secrets = set(re.findall(r"/etc/alertmanager/secrets/(\w+)", shipped.FILE.read_text()))
    readme = (shipped.FOLDER / "README.md").read_text()
    assert {name for name in secrets if f"`{name}`" not in readme} == set()
    for name in ("next-level", "dead-mans-switch", "tickets-platform", "page-NAME"):
        assert name in PAGE
    first = [rule["source_matchers"][0].split('"') for rule in shipped.config()["inhibit_rules"]]
    sources = {name for label, name, _ in first if label == "alertname="}
    assert {name for name in sources if f"| `{name}`" not in PAGE} == set()
