"""RabbitMQ 3.10 with Erlang, from Debian's packages (mark such tests `debian`, and `xdist_group("rabbitmq")`): 7 to 15 s to start."""

import json
import os
import secrets
import shutil
import subprocess
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import quote

from tests.certificates import Pair, authority
from tests.servers.ports import free_port
from tests.servers.process import Server, wait_until

_HOME = Path("/usr/lib/rabbitmq/lib")
# The management API shows what was up to 5 s ago; so it is within a second.
_STATISTICS = ["collect_statistics_interval = 200"]
_STATISTICS += [f"management.sample_retention_policies.{what}.minute = 1" for what in ("global", "basic", "detailed")]


class RabbitMQ(Server):
    """`url` is amqp://guest:guest@127.0.0.1:port/, `management_url` http://127.0.0.1:port when it was asked for."""

    management_url = ""
    tls_port = 0
    start_timeout = 90.0

    def ready(self) -> bool:
        return "Server startup complete" in self.log

    def __exit__(self, *_: object) -> None:
        # Nothing of it is kept, and in good order the management plugin takes 5 s to end.
        self.kill()

    def url_of(self, user: str = "guest", password: str = "guest", vhost: str = "/") -> str:
        """As aio-pika and Celery read it: no path is the virtual host /."""
        path = "" if vhost == "/" else quote(vhost, safe="")
        return f"amqp://{quote(user, safe='')}:{quote(password, safe='')}@{self.host}:{self.port}/{path}"

    def control(self, *words: str) -> str:
        """What `rabbitmqctl` prints; about 1.5 s each. Raises AssertionError."""
        command = [str(_scripts() / "rabbitmqctl"), "-q", "-n", "rabbit@localhost", *words]
        done = subprocess.run(command, capture_output=True, text=True, env=self.env, timeout=60)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout.strip()

    def api(self, method: str, path: str, body: object = None) -> Any:
        """What guest is answered by the management API under /api/: its JSON, or None. Raises AssertionError."""
        headers = {"Authorization": "Basic Z3Vlc3Q6Z3Vlc3Q=", "Content-Type": "application/json"}
        text = "" if body is None else json.dumps(body)
        reply = self.request(method, f"/api/{path}", text, headers, port=int(self.management_url.rpartition(":")[2]))
        assert reply.status < 300, f"{reply.status} {reply.text}"
        return reply.json() if reply.body else None

    @contextmanager
    def alarm(self, sort: str) -> Iterator[None]:
        """The alarm `memory` or `disk` is on: the limit is beyond what the node has. Needs the management API."""
        set_limit, low, usual, key = {
            "memory": ("set_vm_memory_high_watermark", "0.000001", "0.4", "mem_alarm"),
            "disk": ("set_disk_free_limit", "100000GB", "50MB", "disk_free_alarm"),
        }[sort]
        self.control(set_limit, low)
        try:
            wait_until(lambda: self.api("GET", "nodes")[0].get(key), what=f"{key} is on")
            yield
        finally:
            self.control(set_limit, usual)
            wait_until(lambda: not self.api("GET", "nodes")[0].get(key), what=f"{key} is off")

    def eval(self, expression: str) -> str:
        """What an Erlang expression gives inside the server."""
        return self.control("eval", expression)


