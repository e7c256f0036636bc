"""Operators list the notices, and acknowledge them. Nobody else sees one."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from kit.pool import Pool
from tests.integration.api.test_http import metric
from tests.support.api_client import Api, Json, Viewer, operation
from tests.support.letters import store_letter
from tests.support.operator_notices import Operators, park, retry

NOTE = "I ask the provider."
ACKNOWLEDGEMENTS = """
    SELECT id::text, acknowledged_by, note FROM eventstore.operator_notice
    WHERE acknowledged_at IS NOT NULL ORDER BY id
"""


@pytest.fixture
async def operators(module_pool: Pool) -> AsyncIterator[Operators]:
    """A worker that keeps the notices. There are none when a test begins."""
    yield Operators(module_pool)
    for table in ("operator_notice", "operator_message", "dead_letter"):
        await module_pool.execute(f"DELETE FROM eventstore.{table}")  # noqa: S608 - our own words
    await module_pool.execute("DELETE FROM readmodel.parked_step")


@pytest.fixture
def operator(api: Api) -> Viewer:
    return api.viewer("operator")


def nodes(page: Json) -> list[Json]:
    return [edge["node"] for edge in page["edges"]]


def ids(page: Json) -> list[str]:
    return [node["id"] for node in nodes(page)]


async def acknowledgements(operators: Operators) -> list[tuple[str, str, str | None]]:
    return [tuple(row) for row in await operators.pool.fetch(ACKNOWLEDGEMENTS)]


async def test_a_notice_shows_its_cause_and_the_messages_that_said_it(
    api: Api, operator: Viewer, operators: Operators
) -> None:
    await api.log.place("n-1", number="W-NNNNNNNNN1")
    await park(api.log, "n-1")
    said = replace(operators, webhook_url="http://127.0.0.1:9/hook")
    await said.look()

    [notice] = nodes(await operator.run("OperatorNotices"))

    opened = datetime.fromisoformat(notice.pop("openedAt"))
    since = datetime.fromisoformat(notice.pop("since"))
    assert timedelta(0) <= opened - since < timedelta(minutes=5)
    notice_id = notice.pop("id")
    assert notice == {
        "kind": "PARKED_SAGA",
        "subject": "n-1",
        "orderNumber": "W-NNNNNNNNN1",
        "text": "The saga of order W-NNNNNNNNN1 is parked at capture: PROVIDER_REFUSED.",
        "closedAt": None,
        "acknowledged": None,
        "messages": [
            {
                "channel": "WEBHOOK",
                "isReminder": False,
                "state": "PENDING",
                "attempts": 0,
                "cause": None,
                "endedAt": None,
            }
        ],
    }
    assert int(notice_id) > 0


async def test_notices_are_paged_from_the_newest_and_found_by_their_state(
    api: Api, operator: Viewer, operators: Operators
) -> None:
    for number in range(4):
        await park(api.log, f"p-{number}")
        await operators.look()
    await retry(api.log, "p-1")
    await operators.look()

    first = await operator.run("OperatorNotices", first=3)
    rest = await operator.run("OperatorNotices", first=3, after=first["pageInfo"]["endCursor"])
    assert [node["subject"] for node in nodes(first) + nodes(rest)] == ["p-3", "p-2", "p-1", "p-0"]
    assert (first["pageInfo"]["hasNextPage"], rest["pageInfo"]["hasNextPage"]) == (True, False)

    still = nodes(await operator.run("OperatorNotices", open=True))
    ended = nodes(await operator.run("OperatorNotices", open=False))
    assert [node["subject"] for node in still] == ["p-3", "p-2", "p-0"]
    assert [node["subject"] for node in ended] == ["p-1"]
    assert ended[0]["closedAt"] is not None


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ({"first": 0}, "first must be from 1 to 100"),
        ({"after": "MTI"}, "after: this is not a cursor of this list"),
        ({"after": "ZGVhZCBsZXR0ZXI6MQ"}, "after: this is not a cursor of this list"),
    ],
)
async def test_arguments_that_can_find_nothing_are_refused_by_name(
    operator: Viewer, given: Json, says: str
) -> None:
    answer = await operator.ask(operation("OperatorNotices"), **given)
    [error] = answer["errors"]
    assert error["extensions"] == {"code": "BAD_USER_INPUT"}
    assert error["message"].startswith(says)


async def test_an_acknowledgement_names_its_operator(
    operator: Viewer, operators: Operators, caplog: pytest.LogCaptureFixture
) -> None:
    await store_letter(operators.pool)
    await operators.look()
    [notice_id] = ids(await operator.run("OperatorNotices"))
    actor = f"operator:{operator.sub}"

    with caplog.at_level(logging.INFO, "notifications.operators.acknowledging"):
        payload = await operator.run("AcknowledgeNotice", id=notice_id, note=f" {NOTE} ")

    assert payload["userErrors"] == []
    acknowledged = payload["notice"]["acknowledged"]
    assert (acknowledged["actor"], acknowledged["note"]) == (actor, NOTE)
    assert payload["notice"]["text"] == "The consumer group mailer has dead letters: 1."
    assert caplog.messages == [f"operator notice {notice_id}: acknowledged by {actor}"]


async def test_a_notice_keeps_its_first_acknowledgement(
    api: Api, operator: Viewer, operators: Operators
) -> None:
    await store_letter(operators.pool)
    await operators.look()
    [notice_id] = ids(await operator.run("OperatorNotices"))
    first = await operator.run("AcknowledgeNotice", id=notice_id)

    again = await operator.ask(operation("AcknowledgeNotice"), id=notice_id, note="other")
    others = await api.viewer("operator").ask(operation("AcknowledgeNotice"), id=notice_id)

    for answer in (again, others):
        assert answer["data"]["acknowledgeNotice"] == first
        assert answer["extensions"]["idempotency"] == {"replayed": True}
    assert first["notice"]["acknowledged"]["note"] is None
    assert await acknowledgements(operators) == [(notice_id, f"operator:{operator.sub}", None)]


async def test_of_acknowledgements_at_the_same_time_one_is_kept(
    api: Api, operator: Viewer, operators: Operators
) -> None:
    await store_letter(operators.pool)
    await operators.look()
    [notice_id] = ids(await operator.run("OperatorNotices"))

    viewers = [api.viewer("operator") for _ in range(5)]
    payloads = await asyncio.gather(*(v.run("AcknowledgeNotice", id=notice_id) for v in viewers))

    assert payloads == payloads[:1] * 5
    assert len(await acknowledgements(operators)) == 1


@pytest.mark.parametrize("notice_id", ["999999", "", "0", "-1", "x", "1" * 19, "\u0661", "1\u0000"])
async def test_an_id_that_no_notice_has_is_not_found(
    operator: Viewer, operators: Operators, notice_id: str
) -> None:
    await store_letter(operators.pool)
    await operators.look()

    payload = await operator.run("AcknowledgeNotice", id=notice_id)

    assert payload["notice"] is None
    assert [(e["code"], e["field"]) for e in payload["userErrors"]] == [("NOT_FOUND", ["id"])]
    assert await acknowledgements(operators) == []


async def test_a_notice_whose_cause_has_ended_is_not_acknowledged(
    operator: Viewer, operators: Operators
) -> None:
    await store_letter(operators.pool)
    await operators.look()
    [notice_id] = ids(await operator.run("OperatorNotices"))
    await operators.pool.execute("DELETE FROM eventstore.dead_letter")
    await operators.look()

    payload = await operator.run("AcknowledgeNotice", id=notice_id)

    [error] = payload["userErrors"]
    assert (error["code"], error["field"]) == ("WRONG_STATE", ["id"])
    assert error["message"].startswith(f"notice {notice_id} is closed")
    assert await acknowledgements(operators) == []


@pytest.mark.parametrize("note", ["", "  ", "two\nlines", "x" * 501])
async def test_a_note_is_one_line(operator: Viewer, operators: Operators, note: str) -> None:
    await store_letter(operators.pool)
    await operators.look()
    [notice_id] = ids(await operator.run("OperatorNotices"))

    payload = await operator.run("AcknowledgeNotice", id=notice_id, note=note)

    assert payload["notice"] is None
    assert [(e["code"], e["field"]) for e in payload["userErrors"]] == [("INVALID_INPUT", ["note"])]
    assert await acknowledgements(operators) == []


@pytest.mark.parametrize("name", ["OperatorNotices", "AcknowledgeNotice"])
async def test_a_customer_sees_and_acknowledges_no_notice(
    api: Api, operator: Viewer, operators: Operators, name: str
) -> None:
    await store_letter(operators.pool)
    await operators.look()
    [notice_id] = ids(await operator.run("OperatorNotices"))
    given = {"id": notice_id} if name == "AcknowledgeNotice" else {}

    answer = await api.viewer("customer").ask(operation(name), **given)

    assert answer["data"] is None
    [error] = answer["errors"]
    assert error["extensions"] == {"code": "FORBIDDEN"}
    assert error["message"].endswith(" is for operators: sign in as one")
    assert await acknowledgements(operators) == []


async def test_the_metrics_count_open_and_unacknowledged_notices_of_every_kind(
    api: Api, operator: Viewer, operators: Operators
) -> None:
    for group in ("mailer", "search"):
        await store_letter(operators.pool, group=group)
    await operators.look()
    notice_id = ids(await operator.run("OperatorNotices"))[0]
    await operator.run("AcknowledgeNotice", id=notice_id)

    async def figure(kind: str, state: str) -> float:
        labels = f'{{kind="{kind}",state="{state}"}}'
        return await metric(api, f"waybill_operator_notices{labels}")

    assert await figure("dead_letters", "open") == 2
    assert await figure("dead_letters", "unacknowledged") == 1
    assert await figure("parked_saga", "open") == 0
