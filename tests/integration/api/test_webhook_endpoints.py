"""Operators register webhooks, change them, and see what came of each attempt."""

from __future__ import annotations

import base64
from uuid import uuid4

import pytest

from kit.pool import Pool
from tests.integration.api.test_http import metric
from tests.support.api_client import Api, Json, Viewer, operation

URL = "https://receiver.example.com/hooks"


def a_webhook(**changes: object) -> Json:
    return {"idempotencyKey": str(uuid4()), "url": URL, "patterns": ["order.*"]} | changes


async def registered(operator: Viewer, **changes: object) -> Json:
    payload = await operator.run("RegisterWebhook", input=a_webhook(**changes))
    assert payload["userErrors"] == []
    return payload


async def count(pool: Pool) -> int:
    return int(await pool.fetchval("SELECT count(*) FROM eventstore.webhook_endpoint"))


async def test_a_webhook_is_registered_once_and_its_secret_shown_once(api: Api) -> None:
    operator, request = api.viewer("operator"), a_webhook(description="The warehouse")
    first = await operator.run("RegisterWebhook", input=request)
    again = await operator.run("RegisterWebhook", input=request)
    assert first["secret"].startswith("whsec_")
    assert len(base64.b64decode(first["secret"].removeprefix("whsec_"))) == 32
    assert again == first | {"secret": None}
    webhook = first["webhook"]
    assert (webhook["url"], webhook["patterns"]) == (URL, ["order.*"])
    assert (webhook["createdBy"], webhook["disabled"]) == (f"operator:{operator.sub}", None)
    shown = await operator.run("Webhook", id=webhook["id"])
    assert first["secret"] not in str(shown)
    assert shown["attempts"]["edges"] == []


async def test_the_key_of_another_webhook_is_refused(api: Api) -> None:
    operator, request = api.viewer("operator"), a_webhook()
    await operator.run("RegisterWebhook", input=request)
    payload = await operator.run("RegisterWebhook", input=request | {"patterns": ["payment.*"]})
    assert [e["code"] for e in payload["userErrors"]] == ["IDEMPOTENCY_KEY_REUSED"]
    assert payload["userErrors"][0]["field"] == ["input", "idempotencyKey"]
    assert (payload["webhook"], payload["secret"]) == (None, None)


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"url": "http://receiver.example.com/"}, "url"),
        ({"url": "https://user:secret@receiver.example.com/"}, "url"),
        ({"url": "https://internal.example.com/"}, "url"),
        ({"url": "https://127.0.0.1/"}, "url"),
        ({"url": "https://unknown.example.com/"}, "url"),
        ({"url": "no url"}, "url"),
        ({"patterns": []}, "patterns"),
        ({"patterns": ["nope.*"]}, "patterns"),
        ({"patterns": ["order.Nope"]}, "patterns"),
        ({"description": "a" * 201}, "description"),
        ({"description": "two\nlines"}, "description"),
        ({"idempotencyKey": "no key"}, "idempotencyKey"),
    ],
)
async def test_bad_input_names_its_field_and_changes_nothing(
    api: Api, module_pool: Pool, changes: Json, field: str
) -> None:
    before = await count(module_pool)
    payload = await api.viewer("operator").run("RegisterWebhook", input=a_webhook(**changes))
    (error,) = payload["userErrors"]
    assert (error["code"], error["field"]) == ("INVALID_INPUT", ["input", field])
    assert "secret@" not in error["message"]
    assert payload["webhook"] is None
    assert await count(module_pool) == before


async def test_an_update_that_is_refused_changes_nothing(api: Api) -> None:
    operator = api.viewer("operator")
    before = (await registered(operator))["webhook"]
    payload = await operator.run(
        "UpdateWebhook", id=before["id"], url="https://internal.example.com/", description="New"
    )
    assert [(e["code"], e["field"]) for e in payload["userErrors"]] == [("INVALID_INPUT", ["url"])]
    shown = await operator.run("Webhook", id=before["id"])
    assert {name: shown[name] for name in before} == before


async def test_a_webhook_is_disabled_and_enabled(api: Api) -> None:
    operator = api.viewer("operator")
    webhook_id = (await registered(operator))["webhook"]["id"]
    for _ in range(2):
        disabled = (await operator.run("DisableWebhook", id=webhook_id))["webhook"]["disabled"]
        assert (disabled["cause"], disabled["actor"]) == ("OPERATOR", f"operator:{operator.sub}")
    test = {"idempotencyKey": "test-1", "id": webhook_id}
    refused = await operator.run("TestWebhook", input=test)
    assert [(e["code"], e["field"]) for e in refused["userErrors"]] == [
        ("WRONG_STATE", ["input", "id"])
    ]
    assert (await operator.run("EnableWebhook", id=webhook_id))["webhook"]["disabled"] is None
    sent = await operator.run("TestWebhook", input=test)
    assert (await operator.run("TestWebhook", input=test)) == sent
    assert (await operator.run("Webhook", id=webhook_id))["waiting"] == 1


async def test_a_rotation_keeps_the_old_secret_for_a_day_and_is_not_begun_twice(api: Api) -> None:
    operator = api.viewer("operator")
    first = await registered(operator)
    request = {"idempotencyKey": "rotate-1", "id": first["webhook"]["id"]}
    rotated = await operator.run("RotateWebhookSecret", input=request)
    assert rotated["secret"] not in {None, first["secret"]}
    new, old = rotated["webhook"]["secrets"]
    assert new["expiresAt"] is None
    assert old["expiresAt"] is not None
    assert (await operator.run("RotateWebhookSecret", input=request))["secret"] is None

    other = request | {"idempotencyKey": "rotate-2"}
    refused = await operator.run("RotateWebhookSecret", input=other)
    assert [e["code"] for e in refused["userErrors"]] == ["WRONG_STATE"]
    at_once = await operator.run("RotateWebhookSecret", input=other | {"expireOldNow": True})
    assert len(at_once["webhook"]["secrets"]) == 1
    assert at_once["secret"] not in {None, rotated["secret"]}


