"""The prober grpc beside blackbox_exporter's: the same series about the same servers."""

from collections.abc import Iterator

import pytest

from tests import certificates, hostile
from tests.blackbox.side import Page, Pair, assert_alike, both, compared
from tests.fakes import rpc as fake
from tests.servers import Server
from tests.servers.rpc import rpc

pytestmark = [pytest.mark.debian, pytest.mark.xdist_group("blackbox_grpc")]


@pytest.fixture(name="pair", scope="module")
def its_pair() -> Iterator[Pair]:
    authority = certificates.authority()
    with both(f"""\
modules:
  grpc: {{prober: grpc, timeout: 2s, grpc: {{preferred_ip_protocol: ip4}}}}
  orders: {{prober: grpc, timeout: 2s, grpc: {{preferred_ip_protocol: ip4, service: orders}}}}
  stock: {{prober: grpc, timeout: 2s, grpc: {{preferred_ip_protocol: ip4, service: stock}}}}
  ledger: {{prober: grpc, timeout: 2s, grpc: {{preferred_ip_protocol: ip4, service: ledger}}}}
  nobody: {{prober: grpc, timeout: 2s, grpc: {{preferred_ip_protocol: ip4, service: nobody}}}}
  tls:
    prober: grpc
    timeout: 2s
    grpc: {{preferred_ip_protocol: ip4, tls: true, tls_config: {{ca_file: {authority}, server_name: localhost}}}}
  tls_stock:
    prober: grpc
    timeout: 2s
    grpc: {{preferred_ip_protocol: ip4, service: stock, tls: true, tls_config: {{insecure_skip_verify: true}}}}
""") as running:
        yield running


@pytest.fixture(name="server", scope="module")
def its_server() -> Iterator[Server]:
    with rpc() as server:
        yield server


@pytest.fixture(name="secure", scope="module")
def its_secure_server() -> Iterator[Server]:
    with rpc(tls=certificates.pair()) as server:
        yield server


def assert_alike_but_for_tls(pair: Pair, **query: str) -> tuple[Page, Page]:
    """Without TLS 0.23 shows probe_ssl_earliest_cert_expiry as 0, which looks expired; newer ones don't, and so we."""
    theirs, ours = pair.ask(**query)
    assert theirs.value("probe_ssl_earliest_cert_expiry") == 0.0
    expected = {
        key: value for key, value in compared(theirs.series).items() if key[0] != "probe_ssl_earliest_cert_expiry"
    }
    assert compared(ours.series) == expected
    families = {name: told for name, told in theirs.families.items() if name != "probe_ssl_earliest_cert_expiry"}
    assert ours.families == families
    return theirs, ours


@pytest.mark.parametrize(
    "module,success,code", [("grpc", 1, 0), ("orders", 1, 0), ("stock", 0, 0), ("ledger", 0, 0), ("nobody", 0, 5)]
)
def test_a_service_is_the_same_to_both(pair: Pair, server: Server, module: str, success: int, code: int) -> None:
    for target in (server.url, f"http://localhost:{server.port}/path"):
        theirs, _ = assert_alike_but_for_tls(pair, module=module, target=target)
        assert (theirs.value("probe_success"), theirs.value("probe_grpc_status_code")) == (success, code)


def test_a_service_behind_tls_is_the_same_to_both(pair: Pair, secure: Server) -> None:
    for module, success in {"tls": 1.0, "tls_stock": 0.0}.items():
        theirs, _ = assert_alike(pair, module=module, target=secure.url)
        assert (theirs.value("probe_success"), theirs.value("probe_grpc_ssl")) == (success, 1.0)


@pytest.mark.parametrize("target", ["127.0.0.1:1", "no-such-host.invalid:50051", "127.0.0.1:99999"])
def test_a_target_that_is_not_there_is_not_there_for_both(pair: Pair, target: str) -> None:
    theirs, _ = assert_alike_but_for_tls(pair, module="grpc", target=target)
    assert theirs.value("probe_success") == 0.0


def test_a_server_without_a_health_service_or_of_another_protocol_is_the_same_to_both(
    pair: Pair, server: Server, secure: Server
) -> None:
    with rpc(None) as bare:
        theirs, _ = assert_alike_but_for_tls(pair, module="grpc", target=bare.url)
    assert theirs.value("probe_grpc_status_code") == 12.0
    assert_alike_but_for_tls(pair, module="tls", target=server.url)
    assert_alike_but_for_tls(pair, module="grpc", target=secure.url)


@pytest.mark.parametrize(
    "script", [fake.http("503"), fake.http("404"), fake.http("200"), fake.fails("7"), fake.fails("13")]
)
def test_a_call_that_fails_is_the_same_to_both(pair: Pair, script: fake.Script) -> None:
    with hostile.serving(fake.answers(script), ask=False) as running:
        assert_alike_but_for_tls(pair, module="grpc", target=running.address)
