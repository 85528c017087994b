"""The daemon itself, as a user runs it: `python -m exporter` in a process of its own."""

import os
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from tests.servers.ports import free_port
from tests.servers.process import Server

ROOT = Path(__file__).parents[2]
BAD_LOG = ("Traceback (most recent call last)", "was never awaited", "Task exception was never retrieved", "Unclosed ")


class Daemon(Server):
    """`url` and `port` are the scrape listener's, `ingest_port` the ingest listener's; `config_file` can be rewritten for a reload."""

    ingest_port = 0
    config_file = Path()

    def ready(self) -> bool:
        # The ingest listener has no TLS, whatever the web configuration says.
        return self.request("GET", "/readyz", port=self.ingest_port).status == 200

    def metrics(self) -> dict[str, float]:
        """Every series of /metrics by its text, such as 'stack_probe_success{component="x",kind="tcp"}'."""
        lines = (line for line in self.get("/metrics").text.splitlines() if line and not line.startswith("#"))
        return {name: float(value) for name, _, value in (line.rpartition(" ") for line in lines)}


@contextmanager
def daemon(
    config: str | None,
    *args: str,
    env: Mapping[str, str] | None = None,
    check: bool = True,
    program: Sequence[str] = (sys.executable, "-m", "exporter"),
) -> Iterator[Daemon]:
    """A daemon with this YAML (None: no file at all), ready. Its environment is `env` and what Python needs, nothing else.

    When the block ends it must exit 0 within 8 s of SIGTERM and must have logged no traceback; `check=False` leaves that out.
    `program` is what the flags are given to.
    """
    with tempfile.TemporaryDirectory(prefix="daemon-") as made:
        folder = Path(made)
        port, ingest_port = free_port(), free_port()
        command = [*program, f"--web.listen-address=127.0.0.1:{port}"]
        command += [f"--ingest.listen-address=127.0.0.1:{ingest_port}", f"--storage.path={folder / 'state'}"]
        file = folder / "exporter.yaml"
        if config is not None:
            file.write_text(config)
            command.append(f"--config.file={file}")
        clean = {"PATH": os.environ["PATH"], "HOME": made, "PYTHONPATH": str(ROOT), "PYTHONUNBUFFERED": "1"}
        url = f"http://127.0.0.1:{port}"
        server = Daemon("daemon", [*command, *args], port, folder, url=url, env=clean | dict(env or {}))
        server.ingest_port, server.config_file = ingest_port, file
        server.start()
        try:
            yield server
        except BaseException as error:
            error.add_note(f"the daemon's log:\n{server.log[-4000:]}")
            server.kill()
            raise
        code = server.stop(8.0) if server.running else server.exit_code
        if check:
            log = server.log_file.read_text(errors="replace")
            assert code == 0, f"exit code {code}\n{log[-4000:]}"
            assert not [bad for bad in BAD_LOG if bad in log], log[-8000:]
