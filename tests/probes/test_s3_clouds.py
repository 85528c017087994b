"""Google's and Azure's storage through obstore, both imitated: neither can run here."""

import asyncio
import json
import threading
import time
from pathlib import Path
from typing import Any

import pytest
import uvloop

from tests import certificates, hostile, probing
from tests.fakes.s3 import LISTING, error, response
from tests.probing import Memory, component, out, probe, readings

GOOGLE = {"url": "gs://uploads", "options": {"bearer_token": "the-bearer-token"}}
AZURE = {"url": "az://uploads", "options": {"account_name": "shop", "account_key": "dGhlLWFjY291bnQta2V5"}}
DATE = "<Last-Modified>Sun, 01 Nov 2026 00:00:00 GMT</Last-Modified>"


def google(*sizes: int, token: str = "") -> bytes:
    """ "GET Bucket" of Google's XML API, whose form is S3's."""
    objects = "".join(
        f"<Contents><Key>media/{n}</Key><LastModified>2026-11-01T00:00:00Z</LastModified><Size>{size}</Size></Contents>"
        for n, size in enumerate(sizes)
    )
    more = f"<NextContinuationToken>{token}</NextContinuationToken>" if token else ""
    return response(200, LISTING % (objects + more).encode(), connection="close")


def azure(*sizes: int, token: str = "") -> bytes:
    """ "List Blobs" of Azure's REST API."""
    blobs = "".join(
        f"<Blob><Name>media/{n}</Name><Properties>{DATE}<Content-Length>{size}</Content-Length>"
        "<Content-Type>x/y</Content-Type><Etag>1</Etag></Properties></Blob>"
        for n, size in enumerate(sizes)
    )
    body = f"<EnumerationResults><Blobs>{blobs}</Blobs><NextMarker>{token}</NextMarker></EnumerationResults>"
    return response(200, body.encode(), connection="close")


CLOUDS: dict[str, tuple[dict[str, Any], Any]] = {"google": (GOOGLE, google), "azure": (AZURE, azure)}
STAMP = {"etag": "1", "last_modified": "Sun, 01 Nov 2026 00:00:00 GMT", "x_ms_blob_type": "BlockBlob"}
# "Blob Batch" of Azure's REST API, by which obstore deletes even one.
BATCH = b"--b\r\nContent-Type: application/http\r\nContent-ID: 0\r\n\r\nHTTP/1.1 202 Accepted\r\nx-ms-version: 1\r\n\r\n--b--\r\n"
DELETED = {
    "google": response(204, connection="close"),
    "azure": response(202, BATCH, content_type="multipart/mixed; boundary=b", connection="close"),
}


@pytest.mark.parametrize("loop", [asyncio.run, uvloop.run])
@pytest.mark.parametrize("cloud", CLOUDS)
def test_a_bucket_is_listed_with_one_request(cloud: str, loop: Any) -> None:
    fields, listing = CLOUDS[cloud]
    with hostile.serving(hostile.says(listing(5))) as server:
        result = loop(probing.run("s3", endpoint=f"http://{server.address}", **fields))
    assert (result.outcome, result.detail, server.connections) == ("healthy", "", 1)
    assert b"uthorization: " in server.requests[0]


@pytest.mark.parametrize("cloud", CLOUDS)
def test_an_empty_bucket_is_up(cloud: str) -> None:
    fields, listing = CLOUDS[cloud]
    with hostile.serving(hostile.says(listing())) as server:
        assert probe("s3", endpoint=f"http://{server.address}", **fields).outcome == "healthy"


@pytest.mark.parametrize("cloud", CLOUDS)
def test_usage_is_the_sum_over_all_pages(cloud: str) -> None:
    fields, listing = CLOUDS[cloud]
    memory = Memory()

    async def watch(it: Any) -> None:
        task = asyncio.create_task(it.probe.watch(out(memory)))
        ends = time.monotonic() + 5
        while "usage" not in memory.kept and time.monotonic() < ends:
            await asyncio.sleep(0.005)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)

    pages = hostile.says(listing(5, 6, token="next")), hostile.says(listing(7))
    with hostile.serving(*pages) as server:
        fields = {**fields, "endpoint": f"http://{server.address}", "prefixes": {"media/": "100B"}}
        asyncio.run(watch(component("s3", **fields)))
        found = readings(probe("s3", memory=memory, **fields))
    assert found['stack_s3_used_bytes{prefix="media/"}'] == 18
    assert found['stack_s3_objects{prefix="media/"}'] == 3
    assert found['stack_s3_scan_complete{prefix="media/"}'] == 1


