"""No personal field of a placed order is in clear in what the system has written."""

from __future__ import annotations

import asyncio
import base64
import json
from pathlib import Path
from typing import Any, Final
from uuid import uuid4

import httpx
import nats
import pytest
from nats.js.api import ConsumerConfig, DeliverPolicy
from pydantic.alias_generators import to_camel
from temporalio.api.common.v1 import WorkflowExecution
from temporalio.api.workflowservice.v1 import GetWorkflowExecutionHistoryRequest
from temporalio.client import Client

from eventbus.nats.names import STREAM, SUBJECTS
from eventstore.privacy.search_key import SearchKey
from kit.eventually import eventually
from kit.local_http import local_client
from kit.pool import create_pool
from stack.system import System
from stack.tokens import Role
from tests.integration.privacy.conftest import ADDRESS, CONTACT, MARKERS, everything
from tests.support.api_client import Json, operation

CUSTOMER: Final = "marked"
UI_HISTORY: Final = "/api/v1/namespaces/default/workflows/order-{}/history"


@pytest.fixture(scope="module")
async def order_id(system: System) -> str:
    """The id of a completed order, sent to the address of the markers and with a note of them."""
    async with httpx.AsyncClient(base_url=system.url, timeout=20) as http:
        order = (await ask(system, http, "PlaceOrder", input=an_order()))["placeOrder"]["order"]
        note = {"idempotencyKey": str(uuid4()), "orderId": order["id"], "text": " ".join(MARKERS)}
        added = await ask(system, http, "AddOrderNote", role=Role.OPERATOR, input=note)
        assert added["addOrderNote"]["userErrors"] == []
        async with asyncio.timeout(30):
            while order["status"] != "COMPLETED":
                await asyncio.sleep(0.05)
                order = (await ask(system, http, "Order", id=order["id"]))["order"]
        await eventually(lambda: finds(system, http, order["id"]))
    return str(order["id"])


async def finds(system: System, http: httpx.AsyncClient, order_id: str) -> bool:
    """Return whether staff find the order by the customer's address, in other letters."""
    email = (CONTACT.email or "").title()
    answer = await ask(system, http, "OrdersByEmail", role=Role.OPERATOR, email=email)
    return order_id in {edge["node"]["id"] for edge in answer["orders"]["edges"]}


def digest(system: System) -> str:
    key = base64.b64decode(system.environment["WAYBILL_SEARCH_KEY"])
    return SearchKey(key).email_digest(CONTACT.email or "")


async def text_of_tables(system: System) -> str:
    async with await create_pool(system.environment["WAYBILL_DATABASE_URL"], size=2) as pool:
        return await everything(pool)


async def test_no_table_holds_the_address(system: System, order_id: str) -> None:
    text = await text_of_tables(system)
    assert order_id in text
    assert found_in(text) == []


async def test_no_history_of_temporal_holds_the_address(system: System, order_id: str) -> None:
    client = await Client.connect(system.environment["WAYBILL_TEMPORAL_ADDRESS"])
    request = GetWorkflowExecutionHistoryRequest(
        namespace="default", execution=WorkflowExecution(workflow_id=f"order-{order_id}")
    )
    answer = await client.workflow_service.get_workflow_execution_history(request)
    raw = answer.SerializeToString()
    assert len(answer.history.events) > 5
    assert found_in(raw.decode(errors="replace")) == []


async def test_no_message_of_the_bus_holds_the_address(system: System, order_id: str) -> None:
    async with asyncio.timeout(20):
        messages = await messages_until(system, f"order-{order_id}", "OrderCompleted")
    assert found_in("\n".join(messages)) == []
    assert digest(system) not in "\n".join(messages)


async def test_no_log_of_any_process_holds_the_address(system: System, order_id: str) -> None:
    del order_id
    logs = list((Path(system.environment["WAYBILL_DATA_DIR"]) / "logs").glob("*.log*"))
    assert {"api.log", "worker-1.log", "postgres.log", "temporal.log"} <= {log.name for log in logs}
    text = "\n".join(log.read_text(errors="replace") for log in logs)
    assert found_in(text) == []
    assert digest(system) not in text


