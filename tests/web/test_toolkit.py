"""--web.config.file: what it sets, and what is wrong with it."""

import asyncio
import os
import shutil
import ssl
import time
from pathlib import Path

import bcrypt
import pytest

from exporter.config.problem import ConfigError
from exporter.web import certificates as serving
from exporter.web import passwords, toolkit
from tests import certificates
from tests.web.client import ask, basic, bearer
from tests.web.stand import TOKEN, stand

HASH = bcrypt.hashpw(b"secret", bcrypt.gensalt(4)).decode()


def written(folder: Path, text: str) -> Path:
    path = folder / "web.yaml"
    path.write_text(text)
    return path


def tls(folder: Path, more: str = "", names: tuple[str, ...] = ()) -> Path:
    pair = certificates.pair(*names)
    shutil.copy(pair.certificate, folder / "server.crt")
    shutil.copy(pair.key, folder / "server.key")
    shutil.copy(certificates.authority(), folder / "ca.crt")
    return written(folder, f"tls_server_config:\n  cert_file: server.crt\n  key_file: server.key\n{more}")


def client(**options: ssl.TLSVersion) -> ssl.SSLContext:
    context = ssl.create_default_context(cafile=certificates.authority())
    for name, value in options.items():
        setattr(context, name, value)
    return context


async def test_basic_authentication_covers_everything_but_the_probes(tmp_path: Path) -> None:
    async with stand(toolkit=toolkit.read(written(tmp_path, f"basic_auth_users:\n  alice: {HASH}\n"))) as s:
        for path in ("/metrics", "/", "/health", "/nothing-like-a-user"):
            reply = await ask(s.port, f"GET {path}")
            assert reply.status == (404 if "nothing" in path else 401)
        assert (
            (await ask(s.port, "GET /metrics")).headers["www-authenticate"].startswith('Basic realm="stack-exporter"')
        )
        for path in ("/livez", "/readyz", "/-/healthy", "/-/ready"):
            assert (await ask(s.port, f"GET {path}")).status == 200
        assert (await ask(s.port, "GET /metrics", basic("alice", "secret"))).status == 200
        assert (await ask(s.port, "GET /api/v1/status", basic("alice", "secret"))).status == 401
        wrong = [
            ("alice", "wrong"),
            ("alice", ""),
            ("bob", "secret"),
            ("", ""),
            ("alice", "secret" + "\0"),
            ("alice", "x" * 100),
        ]
        bodies = set()
        for user, password in wrong:
            reply = await ask(s.port, "GET /metrics", basic(user, password))
            assert reply.status == 401
            bodies.add(reply.json["message"])
        assert bodies == {"missing or wrong credentials"}
        assert (await ask(s.port, "GET /metrics", "Authorization: Basic !!!")).status == 401
        assert (await ask(s.port, "GET /metrics", bearer(TOKEN))).status == 200


async def test_wrong_passwords_are_limited_and_the_probes_are_not(tmp_path: Path) -> None:
    async with stand(toolkit=toolkit.read(written(tmp_path, f"basic_auth_users: {{alice: '{HASH}'}}\n"))) as s:
        found = [(await ask(s.port, "GET /metrics", basic("alice", f"wrong-{n}"))).status for n in range(12)]
        assert found == [401] * 10 + [429] * 2
        assert (await ask(s.port, "GET /livez", basic("alice", "wrong"))).status == 200


@pytest.mark.alone
async def test_a_right_password_is_hashed_once_and_an_unknown_user_as_slow_as_a_known_one() -> None:
    costly = bcrypt.hashpw(b"secret", bcrypt.gensalt(10)).decode()
    checked = passwords.Passwords({"alice": toolkit.Secret(costly)})

    async def timed(user: str, password: bytes) -> tuple[bool, float]:
        began = time.perf_counter()
        return await checked.right(user, password), time.perf_counter() - began

    first, again = await timed("alice", b"secret"), await timed("alice", b"secret")
    assert (first[0], again[0]) == (True, True)
    assert again[1] < first[1] / 5
    nobody = [await timed("nobody", b"secret") for _ in range(3)]
    assert not any(right for right, _ in nobody)
    wrong = [await timed("alice", b"wrong") for _ in range(3)]
    assert 0.4 < min(t for _, t in nobody) / min(t for _, t in wrong) < 2.5
    refused = await asyncio.gather(*(checked.right("nobody", b"%d" % n) for n in range(40)), return_exceptions=True)
    assert sum(isinstance(one, passwords.Refused) for one in refused) == 40 - passwords.WAITING
    checked.close()