@pytest.mark.parametrize("cloud", CLOUDS)
@pytest.mark.parametrize("same", [True, False])
def test_a_canary_is_put_read_compared_and_deleted(cloud: str, same: bool) -> None:
    fields, listing = CLOUDS[cloud]
    written: list[bytes] = []

    def put(connection: Any, request: bytes) -> None:
        body = request.partition(b"\r\n\r\n")[2] or connection.recv(1 << 16)
        written.append(body)
        connection.sendall(response(201, connection="close", **STAMP))

    def get(connection: Any, request: bytes) -> None:
        body = written[0] if same else b"x" * 64
        connection.sendall(response(200, body, connection="close", **STAMP))

    with hostile.serving(hostile.says(listing(5)), put, get, hostile.says(DELETED[cloud])) as server:
        result = probe("s3", endpoint=f"http://{server.address}", canary=True, **fields)
    assert (result.outcome, result.reason) == (("healthy", "") if same else ("degraded", "canary")), result.detail
    assert [request.split(b" ")[0] for request in server.requests] == [
        *(b"GET", b"PUT", b"GET"),
        b"POST" if cloud == "azure" else b"DELETE",
    ]
    assert len(written[0]) == 64


REASONS: dict[str, hostile.Answer] = {
    "auth": hostile.says(error(401, "InvalidToken")),
    "permission": hostile.says(error(403, "AccessDenied")),
    "no_bucket": hostile.says(error(404, "NoSuchBucket")),
    "slow_down": hostile.says(error(503, "ServerBusy")),
    "server_error": hostile.says(error(500, "InternalError")),
    "unexpected": hostile.says(error(400, "InvalidArgument")),
    "reset": hostile.resets(),
    "closed": hostile.says(b""),
}


@pytest.mark.parametrize("cloud", CLOUDS)
@pytest.mark.parametrize("reason", REASONS)
def test_a_reason_is_given_for_what_obstore_says(reason: str, cloud: str) -> None:
    fields, _ = CLOUDS[cloud]
    with hostile.serving(REASONS[reason]) as server:
        result = probe("s3", endpoint=f"http://{server.address}", **fields)
    assert (result.reason, server.connections) == (reason, 1), result.detail
    assert result.detail.startswith(fields["url"])
    assert len(result.detail) <= 200


def test_where_nothing_listens_is_refused_and_what_has_no_address_resolve() -> None:
    assert probe("s3", endpoint=f"http://127.0.0.1:{hostile.unused()}", **AZURE).reason == "refused"
    assert probe("s3", endpoint="http://nowhere.invalid", **GOOGLE).reason == "resolve"


def test_a_file_of_keys_that_is_gone_is_auth_and_does_not_end_the_watch(tmp_path: Path) -> None:
    async def main(file: Path) -> None:
        it, memory = component("s3", url="gs://uploads", options={"service_account": str(file)}, quota="1GB"), Memory()
        file.unlink()
        result = await probing.run_once(it, memory, memory)
        assert (result.outcome, result.reason, "gs://uploads" in result.detail) == ("unhealthy", "auth", True)
        task = asyncio.create_task(it.probe.watch(out(memory)))
        await asyncio.sleep(0.05)
        assert not task.done()
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)

    file = tmp_path / "keys.json"
    file.write_text(json.dumps({"disable_oauth": True, "client_email": "", "private_key": "", "private_key_id": ""}))
    asyncio.run(main(file))


TLS: dict[str, certificates.Pair] = {"tls_untrusted": certificates.self_signed()}


@pytest.mark.parametrize("reason", TLS)
def test_a_certificate_that_is_not_trusted_is_told_from_other_failures(reason: str) -> None:
    with hostile.serving(hostile.says(google()), tls=TLS[reason].context(), ask=False) as server:
        result = probe("s3", endpoint=f"https://{server.address}", **GOOGLE)
    assert result.reason == reason, result.detail


def test_a_mute_server_is_a_timeout_that_leaves_no_request_behind() -> None:
    with hostile.serving(hostile.mute) as server:
        began = time.monotonic()
        result = probe("s3", endpoint=f"http://{server.address}", timeout=0.2, **GOOGLE)
        assert (result.reason, time.monotonic() - began < 1.0, server.connections) == ("timeout", True, 1)
        ends = time.monotonic() + 2
        while any("converse" in thread.name for thread in threading.enumerate()) and time.monotonic() < ends:
            time.sleep(0.01)
        assert [thread.name for thread in threading.enumerate() if "converse" in thread.name] == []


def test_without_obstore_the_configuration_says_which_extra_brings_it(monkeypatch: pytest.MonkeyPatch) -> None:
    import importlib.util

    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(ValueError, match=r"stack-exporter\[s3\]"):
        component("s3", **GOOGLE)