async def test_the_web_uis_own_api_shows_ciphertext_and_the_codec_shows_the_address(
    system: System, order_id: str
) -> None:
    async with local_client(base_url=system.temporal_ui_url) as ui:
        settings = (await ui.get("/api/v1/settings")).json()
        history = (await ui.get(UI_HISTORY.format(order_id))).json()
    assert settings["Codec"]["Endpoint"] == f"{system.url}/codec"
    payloads = payloads_in(history)
    assert len(payloads) > 2
    assert found_in(json.dumps(history) + "".join(map(data_of, payloads))) == []

    headers = {"origin": system.temporal_ui_url, "x-namespace": "default"}
    async with local_client() as browser:
        url = f"{settings['Codec']['Endpoint']}/decode"
        answer = await browser.post(url, json={"payloads": payloads}, headers=headers)
    assert answer.headers["access-control-allow-origin"] == system.temporal_ui_url
    decoded = [data_of(payload) for payload in answer.json()["payloads"]]
    assert found_in("".join(decoded)) == list(MARKERS)


async def test_after_an_erasure_no_personal_field_is_read_anywhere(
    system: System, order_id: str
) -> None:
    viewers = [(Role.CUSTOMER, CUSTOMER), (Role.OPERATOR, "eve")]
    async with httpx.AsyncClient(base_url=system.url, timeout=20) as http:
        for role, sub in viewers:
            read = await ask(system, http, "Order", role=role, sub=sub, id=order_id)
            assert found_in(json.dumps(read, ensure_ascii=False)) == list(MARKERS)
        assert digest(system) in await text_of_tables(system)
        request = {"idempotencyKey": str(uuid4()), "reason": "CUSTOMER_REQUEST"}
        erasure = {**request, "customerId": CUSTOMER}
        await ask(system, http, "EraseCustomer", role=Role.ADMIN, sub="joe", input=erasure)

        for role, sub in viewers:
            read = await ask(system, http, "Order", role=role, sub=sub, id=order_id)
            order = read["order"]
            assert (order["id"], order["shippingAddress"], order["contact"]) == (
                order_id,
                None,
                None,
            )
        assert not await finds(system, http, order_id)
    assert digest(system) not in await text_of_tables(system)
    await test_no_table_holds_the_address(system, order_id)
    await test_no_history_of_temporal_holds_the_address(system, order_id)
    await test_no_log_of_any_process_holds_the_address(system, order_id)


def found_in(text: str) -> list[str]:
    return [marker for marker in MARKERS if marker in text]


def payloads_in(value: Any) -> list[Json]:  # noqa: ANN401 - any JSON
    """Return every encrypted payload in the data, at any depth."""
    if isinstance(value, list):
        return [payload for item in value for payload in payloads_in(item)]
    if not isinstance(value, dict):
        return []
    if "data" in value and "encryption-key-id" in value.get("metadata", {}):
        return [value]
    return payloads_in(list(value.values()))


def data_of(payload: Json) -> str:
    return base64.b64decode(payload.get("data", "")).decode(errors="replace")


async def messages_until(system: System, subject: str, last: str) -> list[str]:
    """Return every message of the stream, up to this event of this aggregate."""
    connection = await nats.connect(system.environment["WAYBILL_NATS_URL"])
    try:
        everything_kept = ConsumerConfig(deliver_policy=DeliverPolicy.ALL)
        subscription = await connection.jetstream().subscribe(
            f"{SUBJECTS}.>", stream=STREAM, ordered_consumer=True, config=everything_kept
        )
        messages: list[str] = []
        while True:
            message = json.loads((await subscription.next_msg(timeout=20)).data)
            messages.append(json.dumps(message))
            if message["subject"] == subject and last in message["type"]:
                return messages
    finally:
        await connection.close()


async def ask(
    system: System,
    http: httpx.AsyncClient,
    name: str,
    *,
    role: Role = Role.CUSTOMER,
    sub: str = CUSTOMER,
    **variables: object,
) -> Json:
    headers = {"Authorization": f"Bearer {system.token(role, sub)}"}
    body = {"query": operation(name), "variables": variables}
    answer: Json = (await http.post("/graphql", json=body, headers=headers)).json()
    assert "errors" not in answer, answer
    data: Json = answer["data"]
    return data


def an_order() -> Json:
    return {
        "idempotencyKey": str(uuid4()),
        "lines": [{"sku": "TEA-01", "quantity": 1}],
        "paymentMethod": "pm_card_visa",
        "shippingAddress": {to_camel(k): v for k, v in ADDRESS.model_dump().items()},
        "contact": {to_camel(k): v for k, v in CONTACT.model_dump().items()},
    }
