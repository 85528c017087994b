"""A Debian that its own systemd has started, as process 1 in namespaces of its own: processes, mounts, network, cgroups."""

import os
import shlex
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil

from tests.deploy.image import debian
from tests.servers.process import wait_until

PACKAGES = "python3,python3-venv,systemd,systemd-sysv,dbus,libnss-systemd"
# What a container's manager prepares: systemd's Container Interface. pivot_root and not chroot, as the kernel allows no user
# namespaces (PrivateUsers=) in the latter; shared mounts, as credentials reach services by them; /proc/sys read-only, as it
# is the host's.
SCRIPT = """
set -eu
mount --make-rprivate /
mount --bind {root} {root}
mount -t proc proc {root}/proc
mount --bind {root}/proc/sys {root}/proc/sys
mount -o remount,bind,ro {root}/proc/sys
mount -t sysfs -o ro sysfs {root}/sys
mount -t cgroup2 cgroup2 {root}/sys/fs/cgroup
mount -t tmpfs -o mode=755 tmpfs {root}/dev
for device in null zero full random urandom tty; do touch {root}/dev/$device; mount --bind /dev/$device {root}/dev/$device; done
mkdir {root}/dev/shm {root}/dev/pts
mount -t devpts -o newinstance,ptmxmode=0666 devpts {root}/dev/pts
ln -s pts/ptmx {root}/dev/ptmx
mount -t tmpfs -o mode=755 tmpfs {root}/run
mkdir -p {root}/old
cd {root}
pivot_root . old
umount -l /old
mount --make-rshared /
exec env -i container=test PATH=/usr/sbin:/usr/bin:/sbin:/bin SYSTEMD_LOG_TARGET=journal /lib/systemd/systemd \
    --unit=multi-user.target systemd.unified_cgroup_hierarchy=1
"""


class Machine:
    """`pid` is that of its systemd, seen from outside."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.pid = 0

    def run(self, *command: str, timeout: float = 60.0) -> subprocess.CompletedProcess[str]:
        """A command in it, as root."""
        enter = [
            "nsenter",
            f"--target={self.pid}",
            "--mount",
            "--pid",
            "--uts",
            "--ipc",
            "--net",
            "--cgroup",
            "--root",
            "--wd=/",
        ]
        environ = ["env", "-i", "PATH=/usr/sbin:/usr/bin:/sbin:/bin", "SYSTEMD_PAGER="]
        return subprocess.run(
            [*enter, "--", *environ, *command], capture_output=True, text=True, timeout=timeout, cwd="/"
        )

    def shown(self, unit: str, name: str) -> str:
        return self.run("systemctl", "show", "--property", name, "--value", unit).stdout.strip()

    def write(self, path: str, text: str, mode: int = 0o644) -> None:
        file = Path(f"{self.root}{path}")
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
        file.chmod(mode)


@contextmanager
def booted(machine: Machine) -> Iterator[None]:
    assert os.getuid() == 0, "needs root, for namespaces"
    unified = next(
        path for path in map(Path, ("/sys/fs/cgroup", "/sys/fs/cgroup/unified")) if (path / "cgroup.procs").exists()
    )
    group = unified / f"stack-exporter-test-{os.getpid()}"
    group.mkdir()
    enter = f"echo $$ > {group}/cgroup.procs; exec unshare --mount --pid --uts --ipc --net --cgroup --fork sh -c "
    script = enter + shlex.quote(SCRIPT.format(root=shlex.quote(str(machine.root))))
    log = machine.root.with_suffix(".log").open("w+")
    process = subprocess.Popen(["sh", "-c", script], stdin=subprocess.DEVNULL, stdout=log, stderr=log, cwd="/")
    try:
        (child,) = wait_until(lambda: psutil.Process(process.pid).children(), 10.0, "it begins")
        machine.pid = child.pid
        wait_until(
            lambda: machine.run("systemctl", "is-system-running").stdout.strip() in ("running", "degraded"),
            120.0,
            "it is up",
        )
        yield
    except BaseException as error:
        log.seek(0)
        error.add_note(log.read()[-2000:])
        raise
    finally:
        if process.poll() is None:
            for child in psutil.Process(process.pid).children():
                child.kill()  # process 1: all others go with it
        process.wait(30)
        log.close()
        wait_until(lambda: not (group / "cgroup.procs").read_text(), 10.0, "all of it has gone")
        for path in sorted(group.rglob("*"), reverse=True):
            if path.is_dir():
                path.rmdir()
        group.rmdir()


def installed(folder: Path, software: Path) -> Machine:
    """Not started: a Debian with what is in `software`, a virtual environment that the same Debian's Python made, in /opt."""
    machine = Machine(debian(folder / "machine", PACKAGES))
    subprocess.run(["cp", "-a", str(software), f"{machine.root}/opt/"], check=True, timeout=120)
    return machine
