"""The prober `http`: asks, follows redirects, and judges status, headers, body, version and TLS of the response."""

import asyncio
import email.utils
import re
import time
from typing import cast

from exporter.blackbox import tls
from exporter.blackbox.address import choose
from exporter.blackbox.exchange import Response
from exporter.blackbox.family import DNS_LOOKUP_TIME, FAILED_DUE_TO_REGEX, gauge
from exporter.blackbox.http_request import Hop, Wanted, parsed
from exporter.blackbox.http_settings import HTTPSettings
from exporter.blackbox.http_trip import PHASE, Trip
from exporter.blackbox.run import Failed, Run
from exporter.probe import Down
from exporter.probes._http_request import Target

CONTENT_LENGTH = gauge("probe_http_content_length", "Length of http content response")
BODY_LENGTH = gauge("probe_http_uncompressed_body_length", "Length of uncompressed response body")
REDIRECTS = gauge("probe_http_redirects", "The number of redirects")
SSL = gauge("probe_http_ssl", "Indicates if SSL was used for the final redirect")
STATUS = gauge("probe_http_status_code", "Response HTTP status code")
VERSION = gauge("probe_http_version", "Returns the version of HTTP of the probe response")
LAST_MODIFIED = gauge(
    "probe_http_last_modified_timestamp_seconds", "Returns the Last-Modified HTTP response header in unixtime"
)
_SCHEME = re.compile(r"https?://", re.IGNORECASE)
_DATE = re.compile(r"[A-Z][a-z]{2,8},? .* GMT|[A-Z][a-z]{2} [A-Z][a-z]{2} [ \d]\d [\d:]{8} \d{4}")


async def probe(run: Run) -> bool:
    settings = run.module.http
    run.register(CONTENT_LENGTH, BODY_LENGTH, REDIRECTS, SSL, STATUS, VERSION, FAILED_DUE_TO_REGEX)
    try:
        to = parsed(run.target if _SCHEME.match(run.target) else f"http://{run.target}")
    except ValueError as error:
        run.fail("Could not parse target URL", err=error)
    address = ""
    if settings.proxy_url and settings.skip_resolve_phase_with_proxy:
        run.access.check_name(to.host)
    else:
        try:
            address = await choose(run, to.host, settings)
        finally:
            run.set(PHASE, run.values[DNS_LOOKUP_TIME, ()], "resolve")
    if settings.tls_config.ca_file or settings.tls_config.cert_file:
        tls.context(settings.tls_config)  # a file that is missing is told before anything is asked
    for phase in ("connect", "tls", "processing", "transfer"):
        run.set(PHASE, 0.0, phase)
    wanted = Wanted(settings, to.credentials)
    # As blackbox has it, the address stands in the URL, and the name in the Host header.
    numeric = Target(to.scheme, address or to.host, to.port, to.asked)
    name = wanted.host or to.host
    hop = Hop(numeric, address, wanted.host or to.authority, name, settings.method or "GET", ours=True)
    trip = Trip(run, settings, wanted, to)
    answer: Response | None = None
    success = False
    try:
        try:
            answer, readable = await trip.response(hop)
        finally:
            run.set(REDIRECTS, float(trip.redirects))
        success = await _judge(run, settings, answer, readable=readable)
    except Failed as failed:
        run.error(failed.message, **failed.pairs)
    except TimeoutError:
        run.error("Error for HTTP request", err="context deadline exceeded")
    finally:
        if answer is not None and trip.over_tls and trip.transport is not None:
            run.set(SSL, 1.0)
            tls.show(run, cast("asyncio.Transport", trip.transport), tls.HTTP)
        trip.close()
    return _judge_tls(run, settings, success, over_tls=answer is not None and trip.over_tls)


