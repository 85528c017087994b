import pytest

from exporter.config import load
from exporter.config.onward import Forward, Waiting
from exporter.config.sections import Tracing
from exporter.forward.target import Target, ratio, targets
from exporter.values import Secret

BASE = {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://collector:4318"}
PLAIN = Target("http://collector:4318/v1/traces")


def configured(*destinations: str, environ: dict[str, str] | None = None) -> list[Target]:
    config = load(f"forward: {{traces: [{', '.join(destinations)}]}}", source="it", environ={})
    return targets(config.forward, environ or {})


def test_the_configuration_names_several_back_ends_and_goes_before_the_environment() -> None:
    assert configured(
        "{endpoint: 'http://a:4318'}",
        "{endpoint: 'https://b/otlp/v1/traces', headers: {x-key: k}, timeout: 3s}",
        "{endpoint: 'https://c:4317', protocol: grpc, ca_file: ca, cert_file: cert, key_file: key}",
        environ=BASE,
    ) == [
        Target("http://a:4318/v1/traces", compression="gzip"),
        Target("https://b/otlp/v1/traces", headers={"x-key": Secret("k")}, timeout=3.0, compression="gzip", name="1"),
        Target("https://c:4317", "grpc", ca_file="ca", cert_file="cert", key_file="key", compression="gzip", name="2"),
    ]


@pytest.mark.parametrize(
    ("environ", "expected"),
    [
        ({}, []),
        (BASE, [PLAIN]),
        (BASE | {"OTEL_TRACES_EXPORTER": "otlp"}, [PLAIN]),
        (BASE | {"OTEL_TRACES_EXPORTER": ""}, [PLAIN]),
        (BASE | {"OTEL_TRACES_EXPORTER": "none"}, []),
        (BASE | {"OTEL_SDK_DISABLED": "True"}, []),
        ({"OTEL_EXPORTER_OTLP_ENDPOINT": "http://c:4318/otlp/"}, [Target("http://c:4318/otlp/v1/traces")]),
        (BASE | {"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": "http://t:1/x"}, [Target("http://t:1/x")]),
        (BASE | {"OTEL_EXPORTER_OTLP_PROTOCOL": "grpc"}, [Target("http://collector:4318", "grpc")]),
        (
            BASE | {"OTEL_EXPORTER_OTLP_PROTOCOL": "grpc", "OTEL_EXPORTER_OTLP_TRACES_PROTOCOL": "http/protobuf"},
            [PLAIN],
        ),
        (BASE | {"OTEL_EXPORTER_OTLP_PROTOCOL": "http/json"}, [PLAIN]),
        (
            {"OTEL_EXPORTER_OTLP_ENDPOINT": "c:4317", "OTEL_EXPORTER_OTLP_PROTOCOL": "grpc"},
            [Target("https://c:4317", "grpc")],
        ),
        (
            {
                "OTEL_EXPORTER_OTLP_ENDPOINT": "c:4317",
                "OTEL_EXPORTER_OTLP_PROTOCOL": "grpc",
                "OTEL_EXPORTER_OTLP_INSECURE": "true",
            },
            [Target("http://c:4317", "grpc")],
        ),
        ({"OTEL_EXPORTER_OTLP_ENDPOINT": "http://"}, []),
        ({"OTEL_EXPORTER_OTLP_ENDPOINT": "http://[::1"}, []),
        (
            BASE
            | {
                "OTEL_EXPORTER_OTLP_HEADERS": "Authorization=Bearer%20t=1, x-key = k ,broken",
                "OTEL_EXPORTER_OTLP_CERTIFICATE": "ca",
                "OTEL_EXPORTER_OTLP_CLIENT_CERTIFICATE": "cert",
                "OTEL_EXPORTER_OTLP_CLIENT_KEY": "key",
                "OTEL_EXPORTER_OTLP_COMPRESSION": "gzip",
                "OTEL_EXPORTER_OTLP_TIMEOUT": "2500",
            },
            [
                Target(
                    PLAIN.endpoint,
                    headers={"authorization": Secret("Bearer t=1"), "x-key": Secret("k")},
                    timeout=2.5,
                    ca_file="ca",
                    cert_file="cert",
                    key_file="key",
                    compression="gzip",
                )
            ],
        ),
    ],
)
def test_the_standard_variables_name_one_back_end(environ: dict[str, str], expected: list[Target]) -> None:
    assert targets(Forward(), environ) == expected


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("10000", 10.0), ("10", 10.0), ("0.5", 0.5), ("500", 0.5), ("x", 10.0), ("-1", 10.0), ("inf", 10.0)],
)
def test_a_timeout_is_read_in_milliseconds_and_in_pythons_seconds(text: str, seconds: float) -> None:
    (found,) = targets(Forward(), BASE | {"OTEL_EXPORTER_OTLP_TIMEOUT": text})
    assert found.timeout == seconds