async def test_a_replay_moves_the_position_within_the_log(api: Api) -> None:
    operator = api.viewer("operator")
    webhook_id = (await registered(operator))["webhook"]["id"]
    one, beyond = api.position(1), api.position(10**12)
    moved = await operator.run("ReplayWebhook", id=webhook_id, **{"from": one})
    assert moved["webhook"]["position"] == one
    refused = await operator.run("ReplayWebhook", id=webhook_id, **{"from": beyond})
    assert [(e["code"], e["field"]) for e in refused["userErrors"]] == [("INVALID_INPUT", ["from"])]
    assert (await operator.run("Webhook", id=webhook_id))["position"] == one


@pytest.mark.parametrize("webhook_id", ["00000000-0000-4000-8000-000000000000", "nope", ""])
async def test_an_unknown_webhook_is_not_found(api: Api, webhook_id: str) -> None:
    operator = api.viewer("operator")
    for name in ("DisableWebhook", "EnableWebhook", "UpdateWebhook"):
        payload = await operator.run(name, id=webhook_id)
        assert [(e["code"], e["field"]) for e in payload["userErrors"]] == [("NOT_FOUND", ["id"])]
    payload = await operator.run(
        "RotateWebhookSecret", input={"idempotencyKey": "rotate", "id": webhook_id}
    )
    assert [e["code"] for e in payload["userErrors"]] == ["NOT_FOUND"]
    answer = await operator.ask(operation("Webhook"), id=webhook_id)
    assert answer["data"] == {"webhook": None}


async def test_webhooks_and_attempts_are_read_in_pages(api: Api, module_pool: Pool) -> None:
    operator = api.viewer("operator")
    ids = [(await registered(operator))["webhook"]["id"] for _ in range(3)]
    seen, after = [], None
    while True:
        page = await operator.run("Webhooks", first=2, after=after)
        seen += [edge["node"]["id"] for edge in page["edges"]]
        after = page["pageInfo"]["endCursor"]
        if not page["pageInfo"]["hasNextPage"]:
            break
    assert seen[-3:] == ids

    await module_pool.execute(
        "INSERT INTO eventstore.webhook_attempt (endpoint_id, event_id, event_type, position, at,"
        " duration, outcome, status) SELECT $1, gen_random_uuid(), 'T', n, clock_timestamp(),"
        " '41 ms', 'rejected', 400 + n FROM generate_series(1, 3) AS n",
        ids[0],
    )
    first = (await operator.run("Webhook", id=ids[0], first=2))["attempts"]
    assert [edge["node"]["status"] for edge in first["edges"]] == [403, 402]
    assert first["edges"][0]["node"]["durationMs"] == 41
    after = first["pageInfo"]["endCursor"]
    rest = (await operator.run("Webhook", id=ids[0], first=2, after=after))["attempts"]
    assert [edge["node"]["status"] for edge in rest["edges"]] == [401]
    answer = await operator.ask(operation("Webhook"), id=ids[1], after=after)
    assert answer["errors"][0]["extensions"]["code"] == "BAD_USER_INPUT"


@pytest.mark.parametrize(
    ("name", "variables"),
    [
        ("Webhooks", {}),
        ("Webhook", {"id": str(uuid4())}),
        ("RegisterWebhook", {"input": a_webhook()}),
        ("UpdateWebhook", {"id": str(uuid4())}),
        ("DisableWebhook", {"id": str(uuid4())}),
        ("EnableWebhook", {"id": str(uuid4())}),
        ("RotateWebhookSecret", {"input": {"idempotencyKey": "r", "id": str(uuid4())}}),
        ("TestWebhook", {"input": {"idempotencyKey": "t", "id": str(uuid4())}}),
    ],
)
async def test_customers_neither_see_nor_change_webhooks(
    api: Api, module_pool: Pool, name: str, variables: Json
) -> None:
    before = await count(module_pool)
    answer = await api.viewer("customer").ask(operation(name), **variables)
    assert [error["extensions"]["code"] for error in answer["errors"]] == ["FORBIDDEN"]
    assert await count(module_pool) == before


async def test_no_secret_is_in_the_database_in_clear(api: Api, module_pool: Pool) -> None:
    payload = await registered(api.viewer("operator"))
    secret = base64.b64decode(payload["secret"].removeprefix("whsec_"))
    stored = await module_pool.fetch("SELECT sealed FROM eventstore.webhook_secret")
    assert stored
    assert not any(secret in row["sealed"] for row in stored)


async def test_the_metrics_count_attempts_by_their_outcome(api: Api, module_pool: Pool) -> None:
    webhook_id = (await registered(api.viewer("operator")))["webhook"]["id"]
    name = 'waybill_webhook_attempts_total{outcome="timeout"}'
    before = await metric(api, name)
    await module_pool.execute(
        "UPDATE eventstore.webhook_endpoint SET disabled_at = clock_timestamp(),"
        " disabled_cause = 'GONE', outcomes = '{\"timeout\": 2}' WHERE id = $1",
        webhook_id,
    )
    assert await metric(api, name) == before + 2
    assert await metric(api, 'waybill_webhook_attempts_total{outcome="gone"}') == 0
    assert await metric(api, "waybill_webhooks_given_up") == 1
    assert await metric(api, "waybill_webhook_oldest_failing_seconds") == 0