async def test_so_many_right_passwords_are_remembered_and_no_more() -> None:
    checked = passwords.Passwords({f"user-{n}": toolkit.Secret(HASH) for n in range(passwords.REMEMBERED + 5)})
    for n in range(passwords.REMEMBERED + 5):
        assert await checked.right(f"user-{n}", b"secret")
    assert len(checked._right) == passwords.REMEMBERED
    checked.close()


async def test_a_hash_is_checked_in_a_thread_so_that_the_loop_turns(tmp_path: Path) -> None:
    costly = bcrypt.hashpw(b"secret", bcrypt.gensalt(12)).decode()
    async with stand(toolkit=toolkit.read(written(tmp_path, f"basic_auth_users: {{alice: {costly}}}\n"))) as s:
        slow = asyncio.create_task(ask(s.port, "GET /metrics", basic("alice", "secret")))
        await asyncio.sleep(0.02)
        began = time.perf_counter()
        assert (await ask(s.port, "GET /livez")).status == 200
        assert time.perf_counter() - began < 0.1
        assert not slow.done()
        assert (await slow).status == 200


async def test_the_rate_limit_spares_the_probes(tmp_path: Path) -> None:
    async with stand(toolkit=toolkit.read(written(tmp_path, "rate_limit: {interval: 1h, burst: 3}\n"))) as s:
        found = [(await ask(s.port, "GET /metrics")).status for _ in range(5)]
        assert found == [200] * 3 + [429] * 2
        assert [(await ask(s.port, f"GET {path}")).status for path in ("/livez", "/readyz") * 5] == [200] * 10


async def test_headers_are_set_and_a_blank_one_keeps_ours(tmp_path: Path) -> None:
    text = "http_server_config:\n  http2: false\n  headers:\n    Strict-Transport-Security: max-age=60\n    X-Frame-Options: ''\n"
    async with stand(toolkit=toolkit.read(written(tmp_path, text))) as s:
        headers = (await ask(s.port, "GET /health")).headers
        assert (headers["strict-transport-security"], headers["x-frame-options"]) == ("max-age=60", "DENY")


async def test_tls_serves_with_paths_relative_to_the_file_and_plain_http_is_not_answered(tmp_path: Path) -> None:
    async with stand(toolkit=toolkit.read(tls(tmp_path))) as s:
        assert (await ask(s.port, "GET /livez", tls=client())).status == 200
        assert s.server.url == f"https://127.0.0.1:{s.port}"
        with pytest.raises((EOFError, ConnectionError)):
            await ask(s.port, "GET /livez")


@pytest.mark.parametrize(("low", "high", "taken"), [("TLS12", "TLS12", "1.2"), ("TLS13", "TLS13", "1.3")])
async def test_versions_are_bounded(tmp_path: Path, low: str, high: str, taken: str) -> None:
    more = f"  min_version: {low}\n  max_version: {high}\n  cipher_suites: [TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256]\n"
    async with stand(toolkit=toolkit.read(tls(tmp_path, more))) as s:
        versions = {"1.2": ssl.TLSVersion.TLSv1_2, "1.3": ssl.TLSVersion.TLSv1_3}
        for name, version in versions.items():
            offered = client(minimum_version=version, maximum_version=version)
            if name == taken:
                assert (await ask(s.port, "GET /livez", tls=offered)).status == 200
            else:
                with pytest.raises((ssl.SSLError, ConnectionError)):
                    await ask(s.port, "GET /livez", tls=offered)


async def test_a_client_certificate_is_required_and_verified(tmp_path: Path) -> None:
    more = "  client_auth_type: RequireAndVerifyClientCert\n  client_ca_file: ca.crt\n"
    async with stand(toolkit=toolkit.read(tls(tmp_path, more))) as s:
        with pytest.raises((ssl.SSLError, ConnectionError, EOFError)):
            await ask(s.port, "GET /livez", tls=client())
        stranger, known = client(), client()
        alone, pair = certificates.pair("somebody", self_signed=True), certificates.pair("somebody")
        stranger.load_cert_chain(alone.certificate, alone.key)
        known.load_cert_chain(pair.certificate, pair.key)
        with pytest.raises((ssl.SSLError, ConnectionError, EOFError)):
            await ask(s.port, "GET /livez", tls=stranger)
        assert (await ask(s.port, "GET /livez", tls=known)).status == 200


