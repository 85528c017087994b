"""Runs what an image holds as an engine would: its file system read-only, its user, no privileges, its environment.

What is imposed: mount and process namespaces of its own, the root mounted read-only, its own /proc, a /dev of five devices,
/tmp as tmpfs, uid and gid 65532 without groups, no capabilities, no_new_privs; the daemon is process 1. What is not: a
network namespace (it listens on this machine's loopback), cgroups and so limits, seccomp, a user namespace.
"""

import os
import shlex
import subprocess
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path

import psutil

from tests.deploy.image import Image
from tests.servers.process import wait_until

SCRIPT = """
set -eu
mount --bind {root} {root}
mount -o remount,bind,ro,nosuid,nodev {root}
mount -t proc -o nosuid,noexec,nodev proc {root}/proc
mount -t tmpfs -o nosuid,noexec,mode=755 tmpfs {root}/dev
for device in null zero full random urandom; do touch {root}/dev/$device; mount --bind /dev/$device {root}/dev/$device; done
mount -t tmpfs -o nosuid,nodev,mode=1777 tmpfs {root}/tmp
{mounts}
exec setpriv --no-new-privs unshare --root={root} --wd=/ --setgid={gid} --setuid={uid} -- env -i {environ} {command}
"""


class Container:
    """A command in it; `pid` is that of the command itself, seen from outside."""

    def __init__(
        self,
        image: Image,
        command: Sequence[str],
        *,
        env: Mapping[str, str] | None = None,
        mounts: Mapping[str, Path] | None = None,
    ) -> None:
        """`mounts`: path inside, which the image has -> a folder of ours that can be written there."""
        uid, gid = image.config["User"].split(":")
        binds = [
            f"mount --bind {shlex.quote(str(path))} {image.root}{inside}" for inside, path in (mounts or {}).items()
        ]
        script = SCRIPT.format(
            root=image.root,
            mounts="\n".join(binds),
            uid=uid,
            gid=gid,
            environ=shlex.join(f"{name}={value}" for name, value in (image.environ | dict(env or {})).items()),
            command=shlex.join(command),
        )
        assert os.getuid() == 0, "needs root, for mounts and another user"
        outer = ["unshare", "--mount", "--pid", "--fork", "sh", "-c", script]
        self.process = subprocess.Popen(
            outer, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd="/"
        )

    @property
    def pid(self) -> int:
        children = wait_until(lambda: psutil.Process(self.process.pid).children(), 5.0, "the command is there")
        return children[0].pid

    def ended(self, timeout: float = 30.0) -> tuple[int, str, str]:
        """Its exit status, and what it said."""
        try:
            said, wrong = self.process.communicate(timeout=timeout)
        finally:
            self.kill()
        return self.process.returncode, said, wrong

    def kill(self) -> None:
        """It and all in it: whoever changes its user outlives its parent, so the first process in it is to go first."""
        if self.process.poll() is None:
            for child in psutil.Process(self.process.pid).children(recursive=True):
                with suppress(psutil.NoSuchProcess):
                    child.kill()
            self.process.kill()
        self.process.wait()

    def __enter__(self) -> "Container":
        return self

    def __exit__(self, *_: object) -> None:
        self.kill()
        for stream in (self.process.stdout, self.process.stderr):
            stream.close()


def run(image: Image, *command: str, env: Mapping[str, str] | None = None, mounts: Mapping[str, Path] | None = None):
    """Run a command in it to its end: exit status, output, errors."""
    return Container(image, command, env=env, mounts=mounts).ended()
