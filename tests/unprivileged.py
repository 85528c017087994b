"""Runs a probe in a process of its own: one that file permissions hold for, or one with file systems of its own."""

import json
import os
import subprocess
import sys
from collections.abc import Sequence
from typing import Any

from tests.tree import ROOT

PROGRAM = """if True:
    import json, sys
    from tests.probing import probe
    kind, fields = json.loads(sys.stdin.read())
    result = probe(kind, **fields)
    print(json.dumps([result.outcome, result.reason, result.detail]))"""
WITHOUT = "-dac_override,-dac_read_search"


NO_OVERRIDE = ["setpriv", "--bounding-set", WITHOUT, "--inh-caps", WITHOUT] if os.geteuid() == 0 else []


def probed(kind: str, *, by: Sequence[str] = NO_OVERRIDE, **fields: Any) -> tuple[str, str, str]:
    """Outcome, reason and detail; `by` is a command that runs the one given after it."""
    command = [*by, sys.executable, "-c", PROGRAM]
    text = json.dumps([kind, fields])
    ended = subprocess.run(command, input=text, capture_output=True, text=True, cwd=ROOT, timeout=30)
    assert ended.returncode == 0, ended.stderr
    outcome, reason, detail = json.loads(ended.stdout)
    return outcome, reason, detail


def after(script: str) -> list[str]:
    """A command prefix: mounts of its own, in which the shell script has run."""
    return ["unshare", "--user", "--map-root-user", "--mount", "sh", "-ec", f'{script}; exec "$@"', "sh"]
