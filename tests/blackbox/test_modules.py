"""A blackbox_exporter configuration is read as it is, or refused with every problem by name."""

from pathlib import Path

import pytest

from exporter.blackbox.settings import Module
from exporter.config import ConfigError, load
from exporter.config.modules import modules

EXAMPLES = Path("/usr/share/doc/prometheus-blackbox-exporter/examples")


def one(text: str) -> Module:
    return modules(f"modules:\n  x: {text}\n", "m.yml")["x"]


def problems(text: str) -> list[str]:
    with pytest.raises(ConfigError) as refused:
        modules(text, "m.yml")
    return str(refused.value).splitlines()


@pytest.mark.debian
def test_the_example_of_0_23_loads() -> None:
    found = modules((EXAMPLES / "example.yml").read_text(), "example.yml")
    assert {module.prober for module in found.values()} == {"http", "tcp", "icmp", "dns"}
    assert [step.send.reveal() for step in found["smtp_starttls"].tcp.query_response][1] == "EHLO prober\r"
    assert found["http_2xx_example"].http.follows is True
    modules((EXAMPLES / "blackbox.yml").read_text(), "blackbox.yml")


def test_forms_of_the_newest_release_are_read() -> None:
    found = modules(
        """
modules:
  postgresql:
    prober: tcp
    tcp:
      query_response:
      - send: !!binary AAAACATSFi8=
      - expect_bytes: S
      - starttls: true
  from_files:
    prober: http
    http:
      http_headers: {X-API-Key: {files: [/path/to/key], values: [a], secrets: [b]}}
      proxy_url: http://127.0.0.1:3128
      proxy_connect_header: {Proxy-Authorization: [Bearer token]}
      enable_http3: false
      body_file: /path
  ssh:
    prober: tcp
    tcp:
      query_response:
      - {expect: "^SSH-2.0-([^ -]+)(?: (.*))?$", labels: [{name: ssh_version, value: "${1}"}]}
  grpc: {prober: grpc, grpc: {metadata: {x-key: [a, b]}}}
""",
        "m.yml",
    )
    step = found["postgresql"].tcp.query_response[0]
    assert step.send.reveal().encode("utf-8", "surrogateescape") == b"\0\0\0\x08\x04\xd2\x16/"
    assert found["ssh"].tcp.query_response[0].labels[0].value == "${1}"


def test_a_scalar_is_what_its_field_wants_as_in_gos_yaml() -> None:
    module = one("{prober: http, http: {headers: {X-Version: 1.10, X-Ok: yes}, body: 012, valid_status_codes: [200]}}")
    assert {name: value.reveal() for name, value in module.http.headers.items()} == {"X-Version": "1.10", "X-Ok": "yes"}
    assert (module.http.body.reveal(), module.http.valid_status_codes) == ("012", (200,))
    assert one("{prober: http, timeout: , http: , tcp: {tls: false}}").timeout == 0


@pytest.mark.parametrize(("written", "follows"), [("", True), ("follow_redirects: false", False),
    ("no_follow_redirects: true", False), ("no_follow_redirects: false, follow_redirects: false", True)])  # fmt: skip
def test_the_older_name_for_redirects_wins(written: str, follows: bool) -> None:
    assert one(f"{{prober: http, http: {{{written}}}}}").http.follows is follows


@pytest.mark.parametrize(("text", "limit"), [("10B", 10), ("1KB", 1024), ("2MiB", 2 << 20), ("1.5K", 1536), ("0", 0)])
def test_a_size_counts_by_1024(text: str, limit: int) -> None:
    assert one(f"{{prober: http, http: {{body_size_limit: {text}}}}}").http.limit == limit


UNSUPPORTED = {
    "http: {oauth2: {client_id: a}}": "http.oauth2: is not supported",
    "http: {fail_if_body_json_matches_cel: 'a'}": "http.fail_if_body_json_matches_cel: CEL is not supported",
    "http: {fail_if_body_json_not_matches_cel: 'a'}": "http.fail_if_body_json_not_matches_cel: CEL is not supported",
    "http: {enable_http3: true}": "http.enable_http3: HTTP/3 is not supported",
    "http: {valid_http_versions: [HTTP/3.0]}": "http.valid_http_versions: HTTP/3 is not supported",
    "http: {no_proxy: a}": "http.no_proxy: is not supported",
    "http: {proxy_from_environment: true}": "http.proxy_from_environment: is not supported",
    "http: {proxy_url: socks5://a}": "http.proxy_url: the URL's scheme is neither http nor https",
    "http: {basic_auth: {password_ref: a}}": "http.basic_auth.password_ref: secret managers are not supported",
    "tcp: {tls_config: {key: a}}": "tcp.tls_config.key: inline keys are not supported",
    "unix: {}": "unix: the prober unix is not supported",
    "websocket: {}": "websocket: the prober websocket is not supported",
}


