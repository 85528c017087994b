import pytest

from exporter.config import load
from exporter.forward.target import Target, ratio, targets
from exporter.config.sections import Tracing
from exporter.values import Secret

BASE = {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://collector:4318"}
PLAIN = Target("http://collector:4318/v1/traces")


def configured(*destinations: str, environ: dict[str, str] | None = None) -> list[Target]:
    config = load(f"forward: {{traces: [{', '.join(destinations)}]}}", source="it", environ={})
    return targets(config.forward.traces, environ or {})


def test_the_configuration_names_several_back_ends_and_goes_before_the_environment() -> None:
    assert configured(
        "{endpoint: 'http://a:4318'}",
        "{endpoint: 'https://b/otlp/v1/traces', headers: {x-key: k}, timeout: 3s}",
        "{endpoint: 'https://c:4317', protocol: grpc, ca_file: ca, cert_file: cert, key_file: key}",
        environ=BASE,
    ) == [
        Target("http://a:4318/v1/traces"),
        Target("https://b/otlp/v1/traces", headers={"x-key": Secret("k")}, timeout=3.0),
        Target("https://c:4317", "grpc", ca_file="ca", cert_file="cert", key_file="key"),
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
                    gzip=True,
                )
            ],
        ),
    ],
)
def test_the_standard_variables_name_one_back_end(environ: dict[str, str], expected: list[Target]) -> None:
    assert targets((), environ) == expected


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("10000", 10.0), ("10", 10.0), ("0.5", 0.5), ("500", 0.5), ("x", 10.0), ("-1", 10.0), ("inf", 10.0)],
)
def test_a_timeout_is_read_in_milliseconds_and_in_pythons_seconds(text: str, seconds: float) -> None:
    (found,) = targets((), BASE | {"OTEL_EXPORTER_OTLP_TIMEOUT": text})
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
