"""What an error is worth."""

import pytest

from exporter.config.application import Class
from exporter.ingest.severity import Severities, Verdict
from exporter.ingest.values import Occurrence, Origin, Raised

CLASSES = {
    "PaymentRefused": Class(severity="low", code="PAYMENT_REFUSED", status=402),
    "shop.errors.PaymentRefused": Class(severity="high"),
    "VALIDATION_ERROR": Class(severity="low", status=422),
    "ITAR_VIOLATION": Class(severity="critical", security=True, status=403),
    "ClearanceMissing": Class(code="ITAR_VIOLATION"),
    "PermissionDenied": Class(security=True),
    "AiServiceError": Class(severity="critical"),
    "404": Class(severity="low", code="NOT_FOUND"),
    "503": Class(severity="critical"),
    "5xx": Class(severity="high", code="SERVER"),
}


def error(type_: str = "", **fields: object) -> Occurrence:
    raised = (Raised(type_, "v", str(fields.pop("module", "")), handled=fields.pop("handled", None)),) if type_ else ()  # type: ignore[arg-type]
    return Occurrence("0" * 32, 0.0, Origin("shop"), "sdk", raised=raised, **fields)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("occurrence", "severity"),
    [
        (error("KeyError", level="fatal"), "critical"),
        (error("KeyError", handled=False), "high"),
        (error("KeyError", handled=True), "medium"),
        (error("KeyError"), "medium"),
        (error(message="it broke"), "medium"),
        (error("KeyError", level="warning", handled=False), "low"),
        (error(message="hello", level="info"), "low"),
        (error(message="hello", level="debug"), "low"),
        (error("MemoryError", handled=True), "critical"),
        (error("java.lang.OutOfMemoryError"), "critical"),
        (error("Http404", handled=True, status=404), "low"),
        (error("Http404", handled=False, status=404), "high"),
        (error("Down", handled=True, status=503), "medium"),
    ],
)
def test_without_classes_level_handling_type_and_status_say_it(occurrence: Occurrence, severity: str) -> None:
    assert Severities({}).verdict(occurrence).severity == severity


@pytest.mark.parametrize(
    ("occurrence", "verdict"),
    [
        (error("PaymentRefused", handled=False), Verdict("low", code="PAYMENT_REFUSED", status=402)),
        (error("other.PaymentRefused"), Verdict("low", code="PAYMENT_REFUSED", status=402)),
        (error("PaymentRefused", module="shop.errors"), Verdict("high", code="PAYMENT_REFUSED", status=402)),
        (error("shop.errors.PaymentRefused"), Verdict("high", code="PAYMENT_REFUSED", status=402)),
        (error("ApiError", code="VALIDATION_ERROR"), Verdict("low", code="VALIDATION_ERROR", status=422)),
        (error("AiServiceError", code="VALIDATION_ERROR"), Verdict("low", code="VALIDATION_ERROR", status=422)),
        (error("ClearanceMissing"), Verdict("critical", security=True, code="ITAR_VIOLATION", status=403)),
        (error(message="no", code="ITAR_VIOLATION"), Verdict("critical", True, "ITAR_VIOLATION", 403)),
        (error("PermissionDenied", handled=False), Verdict("high", security=True)),
        (error("X", status=404), Verdict("low", code="NOT_FOUND", status=404)),
        (error("X", status=503), Verdict("critical", code="SERVER", status=503)),
        (error("X", status=500), Verdict("high", code="SERVER", status=500)),
        (error("PaymentRefused", status=500), Verdict("low", code="PAYMENT_REFUSED", status=500)),
        (error("KeyError", status=99999), Verdict("medium")),
        (error("KeyError", status=-1, code="MINE"), Verdict("medium", code="MINE")),
    ],
)
def test_a_class_is_found_by_code_name_and_status(occurrence: Occurrence, verdict: Verdict) -> None:
    assert Severities(CLASSES).verdict(occurrence) == verdict
