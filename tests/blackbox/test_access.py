"""Which targets of a request are asked: metadata services never, private addresses where they are allowed (F10)."""

import pytest

from exporter.blackbox.access import Access, Forbidden
from tests import hostile
from tests.blackbox.asking import ask, values

HTTP = "{prober: http, http: {preferred_ip_protocol: ip4}}"
TCP = "{prober: tcp, tcp: {preferred_ip_protocol: ip4}}"
EVERYTHING = ("0.0.0.0/0", "::/0")

NEVER = [
    "169.254.169.254", "169.254.1.1", "0xa9fea9fe", "2852039166", "0251.0376.0251.0376", "[::ffff:169.254.169.254]",
    "[::ffff:a9fe:a9fe]", "[fd00:ec2::254]", "[fe80::1]", "[64:ff9b::a9fe:a9fe]", "[2002:a9fe:a9fe::1]", "0.0.0.0", "0",
    "168.63.129.16", "100.100.100.200", "192.0.0.192", "224.0.0.1", "255.255.255.255", "[ff02::1]", "[::]",
]  # fmt: skip
PRIVATE = [
    "127.0.0.1", "127.1", "0x7f000001", "2130706433", "localhost", "LOCALHOST", "[::1]", "10.0.0.1",
    "172.16.0.1", "192.168.1.1", "100.64.0.1", "198.18.0.1", "[fd12::1]", "[::ffff:10.0.0.1]", "[64:ff9b::a00:1]",
    "[2002:a00:1::]", "[::ffff:127.0.0.1]",
]  # fmt: skip


@pytest.mark.parametrize("allow", [(), EVERYTHING], ids=["nothing allowed", "all allowed"])
@pytest.mark.parametrize("host", NEVER)
@pytest.mark.parametrize(("module", "target"), [(HTTP, "http://{}/latest"), (TCP, "{}:80")])
def test_metadata_and_what_is_no_host_is_never_asked(
    module: str, target: str, host: str, allow: tuple[str, ...]
) -> None:
    with pytest.raises(Forbidden, match="are not probed"):
        ask(module, target.format(host), allow=allow, seconds=0.5)


@pytest.mark.parametrize("host", PRIVATE)
@pytest.mark.parametrize(("module", "target"), [(HTTP, "http://{}:1/"), (TCP, "{}:1")])
def test_a_private_address_is_asked_only_if_allowed(module: str, target: str, host: str) -> None:
    with pytest.raises(Forbidden, match="private and not in probe.allow"):
        ask(module, target.format(host), allow=("192.0.2.0/24", "10.1.0.0/16", "another.example"), seconds=0.5)


def test_an_allowed_network_address_or_name_is_asked() -> None:
    with hostile.serving(hostile.says(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")) as server:
        for allow, host in (
            ("127.0.0.0/8", "127.0.0.1"),
            ("127.0.0.1", "127.0.0.1"),
            ("127.0.0.0/8", "[::ffff:127.0.0.1]"),
            ("localhost", "localhost"),
            ("LocalHost.", "LOCALHOST"),
        ):
            run = ask(HTTP, f"http://{host}:{server.port}/", allow=(allow,))
            assert values(run)["probe_success"] == 1, host


def test_a_name_with_a_dot_at_its_end_is_the_same_name() -> None:
    known = {"localhost.": "127.0.0.1"}
    with hostile.resolver(lambda host, *_, **__: [(2, 1, 6, "", (known[host], 0))]), pytest.raises(Forbidden):
        ask(TCP, "localhost.:1", allow=())


def test_a_name_that_is_allowed_does_not_allow_the_address_by_another_name() -> None:
    with hostile.resolver(hostile.resolves(shop_internal="127.0.0.1", evil_example="127.0.0.1")):
        with pytest.raises(Forbidden):
            ask(TCP, "evil.example:1", allow=("shop.internal",))
        assert values(ask(TCP, f"shop.internal:{hostile.unused()}", allow=("shop.internal",)))["probe_ip_protocol"] == 4


def test_a_name_that_is_allowed_does_not_lead_to_metadata() -> None:
    with hostile.resolver(hostile.resolves(shop_internal="169.254.169.254")), pytest.raises(Forbidden):
        ask(TCP, "shop.internal:80", allow=("shop.internal",))


def test_the_address_that_was_checked_is_the_one_connected_to() -> None:
    """A name server that gives another address at the second look-up (rebinding) is not asked twice."""
    asked: list[object] = []

    def answer(host: str, *args: object, **kwargs: object) -> object:
        asked.append(host)
        return hostile.resolves(rebind_example="127.0.0.2" if len(asked) == 1 else "127.0.0.1")(host)

    with hostile.serving(hostile.says(b"HTTP/1.1 200 OK\r\n\r\n")) as server, hostile.resolver(answer):
        run = ask(HTTP, f"http://rebind.example:{server.port}/", allow=("127.0.0.2",))
    assert asked == ["rebind.example"]
    assert (values(run)["probe_success"], server.connections) == (0, 0)


@pytest.mark.parametrize("to", ["http://169.254.169.254/latest", "http://0xa9fea9fe/", "//2852039166/", "http://[::1]:1/",
    "http://10.0.0.1/", "http://intern.example/", "https://[::ffff:169.254.169.254]/"])  # fmt: skip
def test_each_hop_of_a_redirect_is_checked(to: str) -> None:
    answer = f"HTTP/1.1 302 Found\r\nLocation: {to}\r\nContent-Length: 0\r\n\r\n".encode()
    known = hostile.resolves(intern_example="192.168.0.1")
    with hostile.serving(hostile.says(answer)) as server, hostile.resolver(_or_real(known)):
        run = ask(HTTP, server.url, allow=("127.0.0.1",))
    assert (values(run)["probe_success"], values(run)["probe_http_redirects"]) == (0, 1)
    assert any("a redirect leads to what is not asked" in str(pairs.get("err")) for *_, pairs in run.lines or ())


def _or_real(known: hostile.Answer) -> hostile.Answer:
    import socket

    real = socket.getaddrinfo

    def answer(host: str, *args: object, **kwargs: object) -> object:
        return known(host) if host.endswith(".example") else real(host, *args, **kwargs)

    return answer


@pytest.mark.parametrize("host", ["169.254.169.254", "0xa9fea9fe", "localhost", "[::ffff:169.254.169.254]"])
def test_a_proxy_is_not_sent_there_either(host: str) -> None:
    with hostile.serving(hostile.mute) as proxy:
        module = f"{{prober: http, http: {{skip_resolve_phase_with_proxy: true, proxy_url: '{proxy.url}'}}}}"
        with pytest.raises(Forbidden):
            ask(module, f"http://{host}/", allow=())
    assert proxy.connections == 0


def test_access_tells_equal_settings_by_their_values() -> None:
    assert Access(("a", "10.0.0.0/8")) == Access(("a", "10.0.0.0/8")) != Access(("a",))
