"""Operators list the dead letters of consumer groups, redrive them and discard them."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator
from datetime import datetime
from typing import Any
from uuid import uuid4

import pytest

from kit.pool import Pool
from queries.dead_letters import MAX_BODY_SHOWN
from tests.integration.api.test_http import metric
from tests.support.api_client import Api, Json, Viewer, operation
from tests.support.letters import store_letter, store_waiting

REASON = "the address does not exist"
LETTERS = "SELECT id, state, attempts FROM eventstore.dead_letter ORDER BY id"
ACTIONS = """
    SELECT letter_id, group_name, key, message_id, action, actor, reason
    FROM eventstore.dead_letter_action ORDER BY id
"""


@pytest.fixture
async def letters(module_pool: Pool) -> AsyncIterator[Pool]:
    """The database, which has no letters when a test begins."""
    yield module_pool
    await module_pool.execute("DELETE FROM eventstore.dead_letter")
    await module_pool.execute("DELETE FROM eventstore.dead_letter_action")


@pytest.fixture
def operator(api: Api) -> Viewer:
    return api.viewer("operator")


async def rows(pool: Pool, statement: str) -> list[tuple[Any, ...]]:
    return [tuple(row) for row in await pool.fetch(statement)]


def ids(page: Json) -> list[str]:
    return [edge["node"]["id"] for edge in page["edges"]]


async def test_a_letter_shows_what_an_operator_decides_by(operator: Viewer, letters: Pool) -> None:
    event_id = uuid4()
    body = b'{"type": "waybill.OrderShipped.v1", "subject": "order-7"}'
    letter_id = await store_letter(letters, key="order-7", event_id=event_id, body=body)

    page = await operator.run("DeadLetters")

    [letter] = [edge["node"] for edge in page["edges"]]
    stored, first, last = (
        datetime.fromisoformat(letter.pop(name))
        for name in ("storedAt", "firstFailedAt", "lastFailedAt")
    )
    assert letter == {
        "id": str(letter_id),
        "group": "mailer",
        "stream": "order-7",
        "eventId": str(event_id),
        "eventType": "OrderShipped",
        "origin": "WAYBILL/17",
        "state": "DEAD",
        "attempts": 8,
        "cause": "ConnectionRefusedError",
        "nextTryAt": None,
        "body": body.decode(),
        "bodyBytes": len(body),
        "actions": [],
    }
    assert ((stored - first).total_seconds(), first) == (60, last)


async def test_a_message_that_was_never_tried_has_no_times_of_failure(
    operator: Viewer, letters: Pool
) -> None:
    await store_letter(letters)
    await store_waiting(letters)

    page = await operator.run("DeadLetters", state="WAITING")

    [letter] = [edge["node"] for edge in page["edges"]]
    shown = ("state", "attempts", "cause", "firstFailedAt", "lastFailedAt", "nextTryAt")
    assert [letter[name] for name in shown] == ["WAITING", 0, None, None, None, None]


async def test_bytes_that_are_no_text_and_long_bodies_are_shown_in_part(
    operator: Viewer, letters: Pool
) -> None:
    long = b"\xff\x00" + b"x" * MAX_BODY_SHOWN
    await store_letter(letters, event_type=None, body=long)

    page = await operator.run("DeadLetters")

    [letter] = [edge["node"] for edge in page["edges"]]
    assert letter["body"] == "\ufffd\x00" + "x" * (MAX_BODY_SHOWN - 2)
    assert letter["bodyBytes"] == MAX_BODY_SHOWN + 2
    assert letter["eventType"] is None


async def test_letters_are_paged_from_the_oldest_in_both_directions(
    operator: Viewer, letters: Pool
) -> None:
    stored = [str(await store_letter(letters, key=f"order-{n}")) for n in range(5)]

    first = await operator.run("DeadLetters", first=2, withTotalCount=True)
    second = await operator.run("DeadLetters", first=2, after=first["pageInfo"]["endCursor"])
    before = await operator.run("DeadLetters", last=3, before=second["edges"][1]["cursor"])
    last = await operator.run("DeadLetters", last=1)

    assert [ids(page) for page in (first, second, before, last)] == [
        *(stored[:2], stored[2:4], stored[:3], stored[4:]),
    ]
    assert first["totalCount"] == 5
    assert "totalCount" not in second
    sides = [
        (p["pageInfo"]["hasPreviousPage"], p["pageInfo"]["hasNextPage"]) for p in (first, last)
    ]
    assert sides == [(False, True), (True, False)]


async def test_letters_are_found_by_group_and_by_state(operator: Viewer, letters: Pool) -> None:
    dead = str(await store_letter(letters))
    waiting = str(await store_waiting(letters))
    retrying = str(await store_letter(letters, group="search", state="retrying", attempts=2))

    async def found(**wanted: str) -> tuple[list[str], int]:
        page = await operator.run("DeadLetters", withTotalCount=True, **wanted)
        return ids(page), page["totalCount"]

    assert await found() == ([dead, waiting, retrying], 3)
    assert await found(group="mailer") == ([dead, waiting], 2)
    assert await found(state="RETRYING") == ([retrying], 1)
    assert await found(group="mailer", state="DEAD") == ([dead], 1)
    assert await found(group="search", state="DEAD") == ([], 0)
    assert await found(group="no-such-group") == ([], 0)


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ({"group": "Mailer"}, "group: a name has up to 40 lower-case letters, digits and hyphens"),
        ({"group": "a\u0000"}, "group: a name has up to 40 lower-case letters, digits and hyphens"),
        ({"first": 0}, "first must be from 1 to 100"),
        ({"first": 1, "last": 1}, "pass first or last, not both"),
        ({"after": "MTI"}, "after: this is not a cursor of this list: pass one that the list"),
        ({"after": "ZGVhZCBsZXR0ZXI6LTE"}, "after: this is not a cursor of this list: pass one"),
    ],
)
async def test_arguments_that_can_find_nothing_are_refused_by_name(
    operator: Viewer, given: Json, says: str
) -> None:
    answer = await operator.ask(operation("DeadLetters"), **given)

    [error] = answer["errors"]
    assert error["extensions"] == {"code": "BAD_USER_INPUT"}
    assert error["message"].startswith(says)


async def test_a_redrive_lets_the_group_try_the_letter_at_once(
    operator: Viewer, letters: Pool, caplog: pytest.LogCaptureFixture
) -> None:
    event_id = uuid4()
    letter_id = await store_letter(letters, event_id=event_id)
    await store_waiting(letters)
    actor = f"operator:{operator.sub}"

    with caplog.at_level(logging.WARNING, "orchestrator.dead_letters"):
        payload = await operator.run("RedriveDeadLetter", id=str(letter_id))

    assert payload["userErrors"] == []
    assert (payload["action"]["kind"], payload["action"]["actor"]) == ("REDRIVEN", actor)
    assert (payload["letter"]["state"], payload["letter"]["attempts"]) == ("RETRYING", 0)
    assert payload["letter"]["actions"] == [payload["action"]]
    assert await rows(letters, LETTERS) == [
        *((letter_id, "retrying", 0), (letter_id + 1, "waiting", 0)),
    ]
    assert await rows(letters, ACTIONS) == [
        (letter_id, "mailer", "order-1", event_id, "redriven", actor, None)
    ]
    assert caplog.messages == [f"dead letter {letter_id}: redriven by {actor}"]


async def test_a_redrive_that_is_repeated_before_the_try_changes_nothing(
    operator: Viewer, letters: Pool
) -> None:
    letter_id = str(await store_letter(letters))
    first = await operator.run("RedriveDeadLetter", id=letter_id)

    again = await operator.ask(operation("RedriveDeadLetter"), id=letter_id)

    assert again["data"]["redriveDeadLetter"] == first
    assert again["extensions"]["idempotency"] == {"replayed": True}
    assert len(await rows(letters, ACTIONS)) == 1


async def test_acts_that_are_sent_twice_at_once_have_one_effect(
    operator: Viewer, letters: Pool
) -> None:
    letter_id = str(await store_letter(letters))

    redrives = [operator.run("RedriveDeadLetter", id=letter_id) for _ in range(5)]
    redriven = await asyncio.gather(*redrives)
    discards = [operator.run("DiscardDeadLetter", id=letter_id, reason=REASON) for _ in range(5)]
    discarded = await asyncio.gather(*discards)

    assert [payload["userErrors"] for payload in (*redriven, *discarded)] == [[]] * 10
    assert redriven == redriven[:1] * 5
    assert discarded == discarded[:1] * 5
    assert [row[4] for row in await rows(letters, ACTIONS)] == ["redriven", "discarded"]


async def test_a_letter_that_failed_again_is_redriven_again(
    operator: Viewer, letters: Pool
) -> None:
    letter_id = str(await store_letter(letters))
    await operator.run("RedriveDeadLetter", id=letter_id)
    await letters.execute("UPDATE eventstore.dead_letter SET attempts = 1")

    again = await operator.ask(operation("RedriveDeadLetter"), id=letter_id)

    assert again["data"]["redriveDeadLetter"]["letter"]["attempts"] == 0
    assert "idempotency" not in again.get("extensions", {})
    assert len(await rows(letters, ACTIONS)) == 2


async def test_a_letter_behind_another_one_cannot_be_redriven(
    operator: Viewer, letters: Pool
) -> None:
    await store_letter(letters)
    waiting = await store_waiting(letters)
    before = await rows(letters, LETTERS)

    payload = await operator.run("RedriveDeadLetter", id=str(waiting))

    assert payload == {
        "action": None,
        "letter": None,
        "userErrors": [
            {
                "code": "WRONG_STATE",
                "message": f"dead letter {waiting} waits behind an earlier one of its key: redrive"
                " or discard that one",
                "field": ["id"],
            }
        ],
    }
    assert (await rows(letters, LETTERS), await rows(letters, ACTIONS)) == (before, [])


async def test_a_discard_drops_the_letter_and_frees_its_stream(
    operator: Viewer, letters: Pool, caplog: pytest.LogCaptureFixture
) -> None:
    event_id = uuid4()
    letter_id = await store_letter(letters, event_id=event_id)
    next_one, last = [await store_waiting(letters) for _ in range(2)]
    actor = f"operator:{operator.sub}"

    with caplog.at_level(logging.WARNING, "orchestrator.dead_letters"):
        payload = await operator.run("DiscardDeadLetter", id=str(letter_id), reason=f"  {REASON} ")

    assert payload["userErrors"] == []
    assert payload["action"] | {"at": None} == {
        "letterId": str(letter_id),
        "kind": "DISCARDED",
        "actor": actor,
        "reason": REASON,
        "at": None,
    }
    assert await rows(letters, LETTERS) == [(next_one, "retrying", 0), (last, "waiting", 0)]
    assert await rows(letters, ACTIONS) == [
        (letter_id, "mailer", "order-1", event_id, "discarded", actor, REASON)
    ]
    assert caplog.messages == [f"dead letter {letter_id}: discarded by {actor}"]


async def test_a_discard_that_is_repeated_has_the_same_answer(
    operator: Viewer, letters: Pool
) -> None:
    given = {"id": str(await store_letter(letters)), "reason": REASON}
    first = await operator.run("DiscardDeadLetter", **given)

    again = await operator.ask(operation("DiscardDeadLetter"), **given)

    assert again["data"]["discardDeadLetter"] == first
    assert again["extensions"]["idempotency"] == {"replayed": True}
    assert len(await rows(letters, ACTIONS)) == 1


async def test_a_letter_that_is_gone_is_not_found_for_others(
    api: Api, operator: Viewer, letters: Pool
) -> None:
    letter_id = str(await store_letter(letters))
    await operator.run("DiscardDeadLetter", id=letter_id, reason=REASON)

    payloads = [
        await operator.run("DiscardDeadLetter", id=letter_id, reason="another reason"),
        await api.viewer("operator").run("DiscardDeadLetter", id=letter_id, reason=REASON),
        await operator.run("RedriveDeadLetter", id=letter_id),
    ]

    for payload in payloads:
        assert payload["action"] is None
        assert payload["userErrors"] == [
            {
                "code": "NOT_FOUND",
                "message": f"there is no dead letter {letter_id}: list them again",
                "field": ["id"],
            }
        ]
    assert len(await rows(letters, ACTIONS)) == 1


@pytest.mark.parametrize("letter_id", ["", "0", "-1", "1.0", "x", "1" * 19, "\u0661", "1\u0000"])
async def test_an_id_that_no_letter_has_is_not_found(
    operator: Viewer, letters: Pool, letter_id: str
) -> None:
    await store_letter(letters)
    before = await rows(letters, LETTERS)

    payloads = [
        await operator.run("RedriveDeadLetter", id=letter_id),
        await operator.run("DiscardDeadLetter", id=letter_id, reason=REASON),
    ]

    for payload in payloads:
        assert [(e["code"], e["field"]) for e in payload["userErrors"]] == [("NOT_FOUND", ["id"])]
    assert (await rows(letters, LETTERS), await rows(letters, ACTIONS)) == (before, [])


@pytest.mark.parametrize("reason", ["", "  ", "two\nlines", "x" * 501])
async def test_a_discard_needs_a_reason_of_one_line(
    operator: Viewer, letters: Pool, reason: str
) -> None:
    letter_id = str(await store_letter(letters))
    before = await rows(letters, LETTERS)

    payload = await operator.run("DiscardDeadLetter", id=letter_id, reason=reason)

    assert payload["action"] is None
    assert [(e["code"], e["field"]) for e in payload["userErrors"]] == [
        ("INVALID_INPUT", ["reason"])
    ]
    assert (await rows(letters, LETTERS), await rows(letters, ACTIONS)) == (before, [])


@pytest.mark.parametrize("name", ["DeadLetters", "RedriveDeadLetter", "DiscardDeadLetter"])
async def test_a_viewer_without_the_role_sees_and_changes_no_letter(
    api: Api, letters: Pool, name: str
) -> None:
    letter_id = await store_letter(letters)
    given = {} if name == "DeadLetters" else {"id": str(letter_id)}
    if name == "DiscardDeadLetter":
        given["reason"] = REASON

    answer = await api.viewer("customer").ask(operation(name), **given)

    assert answer["data"] is None
    [error] = answer["errors"]
    assert error["extensions"] == {"code": "FORBIDDEN"}
    assert error["message"].endswith(" is for operators: sign in as one")
    assert await rows(letters, LETTERS) == [(letter_id, "dead", 8)]
    assert await rows(letters, ACTIONS) == []


async def test_the_metrics_count_letters_by_group_and_state(api: Api, letters: Pool) -> None:
    for _ in range(2):
        await store_letter(letters, failed_seconds_ago=500)
    await store_waiting(letters)

    dead, waiting = (f'{{group="mailer",state="{state}"}}' for state in ("dead", "waiting"))
    assert await metric(api, f"waybill_dead_letters{dead}") == 2
    assert 500 <= await metric(api, f"waybill_dead_letter_oldest_seconds{dead}") < 560
    assert await metric(api, f"waybill_dead_letters{waiting}") == 1
    assert await metric(api, f"waybill_dead_letter_oldest_seconds{waiting}") == 0

    await letters.execute("DELETE FROM eventstore.dead_letter WHERE state = 'dead'")
    page = (await api.http.get("/metrics")).text
    assert f"waybill_dead_letters{dead}" not in page
    assert f"waybill_dead_letters{waiting} 1.0" in page