@pytest.mark.parametrize("text", UNSUPPORTED)
def test_what_is_not_supported_is_refused_by_name(text: str) -> None:
    (problem,) = problems(f"modules:\n  x:\n    prober: http\n    {text}\n")
    assert problem.startswith(f"m.yml:4: modules.x.{UNSUPPORTED[text]}")


WRONG = {
    "{}": "prober: is required",
    "{prober: gopher}": "prober: expected one of http, tcp, icmp, dns, grpc",
    "{prober: unix}": "prober: the prober unix is not supported",
    "{prober: http, htpt: {}}": "htpt: unknown key",
    "{prober: dns}": "prober: dns takes a section dns",
    "{prober: http, http: {method: 'GET /'}}": "http.method: is not a method",
    "{prober: http, http: {compression: zip}}": "http.compression: expected",
    "{prober: http, http: {compression: gzip, headers: {accept-encoding: br}}}": "http.headers.accept-encoding: does not",
    "{prober: http, http: {headers: {'a b': c}}}": "http.headers: one of them is not the name",
    '{prober: http, http: {headers: {a: "b\\nc"}}}': "http.headers.a: a header has one line",
    "{prober: http, http: {http_headers: {Host: {values: [a]}}}}": "http.http_headers.Host: is not allowed here",
    "{prober: http, http: {bearer_token: a, basic_auth: {}}}": "http: at most one of basic_auth, bearer_token",
    "{prober: http, http: {body: a, body_file: b}}": "http: setting body and body_file both",
    "{prober: http, http: {body_size_limit: much}}": "http.body_size_limit: expected a size",
    "{prober: http, http: {fail_if_header_matches: [{header: a}]}}": "http.fail_if_header_matches[0].regexp: is required",
    "{prober: http, http: {fail_if_body_matches_regexp: ['(?=a)']}}": "http.fail_if_body_matches_regexp: not a regular",
    "{prober: tcp, tcp: {query_response: [{expect: a, expect_bytes: b}]}}": "tcp.query_response[0].expect: expect and",
    "{prober: tcp, tcp: {query_response: [{expect: a, labels: [{name: '1'}]}]}}": "tcp.query_response[0].labels[0].name: is",
    "{prober: tcp, tcp: {tls_config: {key_file: a}}}": "tcp.tls_config.key_file: cert_file and key_file",
    "{prober: icmp, icmp: {ttl: 256}}": "icmp.ttl: expected 0 to 255",
    "{prober: tcp, timeout: 5}": "timeout: expected a duration",
    "{prober: tcp, tcp: &a {}}": "tcp: anchors (&) and aliases (*) are not accepted",
    "{prober: tcp, tcp: !!map {}}": "tcp: tags (!) are not accepted",
}


@pytest.mark.parametrize("text", WRONG)
def test_a_mistake_is_told_with_its_place(text: str) -> None:
    (problem,) = problems(f"modules:\n  x: {text}\n")
    assert problem.startswith(f"m.yml:2: modules.x.{WRONG[text]}")


def test_all_mistakes_are_told_at_once_and_none_of_the_values() -> None:
    found = problems(
        "modules:\n  a: {prober: tpc}\n  b: {prober: http, http: {bearer_token: {x: s3cret}}}\nmodule: 1\n"
    )
    assert len(found) == 3
    assert "s3cret" not in str(found)


def test_the_file_is_part_of_the_configuration(tmp_path: Path) -> None:
    file = tmp_path / "blackbox.yml"
    text = f"probe: {{modules: {file}, allow: [10.0.0.0/8, '::1', shop.internal]}}"
    file.write_text("modules: {x: {prober: tcp}}")
    first = load(text, source="c.yaml", environ={})
    assert first.probing is not None
    assert first == load(text, source="c.yaml", environ={})
    beside = load(text.replace(str(file), file.name), source=str(tmp_path / "c.yaml"), environ={})
    assert beside.probing == first.probing, "a relative file is taken from the configuration's folder"
    file.write_text("modules: {x: {prober: icmp}}")
    assert first != load(text, source="c.yaml", environ={})
    file.write_text("modules: {x: {prober: smtp}}")
    with pytest.raises(ConfigError, match="blackbox.yml:1: modules.x.prober"):
        load(text, source="c.yaml", environ={})


@pytest.mark.parametrize(("section", "problem"), [
    ("{modules: /nowhere/x.yml}", "probe.modules: can't be read: No such file or directory"),
    ("{modules: /dev/null, allow: [10.0.0.0/99]}", r"probe.allow\[0\]: is neither a network"),
    ("{modules: /dev/null, allow: [300.1.1.1]}", r"probe.allow\[0\]: is neither a network"),
    ("{modules: /dev/null, allow: [http://a]}", r"probe.allow\[0\]: is neither a network"),
    ("{allow: []}", "probe.modules: is required"),
])  # fmt: skip
def test_a_wrong_section_is_refused(section: str, problem: str) -> None:
    with pytest.raises(ConfigError, match=problem):
        load(f"probe: {section}", source="c.yaml", environ={})
