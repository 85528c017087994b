"""`stack-exporter healthcheck` with the daemon's own flags: 0 when it lives, 1 and why when it does not."""

import time
from pathlib import Path

import pytest

from tests import certificates, servers
from tests.command import command
from tests.servers.exporters import Daemon


def flags(daemon: Daemon, *more: str) -> list[str]:
    return [*(flag for flag in daemon.command if flag.startswith("--")), *more]


def check(daemon: Daemon, *more: str) -> tuple[int, str, str]:
    ended = command("healthcheck", *flags(daemon, *more))
    return ended.returncode, ended.stdout, ended.stderr


def test_it_is_0_while_the_daemon_lives_and_1_when_it_hangs_or_has_gone() -> None:
    with servers.daemon("") as daemon:
        assert check(daemon) == (0, "", "")
        daemon.pause()
        began = time.monotonic()
        assert check(daemon) == (1, "", f"stack-exporter: no answer from 127.0.0.1:{daemon.port}: nothing within 3 s\n")
        assert 3 <= time.monotonic() - began < 6
        daemon.resume()
        assert check(daemon) == (0, "", "")
        daemon.stop()
        gone = f"stack-exporter: no answer from 127.0.0.1:{daemon.port}: connection refused\n"
        assert check(daemon) == (1, "", gone)


def test_it_reads_the_same_variables_as_the_daemon_and_finds_one_that_listens_everywhere() -> None:
    port = servers.free_port()
    with servers.daemon("", f"--web.health-address=:{port}"):
        for address in (f":{port}", f"0.0.0.0:{port}", f"localhost:{port}", f"[::]:{port}"):
            ended = command("healthcheck", env={"STACK_EXPORTER_WEB_LISTEN_ADDRESS": address})
            assert (ended.returncode, ended.stderr) == (0, ""), address


@pytest.mark.parametrize("client", ["", "client_auth_type: RequireAndVerifyClientCert, client_ca_file: ca.pem"])
def test_with_tls_it_asks_a_listener_without_it(client: str, tmp_path: Path) -> None:
    pair = certificates.pair()
    for name, source in (("cert.pem", pair.certificate), ("key.pem", pair.key), ("ca.pem", certificates.authority())):
        (tmp_path / name).write_bytes(source.read_bytes())
    web = tmp_path / "web.yaml"
    web.write_text(f"tls_server_config: {{cert_file: cert.pem, key_file: key.pem, {client}}}")
    health = servers.free_port()
    with servers.daemon("", f"--web.config.file={web}", f"--web.health-address=127.0.0.1:{health}") as daemon:
        assert check(daemon) == (0, "", "")
        assert check(daemon, "--web.health-address=off") == (0, "", "")
        ended = command("healthcheck", f"--web.listen-address=127.0.0.1:{daemon.port}")
        tls = f"no answer from 127.0.0.1:{daemon.port}: it may speak TLS: pass its --web.config.file"
        assert (ended.returncode, ended.stderr) == (1, f"stack-exporter: {tls}\n")
        daemon.stop()
        assert check(daemon)[0] == check(daemon, "--web.health-address=off")[0] == 1


def test_without_a_listener_to_ask_it_says_what_to_set(tmp_path: Path) -> None:
    ended = command("healthcheck", "--web.config.file=web.yaml", "--ingest.listen-address=off")
    said = "stack-exporter: no listener without TLS to ask: set --web.health-address\n"
    assert (ended.returncode, ended.stdout, ended.stderr) == (1, "", said)


def test_a_malformed_address_is_1_and_a_clear_line() -> None:
    ended = command("healthcheck", "--web.listen-address=here")
    assert (ended.returncode, ended.stdout) == (1, "")
    assert ended.stderr.startswith("stack-exporter: 'here' is not a listen address")