async def _judge(run: Run, settings: HTTPSettings, answer: Response, *, readable: bool) -> bool:
    """Whether the response is as it should be; reads its body, unless it is that of a redirect not followed."""
    run.set(STATUS, float(answer.status))
    run.set(CONTENT_LENGTH, float(answer.content_length))
    run.set(VERSION, float(answer.version.removeprefix("HTTP/")))
    success = _status_is_right(run, settings, answer.status)
    if success and (settings.fail_if_header_matches or settings.fail_if_header_not_matches):
        success = _headers_are_right(run, settings, answer)
        run.set(FAILED_DUE_TO_REGEX, float(not success))
    # The body of a redirect that is not followed can't be read any more, unless there is none.
    body: bytes | None = None if readable or answer.content_length else b""
    try:
        if readable and answer.complete:
            body = await answer.end()
        elif readable:
            async with asyncio.timeout_at(run.deadline):
                body = await answer.end()
    except Failed as failed:
        run.error(failed.message, **failed.pairs)
    except TimeoutError:
        run.error("Failed to read HTTP response body", err="context deadline exceeded")
    if success and (settings.matching or settings.not_matching):
        success = body is not None and await _body_is_right(run, settings, body)
        run.set(FAILED_DUE_TO_REGEX, float(not success))
    if readable:
        success = success and body is not None
        run.set(BODY_LENGTH, float(min(answer.body.size, settings.limit or answer.body.size)))
    run.add(PHASE, max(0.0, time.monotonic() - answer.began), "transfer")
    for date in answer.values(b"last-modified")[:1]:
        if (at := _seconds(date)) is not None:
            run.set(LAST_MODIFIED, at)
    if settings.valid_http_versions and answer.version not in settings.valid_http_versions:
        run.error("Invalid HTTP version number", version=answer.version)
        success = False
    return success


def _status_is_right(run: Run, settings: HTTPSettings, status: int) -> bool:
    if settings.valid_status_codes:
        if status in settings.valid_status_codes:
            return True
        run.error(
            "Invalid HTTP response status code", status_code=status, valid_status_codes=settings.valid_status_codes
        )
        return False
    if 200 <= status < 300:
        return True
    run.error("Invalid HTTP response status code, wanted 2xx", status_code=status)
    return False


def _headers_are_right(run: Run, settings: HTTPSettings, answer: Response) -> bool:
    for wrong, matches in ((True, settings.fail_if_header_matches), (False, settings.fail_if_header_not_matches)):
        for match in matches:
            values = answer.values(match.header.lower().encode("utf-8", "replace"))
            if not values and not match.allow_missing:
                run.error("Missing required header", header=match.header)
                return False
            if values and any(map(match.regex.found, values)) == wrong:
                said = "Header matched regular expression" if wrong else "Header did not match regular expression"
                run.error(said, header=match.header, regexp=match.regexp, value_count=len(values))
                return False
    return True


async def _body_is_right(run: Run, settings: HTTPSettings, body: bytes) -> bool:
    try:
        for regex in settings.matching:
            if await regex.found_in_body(body, run.deadline):
                run.error("Body matched regular expression", regexp=regex.text)
                return False
        for regex in settings.not_matching:
            if not await regex.found_in_body(body, run.deadline):
                run.error("Body did not match regular expression", regexp=regex.text)
                return False
    except Down as hung:
        run.error("Error reading HTTP body", err=hung.detail)
        return False
    return True


def _judge_tls(run: Run, settings: HTTPSettings, success: bool, *, over_tls: bool) -> bool:
    if over_tls and settings.fail_if_ssl:
        run.error("Final request was over SSL")
        return False
    if not over_tls and settings.fail_if_not_ssl:
        run.error("Final request was not over SSL")
        return False
    return success


def _seconds(date: str) -> float | None:
    """A date in one of HTTP's three forms (RFC 9110, 5.6.7) in Unix seconds."""
    found = email.utils.parsedate_tz(date) if _DATE.fullmatch(date) else None
    try:
        return None if found is None else float(email.utils.mktime_tz(found))
    except (ValueError, OverflowError):
        return None