@pytest.mark.parametrize(
    ("tracing", "sampler", "argument", "expected"),
    [
        (Tracing(), "", "", 1.0),
        (Tracing(), "always_on", "", 1.0),
        (Tracing(), "parentbased_always_off", "", 0.0),
        (Tracing(), "traceidratio", "0.25", 0.25),
        (Tracing(), "parentbased_traceidratio", "0.25", 0.25),
        (Tracing(), "traceidratio", "2", 1.0),
        (Tracing(), "traceidratio", "some", 1.0),
        (Tracing(), "jaeger_remote", "", 1.0),
        (Tracing(ratio=0.1), "traceidratio", "0.25", 0.1),
    ],
)
def test_the_ratio_is_the_configured_one_or_the_samplers(
    tracing: Tracing, sampler: str, argument: str, expected: float
) -> None:
    assert ratio(tracing, {"OTEL_TRACES_SAMPLER": sampler, "OTEL_TRACES_SAMPLER_ARG": argument}) == expected


def test_an_address_shows_no_secret() -> None:
    assert Target("http://user:secret@collector:4318/v1/traces?key=secret").address == "collector:4318"
    assert "secret" not in str(Target("http://c:1", headers={"authorization": Secret("secret")}))


def test_each_signal_has_its_own_back_ends_paths_and_bounds() -> None:
    yaml = """
forward:
  spool: {size: 1MB}
  traces: [{endpoint: "http://a:4318", name: tempo, compression: zstd, batch: 64KiB}]
  logs: [{endpoint: "http://a:4318", spool: {size: 2MB, age: 1h, full: refuse}}, {endpoint: "http://b:4317", protocol: grpc}]
  metrics: [{endpoint: "http://a:4318/v1/metrics"}]
"""
    traces, loki, other, metrics = targets(load(yaml, source="it", environ={}).forward, BASE)
    assert (traces.endpoint, traces.name, traces.compression, traces.batch, traces.folder) == (
        "http://a:4318/v1/traces", "tempo", "zstd", 65_536, "traces-tempo",
    )  # fmt: skip
    assert (loki.endpoint, loki.signal, loki.name, loki.waiting) == (
        "http://a:4318/v1/logs", "logs", "0", Waiting(size=2_000_000, age=3_600.0, full="refuse"),
    )  # fmt: skip
    assert (other.endpoint, other.name, other.waiting) == ("http://b:4317", "1", Waiting(size=1_000_000))
    assert (metrics.endpoint, metrics.signal) == ("http://a:4318/v1/metrics", "metrics")
    assert len({each.folder for each in (traces, loki, other, metrics)}) == 4


def test_the_spool_of_an_unnamed_back_end_stays_its_own_in_another_order() -> None:
    one, two = configured("{endpoint: 'http://a:1'}", "{endpoint: 'http://b:1'}")
    assert [each.folder for each in configured("{endpoint: 'http://b:1'}", "{endpoint: 'http://a:1'}")] == [
        two.folder,
        one.folder,
    ]


@pytest.mark.parametrize(
    ("endpoint", "own"),
    [
        ("http://localhost:4318", True),
        ("http://127.0.0.2:4318/v1/traces", True),
        ("http://[::1]:4318", True),
        ("http://localhost:4319", False),
        ("http://collector:4318", False),
        ("http://localhost", False),
    ],
)
def test_the_daemon_itself_is_known_by_its_port(endpoint: str, own: bool) -> None:
    assert Target(endpoint).is_one_of({4318, 4317}) is own
