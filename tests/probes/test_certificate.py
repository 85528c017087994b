"""Certificates in files: dates, chains, keys, and every way in which a file can be wrong."""

import contextlib
import os
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from exporter.probes.certificate import Certificate
from tests import certificates
from tests.certificates import Pair
from tests.mounts import mounted
from tests.probing import component, probe, readings

Fields = contextlib.AbstractContextManager[dict[str, Any]]


def written(folder: Path, content: bytes) -> dict[str, Any]:
    file = folder / "it.pem"
    file.write_bytes(content)
    return {"files": [str(file)]}


def of(pair: Pair, **fields: Any) -> dict[str, Any]:
    return {"files": [str(pair.certificate)], **fields}


def chain(*parts: Path) -> bytes:
    return b"".join(part.read_bytes() for part in parts)


@contextlib.contextmanager
def hung(tmp: Path) -> Iterator[dict[str, Any]]:
    with mounted(tmp / "m", "fuse", "hang") as path:
        yield {"files": [str(path / "it.pem")], "timeout": 0.4}


REASONS: dict[str, Callable[[Path], dict[str, Any] | Fields]] = {
    "missing": lambda tmp: {"files": [str(tmp / "*.pem")]},
    "unreadable": lambda tmp: {"files": [str(tmp)]},
    "invalid": lambda tmp: written(tmp, b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"),
    "expired": lambda tmp: of(certificates.expired()),
    "not_yet_valid": lambda tmp: of(certificates.not_yet_valid()),
    "key": lambda tmp: of(certificates.pair(), key_file=str(certificates.self_signed().key)),
    "untrusted": lambda tmp: of(certificates.self_signed(), ca_file=str(certificates.authority())),
    "chain": lambda tmp: written(tmp, chain(certificates.pair().certificate, certificates.self_signed().certificate)),
    "hung": hung,
}


@pytest.mark.parametrize("reason", REASONS)
def test_each_reason_is_provoked(reason: str, tmp_path: Path) -> None:
    made = REASONS[reason](tmp_path)
    with contextlib.nullcontext(made) if isinstance(made, dict) else made as fields:
        result = probe("certificate", **fields)
    assert (result.outcome, result.reason) == ("degraded" if reason == "chain" else "unhealthy", reason), result.detail
    assert result.detail


def test_the_table_has_every_reason() -> None:
    assert set(REASONS) == set(Certificate.reasons)


def test_a_chain_that_holds_shows_the_first_to_expire_and_is_trusted(tmp_path: Path) -> None:
    pair = certificates.pair(ends=40)
    fields = written(tmp_path, chain(pair.certificate, certificates.authority()))
    file = fields["files"][0]
    serial = x509.load_pem_x509_certificate(pair.certificate.read_bytes()).serial_number
    result = probe("certificate", **fields, key_file=str(pair.key), ca_file=str(certificates.authority()))
    found = readings(result)
    remaining = found.pop(f'stack_certificate_remaining_seconds{{file="{file}"}}')
    assert (result.outcome, remaining) == ("healthy", pytest.approx(pair.not_after - result.started, abs=2))
    assert found == {
        "stack_certificate_files": 1.0,
        f'stack_certificate_not_before_timestamp_seconds{{file="{file}"}}': pair.not_before,
        f'stack_certificate_not_after_timestamp_seconds{{file="{file}"}}': pair.not_after,
        f'stack_certificate_certificates{{file="{file}"}}': 2.0,
        f'stack_certificate_info{{file="{file}",subject="CN=localhost",issuer="CN=An authority for tests",serial="{serial:x}"}}': 1.0,
    }


def test_a_chain_is_as_old_as_its_oldest_member_and_shows_its_dates_also_when_expired(tmp_path: Path) -> None:
    expired = certificates.expired()
    fields = written(tmp_path, chain(certificates.pair().certificate, expired.certificate))
    result = probe("certificate", **fields)
    assert (result.reason, "expired on" in result.detail) == ("expired", True)
    assert (
        readings(result)[f'stack_certificate_not_after_timestamp_seconds{{file="{fields["files"][0]}"}}']
        == expired.not_after
    )


def test_a_pattern_matches_each_time_anew_and_one_bad_file_hides_no_other(tmp_path: Path) -> None:
    good = tmp_path / "a.pem"
    good.write_bytes(certificates.pair().certificate.read_bytes())
    (tmp_path / "b.pem").write_bytes(b"no certificate")
    (tmp_path / "folder.pem").mkdir()
    result = probe("certificate", files=[str(tmp_path / "*.pem")])
    assert (result.reason, readings(result)["stack_certificate_files"]) == ("invalid", 1.0)
    assert f'stack_certificate_remaining_seconds{{file="{good}"}}' in readings(result)
    (tmp_path / "b.pem").unlink()
    assert probe("certificate", files=[str(tmp_path / "*.pem")]).outcome == "healthy"


def test_der_is_read_and_a_bundle_is_no_chain(tmp_path: Path) -> None:
    one = x509.load_pem_x509_certificate(certificates.pair().certificate.read_bytes())
    assert probe("certificate", **written(tmp_path, one.public_bytes(Encoding.DER))).outcome == "healthy"
    both = chain(certificates.pair().certificate, certificates.self_signed().certificate)
    assert probe("certificate", **written(tmp_path, both), bundle=True).outcome == "healthy"


@pytest.mark.parametrize("action", ["error", "always"])
def test_what_rfc_5280_forbids_is_read_without_a_warning(action: Any, tmp_path: Path) -> None:
    with warnings.catch_warnings(record=True, action=action) as warned:
        result = probe("certificate", **written(tmp_path, certificates.negative_serial()))
        assert result.outcome == "healthy"
        assert any(',serial="-' in text for text in readings(result))
        assert warned == []


def test_the_threshold_is_three_weeks_by_default_and_critical_at_three_days() -> None:
    assert (
        probe("certificate", **of(certificates.pair(ends=2))).outcome == "healthy"
    )  # thresholds are the configuration's
    (expiry,) = Certificate.signals
    assert (expiry.warning, expiry.critical, expiry.direction) == (20 * 86400, 3 * 86400, "below")


@pytest.mark.parametrize("content", [b"", b"x" * (1024 * 1024 + 1), b"\x30\x82\xff\xff" + bytes(100), b"\xff" * 64])
def test_rubbish_is_refused(content: bytes, tmp_path: Path) -> None:
    assert probe("certificate", **written(tmp_path, content)).reason in ("invalid", "unreadable")


def test_a_private_key_in_place_of_a_certificate_is_quoted_nowhere(tmp_path: Path) -> None:
    key = certificates.pair().key.read_bytes()
    result = probe("certificate", **written(tmp_path, key))
    assert (result.reason, result.detail.endswith("holds no certificate, neither as PEM nor as DER")) == (
        "invalid",
        True,
    )


@pytest.mark.filterwarnings("ignore:Parsed a:UserWarning")
def test_no_flipped_byte_of_a_certificate_or_a_key_is_a_defect_of_ours(tmp_path: Path) -> None:
    pair, authority = certificates.pair(), certificates.authority()
    whole = x509.load_pem_x509_certificate(pair.certificate.read_bytes()).public_bytes(Encoding.DER)
    key = pair.key.read_bytes()
    file, other = tmp_path / "it.der", tmp_path / "it.key"
    reasons = set()
    for at in range(0, len(whole), 3):
        file.write_bytes(whole[:at] + bytes([whole[at] ^ 0xFF]) + whole[at + 1 :])
        reasons.add(probe("certificate", files=[str(file)], ca_file=str(authority), key_file=str(pair.key)).reason)
    for at in range(key.index(b"\n") + 1, key.rindex(b"\n-")):
        other.write_bytes(key[:at] + (b"A" if key[at : at + 1] != b"A" else b"B") + key[at + 1 :])
        reasons.add(probe("certificate", files=[str(pair.certificate)], key_file=str(other)).reason)
    assert {"invalid", "key"} <= reasons <= Certificate.reasons.keys() | {""}


def test_a_fifo_holds_nothing_up(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "it.pem")
    assert probe("certificate", files=[str(tmp_path / "it.pem")], timeout=1.0).reason == "unreadable"


@pytest.mark.parametrize(
    "fields,message",
    [
        ({"files": []}, "length >= 1"),
        ({"files": [""]}, "files: a file has a name"),
        ({"files": ["a", "b"], "key_file": "k"}, "key_file: belongs to one file"),
        ({"files": ["*.pem"], "key_file": "k"}, "key_file: belongs to one file"),
        ({"files": ["a"], "bundle": True, "ca_file": "c"}, "bundle: has no ca_file"),
    ],
)
def test_a_bad_configuration_is_refused(fields: dict[str, Any], message: str) -> None:
    with pytest.raises(msgspec.ValidationError, match=message):
        component("certificate", **fields)
