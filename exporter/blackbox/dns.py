"""The prober `dns`: asks one question, and judges the records of the answer by regular expressions."""

import asyncio
import time
from collections.abc import Sequence

from exporter.blackbox import tls
from exporter.blackbox.address import choose, source
from exporter.blackbox.connection import connected, said
from exporter.blackbox.family import DNS_LOOKUP_TIME, gauge
from exporter.blackbox.run import Failed, Run, host_and_port
from exporter.blackbox.settings import CLASSES, DNS, RCODES, Records
from exporter.probe import Down
from exporter.probes import _dns_records
from exporter.probes._dns_exchange import Stream, by_datagram, by_stream
from exporter.probes._dns_message import ANY, IN, SOA, Message, Query

DURATION = gauge("probe_dns_duration_seconds", "Duration of DNS request by phase", "phase")
ANSWERS = gauge("probe_dns_answer_rrs", "Returns number of entries in the answer resource record list")
AUTHORITIES = gauge("probe_dns_authority_rrs", "Returns number of entries in the authority resource record list")
ADDITIONAL = gauge("probe_dns_additional_rrs", "Returns number of entries in the additional resource record list")
SUCCEEDED = gauge("probe_dns_query_succeeded", "Displays whether or not the query was executed successfully")
SERIAL = gauge("probe_dns_serial", "Returns the serial number of the zone")

DATAGRAM = 512
"""Bytes of a datagram at most: blackbox asks without EDNS, and takes no more."""


async def probe(run: Run) -> bool:
    settings = run.module.dns
    assert settings is not None  # noqa: S101 - as Module.__post_init__ found
    for phase in ("resolve", "connect", "request"):
        run.set(DURATION, 0.0, phase)
    run.register(ANSWERS, AUTHORITIES, ADDITIONAL, SUCCEEDED)
    try:
        host, port = host_and_port(run.target)
    except ValueError:
        host, port = run.target, "853" if settings.dns_over_tls else "53"
    address = await choose(run, host, settings)
    run.set(DURATION, run.values[DNS_LOOKUP_TIME, ()], "resolve")
    try:
        query = _query(settings)
        run.debug("Making DNS query", target=f"{address}:{port}", query=settings.query_name, type=query.type)
        message = await _asked(run, settings, host, address, port, query)
        texts = await _texts(message)
    except Down as down:
        run.fail("Error while sending a DNS query", err=down.detail)
    except OSError as error:
        if isinstance(error, TimeoutError) and error.errno is None:
            raise
        run.fail("Error while sending a DNS query", err=said(error))
    except ValueError as error:
        run.fail("Error while sending a DNS query", err=error)
    run.set(ANSWERS, len(message.answer))
    run.set(AUTHORITIES, len(message.authority))
    run.set(ADDITIONAL, len(message.additional))
    run.set(SUCCEEDED, 1.0)
    if query.type == SOA:
        run.register(SERIAL)
        for record in message.answer:
            if record.type == SOA:
                end = record.at + record.size  # before which are five numbers of four bytes
                run.set(SERIAL, int.from_bytes(record.wire[end - 20 : end - 16], "big"))
    valid = ("NOERROR",) if settings.valid_rcodes is None else settings.valid_rcodes
    if message.code not in {RCODES[name] for name in valid}:
        run.fail("Rcode is not one of the valid rcodes", rcode=message.code, string_rcode=message.rcode)
    for section, lines, wanted in zip(
        ("Answer", "Authority", "Additional"),
        texts,
        (settings.validate_answer_rrs, settings.validate_authority_rrs, settings.validate_additional_rrs),
        strict=True,
    ):
        run.debug(f"Validating {section} RRs")
        await _judge(run, lines, wanted, section)
    return True


def _query(settings: DNS) -> Query:
    """Raises ValueError."""
    type_ = _dns_records.number(settings.query_type) if settings.query_type else ANY
    name = _dns_records.name(settings.query_name)
    return Query(name, type_, CLASSES.get(settings.query_class, IN), recursion=settings.recursion_desired)


async def _asked(run: Run, settings: DNS, host: str, address: str, port: str, query: Query) -> Message:
    """The answer; sets how long it took. Raises Down, Failed, OSError, ValueError, TimeoutError."""
    local = source(settings.source_ip_address)
    where, began, sent = f"{address}:{port}", time.monotonic(), 0.0
    try:
        if not (port.isascii() and port.isdigit() and int(port) < 65536):
            raise ValueError(f"{port!r} is not a port")
        async with asyncio.timeout_at(run.deadline):
            if settings.transport_protocol != "tcp":
                sent = time.monotonic()
                message = await by_datagram(address, int(port), query, where, source=local[0] if local else "")
                if message.size > DATAGRAM:
                    raise Down("protocol", f"a datagram of {message.size} bytes")
                return message
            sock = await connected(address, int(port), local, run.deadline)
            transport, stream = await asyncio.get_running_loop().create_connection(lambda: Stream(where), sock=sock)
            try:
                if settings.dns_over_tls:
                    transport = await tls.handshake(run, transport, stream, settings.tls_config, host)
                sent = time.monotonic()
                return await by_stream(transport, stream, query, where)
            finally:
                transport.abort()
    finally:
        ended = time.monotonic()
        run.set(DURATION, (sent or ended) - began, "connect")
        run.set(DURATION, ended - sent if sent else 0.0, "request")


async def _texts(message: Message) -> Sequence[Sequence[str]]:
    """The records of each section as a zone file has them, by tabs. Raises Down."""
    found = []
    for section in (message.answer, message.authority, message.additional):
        held = await _dns_records.read(section, "a section")
        found.append([_dns_records.line(*both) for both in zip(section, held, strict=True)])
    return found


async def _judge(run: Run, lines: Sequence[str], wanted: Records, section: str) -> None:
    """Raises Failed."""
    regexes, failed = wanted.regexes, Failed(f"{section} RRs validation failed")
    for key in ("fail_if_not_matches_regexp", "fail_if_none_matches_regexp"):
        if not lines and regexes[key]:
            run.error(f"{key} specified but no RRs returned")
            raise failed
    all_match, any_match = True, False
    for number, line in enumerate(lines, 1):
        run.debug("Validating RR", rr=line)
        for regex in regexes["fail_if_matches_regexp"]:
            if regex.found(line):
                run.error("At least one RR matched regexp", regexp=regex.text, rr=line)
                raise failed
        all_match &= all(regex.found(line) for regex in regexes["fail_if_all_match_regexp"])
        for regex in regexes["fail_if_not_matches_regexp"]:
            if not regex.found(line):
                run.error("At least one RR did not match regexp", regexp=regex.text, rr=line)
                raise failed
        any_match |= any(regex.found(line) for regex in regexes["fail_if_none_matches_regexp"])
        if number % 64 == 0:
            await asyncio.sleep(0)
    if regexes["fail_if_all_match_regexp"] and not all_match:  # the other way round than its name, as blackbox has it
        run.error("Not all RRs matched regexp")
        raise failed
    if regexes["fail_if_none_matches_regexp"] and not any_match:
        run.error("None of the RRs did matched any regexp")
        raise failed
