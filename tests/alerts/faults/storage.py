"""Disks and buckets that fill up, or can not be written."""

import datetime
import os
import socket
from contextlib import ExitStack
from email.utils import format_datetime
from pathlib import Path

from tests import hostile, servers
from tests.alerts.fault import Scene, Steps, provokes
from tests.mounts import mounted

PAGE = 4096


def _fill(folder: Path, pages: int, files: int) -> None:
    (folder / "filling").write_bytes(b"x" * PAGE * pages)
    for number in range(files):
        (folder / str(number)).touch()


def _empty(folder: Path) -> None:
    for file in folder.iterdir():
        file.unlink()


@provokes(
    "DiskFull/warning",
    "DiskFull/critical",
    "DiskAvailableLow/warning",
    "DiskAvailableLow/critical",
    "DiskInodesFull/warning",
    "DiskInodesFull/critical",
)
def disks_fill_up(scene: Scene) -> Steps:
    with ExitStack() as stack:
        # 256 pages and 100 inodes each, of which the root takes one.
        filling, full = (
            stack.enter_context(mounted(scene.folder / name, "tmpfs", "size=1m,nr_inodes=100"))
            for name in ("filling", "full")
        )
        yield {
            "components": {
                "disk_filling": {
                    "kind": "disk",
                    "path": str(filling),
                    "thresholds": {"available": {"warning": "100KiB"}},
                },
                "disk_full": {
                    "kind": "disk",
                    "path": str(full),
                    "thresholds": {
                        "used": {"warning": "off"},
                        "inodes": {"warning": "off"},
                        "available": {"critical": "100KiB"},
                    },
                },
            }
        }
        _fill(filling, 236, 91)
        _fill(full, 248, 96)
        yield None
        _empty(filling)
        _empty(full)
        yield None


@provokes("DiskReadOnly/critical", "StorageCanaryFailing/critical")
def disks_can_not_be_written(scene: Scene) -> Steps:
    with ExitStack() as stack:
        usual, fixed, small = (
            stack.enter_context(mounted(scene.folder / name, "tmpfs", option))
            for name, option in (("usual", "size=1m"), ("fixed", "ro,size=1m"), ("small", "size=64k"))
        )
        link = scene.folder / "link"
        _lead(link, usual)
        yield {
            "components": {
                "disk_fixed": {"kind": "disk", "path": str(link)},
                "disk_canary": {
                    "kind": "disk",
                    "path": str(small),
                    "canary": True,
                    "thresholds": {"used": {"warning": "off", "critical": "off"}},
                },
            }
        }
        _lead(link, fixed)
        _fill(small, 16, 0)
        yield None
        _lead(link, usual)
        _empty(small)
        yield None


def _lead(link: Path, to: Path) -> None:
    new = link.with_suffix(".new")
    new.symlink_to(to)
    os.replace(new, link)


@provokes("StorageQuota/warning", quick=True)
def an_organisation_uses_up_its_quota(scene: Scene) -> Steps:
    folder = scene.folder / "organisation"
    folder.mkdir()
    disk = {"kind": "disk", "path": str(folder), "quota": "1MiB", "walk_interval": "500ms"}
    yield {"components": {"quota_disk": disk}}
    (folder / "upload").write_bytes(b"x" * PAGE * 240)
    yield None
    (folder / "upload").unlink()
    yield None


@provokes("StorageQuota/critical")
def an_organisation_fills_its_part_of_a_bucket(scene: Scene) -> Steps:
    with servers.seaweedfs() as server:
        bucket = {"kind": "s3", **server.fields(), "prefixes": {"tenant/": "1KB"}, "usage_interval": "1s"}
        yield {"components": {"quota_bucket": bucket | {"interval": "1s", "timeout": "1s"}}}
        server.put("/uploads/tenant/upload", b"x" * 1000)
        yield None
        server.put("/uploads/tenant/upload", b"x")
        yield None


EMPTY = (
    b'<?xml version="1.0"?><ListBucketResult><KeyCount>0</KeyCount><IsTruncated>false</IsTruncated></ListBucketResult>'
)
SLOW = b'<?xml version="1.0"?><Error><Code>SlowDown</Code><Message>Reduce your request rate.</Message></Error>'


@provokes("S3ClockSkew/warning", "S3ClockSkew/critical", "S3SlowDown/warning", imitated=True)
def buckets_are_slow_or_have_another_time(scene: Scene) -> Steps:
    """An imitation: a real server neither sets its clock nor throttles for us."""
    broken = False

    def answer(ahead: float, throttled: bool) -> hostile.Answer:  # noqa: FBT001 - of two sorts of servers
        def reply(connection: socket.socket, _: bytes) -> None:
            at = datetime.datetime.now(datetime.UTC) + datetime.timedelta(seconds=ahead if broken else 0)
            status, body = (b"503 Slow Down", SLOW) if throttled and broken else (b"200 OK", EMPTY)
            head = (
                b"HTTP/1.1 %s\r\nDate: %s\r\nContent-Type: application/xml\r\nContent-Length: %d\r\nConnection: close"
            )
            date = format_datetime(at, usegmt=True).encode()
            connection.sendall(head % (status, date, len(body)) + b"\r\n\r\n" + body)

        return reply

    sorts = {"bucket_skewed": (400.0, False), "bucket_skew": (850.0, False), "bucket_throttled": (0.0, True)}
    with ExitStack() as stack:
        running = {name: stack.enter_context(hostile.serving(answer(*sort))) for name, sort in sorts.items()}
        keys = {"kind": "s3", "url": "s3://uploads", "access_key_id": "A", "secret_access_key": "B"}
        yield {"components": {name: keys | {"endpoint": f"http://{one.address}"} for name, one in running.items()}}
        broken = True
        yield None
        broken = False
        yield None