@contextmanager
def rabbitmq(config: str = "", *, management: bool = False, tls: Pair | None = None) -> Iterator[RabbitMQ]:
    """A node of its own with the user guest; `config` are lines of a rabbitmq.conf.

    With `tls` it also listens by TLS on `tls_port`, where a certificate of ours logs in (EXTERNAL) as its common name.
    """
    with tempfile.TemporaryDirectory(prefix="rabbitmq-", ignore_cleanup_errors=True) as made:
        folder = Path(made)
        port, epmd_port = free_port(), free_port()
        server = RabbitMQ(
            "rabbitmq",
            [str(_scripts() / "rabbitmq-server")],
            port,
            folder,
            url=f"amqp://guest:guest@127.0.0.1:{port}/",
            env=_environment(folder, port, epmd_port),
        )
        lines = ["log.console = true", "log.console.level = info", "log.file = false", config]
        plugins = []
        if tls:
            plugins.append("rabbitmq_auth_mechanism_ssl")
            server.tls_port = free_port()
            lines += [f"listeners.ssl.1 = 127.0.0.1:{server.tls_port}", "ssl_options.verify = verify_peer"]
            lines += [f"ssl_options.certfile = {tls.certificate}", f"ssl_options.keyfile = {tls.key}"]
            lines += [f"ssl_options.cacertfile = {authority()}", "ssl_cert_login_from = common_name"]
            lines += [f"auth_mechanisms.{n} = {name}" for n, name in enumerate(("PLAIN", "AMQPLAIN", "EXTERNAL"), 1)]
        if management:
            plugins.append("rabbitmq_management")
            management_port = free_port()
            server.management_url = f"http://127.0.0.1:{management_port}"
            lines += ["management.tcp.ip = 127.0.0.1", f"management.tcp.port = {management_port}", *_STATISTICS]
        (folder / "rabbitmq.conf").write_text("\n".join(lines) + "\n")
        (folder / "plugins").write_text(f"[{','.join(plugins)}].")
        (folder / "inetrc").write_text('{lookup, [file]}.\n{host, {127,0,0,1}, ["localhost"]}.\n')
        cookie = folder / ".erlang.cookie"
        cookie.write_text(secrets.token_hex(16))
        cookie.chmod(0o400)
        # Erlang would start this one by itself, as a daemon that outlives it.
        with _epmd(server.env or {}, epmd_port), server:
            yield server


def _environment(folder: Path, port: int, epmd_port: int) -> dict[str, str]:
    return {
        "PATH": os.environ["PATH"],
        "HOME": str(folder),
        "LANG": "C.UTF-8",
        # Without it a program of Erlang's looks names up, and is left behind when the server ends.
        "ERL_INETRC": str(folder / "inetrc"),
        "ERL_EPMD_PORT": str(epmd_port),
        "ERL_EPMD_ADDRESS": "127.0.0.1",
        # The script then becomes the server, in place of waiting beside it: its process can be paused.
        "RUNNING_UNDER_SYSTEMD": "true",
        "RABBITMQ_NODENAME": "rabbit@localhost",
        "RABBITMQ_NODE_IP_ADDRESS": "127.0.0.1",
        "RABBITMQ_NODE_PORT": str(port),
        "RABBITMQ_DIST_PORT": str(free_port()),
        "RABBITMQ_CTL_DIST_PORT_MIN": str(control := free_port()),
        "RABBITMQ_CTL_DIST_PORT_MAX": str(control),
        "RABBITMQ_CTL_ERL_ARGS": "+S 1:1",
        "RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS": "+S 2:2 -kernel inet_dist_use_interface {127,0,0,1}",
        "RABBITMQ_CONF_ENV_FILE": "/dev/null",
        "RABBITMQ_CONFIG_FILE": str(folder / "rabbitmq.conf"),
        "RABBITMQ_ADVANCED_CONFIG_FILE": str(folder / "advanced.config"),
        "RABBITMQ_GENERATED_CONFIG_DIR": str(folder / "generated"),
        "RABBITMQ_ENABLED_PLUGINS_FILE": str(folder / "plugins"),
        "RABBITMQ_MNESIA_BASE": str(folder / "mnesia"),
        "RABBITMQ_LOG_BASE": str(folder / "log"),
        "RABBITMQ_PID_FILE": str(folder / "pid"),
    }


@contextmanager
def _epmd(env: Mapping[str, str], port: int) -> Iterator[None]:
    program = shutil.which("epmd")
    assert program, "rabbitmq-server is not installed: make packages"
    process = subprocess.Popen([program, "-port", str(port), "-address", "127.0.0.1"], env=dict(env))
    try:
        yield
    finally:
        process.terminate()
        process.wait(10)


def _scripts() -> Path:
    """RabbitMQ's own scripts: those in /usr/sbin insist on Debian's user rabbitmq."""
    found = sorted(_HOME.glob("rabbitmq_server-*/sbin"))
    assert found, "rabbitmq-server is not installed: make packages"
    return found[-1]
