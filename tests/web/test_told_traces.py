"""Errors link to their traces: on the status page and in the API, by `forward.trace_url`, and only where there is one."""

from typing import Any

import msgspec
import pytest

from exporter.config import load
from exporter.config.onward import Forward
from exporter.web.page import POLICY
from exporter.web.traced import links
from tests.web.client import ask, bearer
from tests.web.kept import Rows, group
from tests.web.stand import TOKEN, Stand, stand
from tests.web.test_page import Parsed

ONE, TRACE, OTHER = f"{1:032x}", "cd" * 16, "ab" * 16
URL = "https://grafana.example/explore?left={trace_id}&x=\"<b>'&y={trace_id}"


def told(s: Stand, **fields: Any) -> Rows:
    text = msgspec.json.encode({"forward": {"trace_url": URL, **fields}}).decode()
    rows = Rows()
    rows.all_groups = [group(1, trace_id=OTHER)]
    s.use(records=rows, config=load(text, source="test", environ={}))
    return rows


def at(trace_id: str) -> str:
    return URL.replace("{trace_id}", trace_id)


async def linked_to(s: Stand) -> list[dict[str, str | None]]:
    reply = await ask(s.port, "GET /", bearer(TOKEN))
    assert reply.headers["content-security-policy"] == POLICY
    return [attributes for tag, attributes in Parsed(reply.text).found if tag == "a" and "rel" in attributes]


async def test_an_error_links_to_the_trace_of_its_latest_occurrence_else_to_the_last_that_had_one() -> None:
    async with stand() as s:
        rows = told(s)
        assert await linked_to(s) == [{"href": at(TRACE), "rel": "noreferrer noopener"}]
        for kept in ([msgspec.structs.replace(rows.kept[0], trace_id="")], []):
            rows.kept = kept
            assert await linked_to(s) == [{"href": at(OTHER), "rel": "noreferrer noopener"}]
        rows.all_groups = [group(1)]
        assert await linked_to(s) == []


async def test_groups_and_occurrences_of_the_api_carry_the_trace_and_its_address() -> None:
    async with stand() as s:
        told(s)

        async def data(target: str) -> Any:
            return (await ask(s.port, f"GET /api/v1/{target}", bearer(TOKEN))).json["data"]

        mine, latest = {"trace_id": OTHER, "trace_url": at(OTHER)}, {"trace_id": TRACE, "trace_url": at(TRACE)}
        whole = await data(f"errors/{ONE}")
        for found, traced in (
            ((await data("errors"))[0], mine),
            (whole, mine),
            (whole["latest"], latest),
            ((await data(f"errors/{ONE}/occurrences"))[0], latest),
            (await data(f"occurrences/{ONE}"), latest),
        ):
            assert traced.items() <= found.items()


@pytest.mark.parametrize(
    "trace_id", ["", "x" * 32, "../" + "a" * 29, "a" * 31, "a" * 33, "0" * 32, "é" * 32, "１" * 32, '"><' * 11]
)
async def test_what_is_no_trace_id_is_a_text_without_a_link(trace_id: str) -> None:
    async with stand() as s:
        rows = told(s)
        rows.kept = [msgspec.structs.replace(rows.kept[0], trace_id=trace_id)]
        rows.all_groups = [group(1)]
        assert await linked_to(s) == []
        reply = (await ask(s.port, f"GET /api/v1/occurrences/{ONE}", bearer(TOKEN))).json["data"]
        assert (reply["trace_id"], reply["trace_url"]) == (trace_id, "")


async def test_without_a_template_it_is_a_text() -> None:
    async with stand() as s:
        told(s)
        s.use(config=load(None, source="test", environ={}))
        assert await linked_to(s) == []
        assert TRACE in Parsed((await ask(s.port, "GET /", bearer(TOKEN))).text).text


def test_an_id_in_capitals_is_the_same_trace() -> None:
    assert links(Forward(trace_url="https://x/{trace_id}"))(TRACE.upper()) == f"https://x/{TRACE}"


async def test_a_trace_that_sampling_left_out_is_a_text() -> None:
    back_end = {"endpoint": "http://127.0.0.1:4318"}
    low, high = f"{0x7FFFFFFFFFFFFF:032x}", f"{0x80000000000000:032x}"
    async with stand() as s:
        rows = told(s, traces=[back_end], sample_ratio=0.5)
        for trace_id, linked in ((low, False), (high, True)):
            rows.kept = [msgspec.structs.replace(rows.kept[0], trace_id=trace_id)]
            assert [one["href"] for one in await linked_to(s)] == [at(trace_id)] * linked
            assert trace_id in Parsed((await ask(s.port, "GET /", bearer(TOKEN))).text).text
        rows = told(s, sample_ratio=0.5)  # where no traces are forwarded, another chooses which are kept
        rows.kept = [msgspec.structs.replace(rows.kept[0], trace_id=low)]
        assert [one["href"] for one in await linked_to(s)] == [at(low)]
