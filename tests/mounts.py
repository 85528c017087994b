"""Real file systems for tests: mounted in a namespace of a helper process, gone when it ends, no root needed.

Run as a program it is that helper: `tmpfs OPTIONS` mounts one; `fuse ANSWER` mounts one that gives each request the errno
ANSWER, or `hang`: no answer ever.
"""

import contextlib
import ctypes
import os
import struct
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

MS_RDONLY, MS_REMOUNT = 1, 32
FUSE_INIT = 26


@contextlib.contextmanager
def mounted(folder: Path, kind: str, option: str) -> Iterator[Path]:
    """`folder` with a file system mounted on it, by the path through which it is seen from here."""
    folder.mkdir(exist_ok=True)
    command = ["unshare", "--user", "--map-root-user", "--mount", sys.executable, __file__, str(folder), kind, option]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as helper:
        try:
            assert helper.stdout is not None
            assert helper.stdout.readline() == b"mounted\n"
            yield Path(f"/proc/{helper.pid}/root{folder}")
        finally:
            helper.kill()


def main(folder: str, kind: str, option: str) -> None:
    if kind == "tmpfs":
        read_only = option.startswith("ro,")
        _mount(kind, folder, 0, option.removeprefix("ro,"))
        if read_only:
            _mount(kind, folder, MS_REMOUNT | MS_RDONLY, option.removeprefix("ro,"))
        device = -1
    else:
        device = os.open("/dev/fuse", os.O_RDWR)
        _mount(kind, folder, 0, f"fd={device},rootmode=40755,user_id=0,group_id=0")
    print("mounted", flush=True)
    while device >= 0:
        _answer(device, os.read(device, 1 << 20), option)
    sys.stdin.read()


def _answer(device: int, request: bytes, option: str) -> None:
    """One request of FUSE's protocol (linux/fuse.h): header of length, opcode, unique id."""
    _, opcode, unique = struct.unpack_from("=IIQ", request)
    if opcode == FUSE_INIT:
        body = struct.pack("=IIIIHHIIHH8I", 7, 31, 4096, 0, 16, 12, 65536, 1, 16, 0, *[0] * 8)
        os.write(device, struct.pack("=IiQ", 16 + len(body), 0, unique) + body)
    elif option != "hang":
        with contextlib.suppress(FileNotFoundError):  # the asker was interrupted, or needs no answer (FORGET)
            os.write(device, struct.pack("=IiQ", 16, -int(option), unique))


def _mount(kind: str, folder: str, flags: int, options: str) -> None:
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.mount(b"none", folder.encode(), kind.encode(), flags, options.encode()):
        number = ctypes.get_errno()
        raise OSError(number, f"mount {kind} on {folder}: {os.strerror(number)}")


if __name__ == "__main__":
    main(*sys.argv[1:])