async def test_a_renewed_certificate_is_served_without_a_restart_and_a_broken_one_is_not(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(serving, "LOOK_EVERY", 0.0)
    path = tls(tmp_path)
    async with stand(toolkit=toolkit.read(path)) as s:

        async def serial() -> str:
            _, writer = await asyncio.open_connection("127.0.0.1", s.port, ssl=client(), server_hostname="localhost")
            found = writer.get_extra_info("peercert")["serialNumber"]
            writer.close()
            await writer.wait_closed()
            return str(found)

        first = await serial()
        assert await serial() == first
        tls(tmp_path, names=("localhost", "127.0.0.1", "other"))
        renewed = await serial()
        assert renewed != first
        (tmp_path / "server.crt").write_text("half a certif")
        assert await serial() == renewed
        assert "the one before still serves" in caplog.text
        os.remove(tmp_path / "server.crt")
        assert await serial() == renewed


BAD = {
    "tls_config: {}": "tls_config: is not supported",
    "tls_server_confg: {}": "tls_server_confg: is not supported; did you mean tls_server_config?",
    "rate_limit: {intervall: 1s}": "rate_limit.intervall: is not supported; did you mean interval?",
    "rate_limit: {interval: 1s, interval: 1s}": "rate_limit.interval: is written twice; the first is on line 1",
    "tls_server_config: {cert_file: server.crt}": "tls_server_config.key_file: is required",
    "tls_server_config: {cert_file: none.crt, key_file: server.key}": "none.crt can't be read: No such file",
    "tls_server_config: {cert_file: server.key, key_file: server.key}": "are not a certificate and its key",
    "tls_server_config: {cert: abc, key_file: server.key}": "tls_server_config.cert: inline certificates are not supported",
    "tls_server_config: {key: abc}": "tls_server_config.key: inline keys are not supported",
    "tls_server_config: {client_allowed_sans: [a]}": "tls_server_config.client_allowed_sans: is not supported",
    "tls_server_config: {curve_preferences: [X25519]}": "tls_server_config.curve_preferences: is not supported",
    "tls_server_config: {made_up: 1}": "tls_server_config.made_up: is not supported",
    "tls_server_config: {cert_file: 1, key_file: server.key}": "tls_server_config.cert_file: is a text",
    "tls_server_config: {cert_file: server.crt, key_file: server.key, min_version: TLS10}": "min_version: is not supported",
    "tls_server_config: {cert_file: server.crt, key_file: server.key, cipher_suites: [X]}": "cipher_suites[0]: is not supported",
    "tls_server_config: {cert_file: server.crt, key_file: server.key, client_auth_type: RequireAnyClientCert}": "client_auth_type is not",
    "tls_server_config: {cert_file: server.crt, key_file: server.key, client_ca_file: ca.crt}": "without a client_auth_type",
    "tls_server_config: {cert_file: server.crt, key_file: server.key, client_auth_type: RequireAndVerifyClientCert}": "needs client_ca",
    "tls_server_config: [1]": "tls_server_config: is a mapping",
    "http_server_config: {http2: true}": "http_server_config.http2: HTTP/2 is not supported",
    "http_server_config: {headers: {X-Other: a}}": "http_server_config.headers.X-Other: is not supported",
    "http_server_config: {headers: {X-Frame-Options: maybe}}": "X-Frame-Options: is one of deny, sameorigin",
    'http_server_config: {headers: {X-XSS-Protection: "a\\nB: c"}}': "X-XSS-Protection: is a text of one line",
    "basic_auth_users: {alice: plain-secret}": "basic_auth_users.alice: is not a bcrypt hash",
    f"basic_auth_users: {{alice: '{HASH.replace('$04$', '$31$')}'}}": "has a cost that is not between 4 and",
    "rate_limit: {interval: 5}": "rate_limit.interval: expected a duration",
    "rate_limit: {interval: 1s}": "rate_limit.burst: is a whole number",
    "rate_limit: {made_up: 1}": "rate_limit.made_up: is not supported",
    "a: &x 1\nb: *x": "anchors",
}


@pytest.mark.parametrize("text", BAD)
def test_what_is_wrong_with_the_file_is_named_and_not_shown(tmp_path: Path, text: str) -> None:
    tls(tmp_path)
    with pytest.raises(ConfigError) as caught:
        toolkit.read(written(tmp_path, text))
    assert BAD[text] in str(caught.value)
    assert "plain-secret" not in str(caught.value)


def test_a_file_that_is_not_there_or_not_text_is_one_clear_error(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="can't be read: No such file"):
        toolkit.read(tmp_path / "none.yaml")
    (tmp_path / "web.yaml").write_bytes(b"\xff\xfe")
    with pytest.raises(ConfigError, match="is not UTF-8"):
        toolkit.read(tmp_path / "web.yaml")


def test_an_empty_file_sets_nothing(tmp_path: Path) -> None:
    found = toolkit.read(written(tmp_path, "# nothing\n"))
    assert (found.certificates, found.headers, found.users) == (None, {}, {})
