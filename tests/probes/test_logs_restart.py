"""Over a restart logs are read on where they were, and nothing of what they say is kept for that."""

import gzip
import json
import os
from pathlib import Path

import pytest

from tests.probes.following import append, following
from tests.probing import Memory
from tests.servers.process import wait_until


def test_a_restart_goes_on_where_it_was(tmp_path: Path) -> None:
    memory, log = Memory(), tmp_path / "a.log"
    append(log, b"one\ntw")
    with following(log, memory=memory, **{"from": "start"}) as it:
        it.wait(1)
    append(log, b"o\nthree\n")
    with following(log, memory=memory) as it:
        it.wait(3)
        assert it.total("bytes_total") == log.stat().st_size


def test_a_compressed_file_is_read_on_where_it_was(tmp_path: Path) -> None:
    memory, digits = Memory(), os.urandom(30_000).hex().encode()
    text = b"".join(digits[n : n + 60] + b"\n" for n in range(0, len(digits), 60))
    packed = gzip.compress(text)
    with following(f"{tmp_path}/*.gz", memory=memory) as it:
        append(tmp_path / "a.gz", packed[:20_000])
        wait_until(lambda: it.total() > 400)
        it.settle()
    append(tmp_path / "a.gz", packed[20_000:])
    with following(f"{tmp_path}/*.gz", memory=memory) as it:
        it.wait(1000)


def test_what_was_old_at_the_first_start_is_old_at_the_second(tmp_path: Path) -> None:
    memory, log = Memory(), tmp_path / "a.log"
    append(tmp_path / "a.log.2.gz", gzip.compress(b"one\n"))
    append(tmp_path / "a.log.1", b"two\n")
    append(log, b"three\n")
    for n in range(3):
        with following(log, memory=memory) as it:
            it.settle()
            append(log, b"new\n")
            it.wait(n + 1)


def test_of_what_a_log_says_nothing_is_kept(tmp_path: Path) -> None:
    memory, log = Memory(), tmp_path / "a.log"
    append(log, b"the secret word is swordfish\n" * 50)
    with following(log, memory=memory, **{"from": "start"}) as it:
        it.wait(50)
        log.rename(tmp_path / "a.log.1")
        append(log, b"once more: swordfish\n")
        it.wait(51)
        os.truncate(log, 0)
        it.settle()
    kept = json.dumps(memory.kept)
    assert "a.log.1" in kept
    assert "swordfish" not in kept


@pytest.mark.parametrize("kept", [{}, {"files": [[1, 2]]}, {"files": "x"}, {"gone": [[{}]]}, {"last": 1, "logs": []}])
def test_what_another_version_kept_does_no_harm(tmp_path: Path, kept: object) -> None:
    memory = Memory()
    memory.kept["app"] = kept
    with following(tmp_path / "a.log", memory=memory, required=False) as it:
        it.settle()
        append(tmp_path / "a.log", b"one\n")
        it.wait(1)


def test_another_path_begins_at_the_end_of_what_is_there(tmp_path: Path) -> None:
    memory = Memory()
    append(tmp_path / "a.log", b"one\ntwo\n")
    append(tmp_path / "b.log", b"old\n")
    with following(tmp_path / "a.log", memory=memory, **{"from": "start"}) as it:
        it.wait(2)
    with following(f"{tmp_path}/*.log", memory=memory) as it:
        append(tmp_path / "a.log", b"three\n")
        append(tmp_path / "b.log", b"new\n")
        it.wait(4)


def test_a_device_that_has_another_number_after_a_restart_is_the_same(tmp_path: Path) -> None:
    memory, log = Memory(), tmp_path / "a.log"
    append(log, b"one\ntwo\n")
    with following(log, memory=memory, **{"from": "start"}) as it:
        it.wait(2)
    memory.kept["app"]["files"][0][1] += 1
    with following(log, memory=memory) as it:
        append(log, b"three\n")
        it.wait(3)


def test_a_log_restored_from_a_copy_while_nobody_looked_is_the_same(tmp_path: Path) -> None:
    memory, log = Memory(), tmp_path / "a.log"
    append(log, b"".join(b"line %d\n" % n for n in range(200)))
    with following(log, memory=memory, **{"from": "start"}) as it:
        it.wait(200)
    copy = tmp_path / "copy"
    copy.write_bytes(log.read_bytes() + b"more\n")
    copy.rename(log)
    with following(log, memory=memory) as it:
        it.wait(201)
