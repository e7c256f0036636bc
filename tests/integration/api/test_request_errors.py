from __future__ import annotations

import logging
from uuid import UUID

import pytest
from temporalio.service import ServiceClient

from eventstore.positions import PositionCodec
from eventstore.privacy.keyring import Keyring
from orchestrator import translation
from queries.orders import OrderQueries
from tests.support.api_client import Api, Json, Viewer, operation
from tests.support.api_inputs import ADDRESS, an_order
from tests.support.temporal_calls import TEMPORAL_IS_AWAY

PLACE_ORDER = operation("PlaceOrder")


@pytest.fixture
def ada(api: Api) -> Viewer:
    return api.viewer()


def the_error(answer: Json) -> Json:
    (error,) = answer["errors"]
    assert isinstance(error, dict)
    return error


async def test_an_unexpected_error_is_an_id_to_the_client_and_a_stack_in_the_log(
    ada: Viewer, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    fault = RuntimeError("12 Mill Lane is in here")

    async def fail(*_: object) -> None:
        raise fault

    monkeypatch.setattr(OrderQueries, "get", fail)

    error = the_error(await ada.ask(PLACE_ORDER, input=an_order()))

    correlation_id = error["extensions"].pop("correlationId")
    assert str(UUID(correlation_id)) == correlation_id
    assert error["extensions"] == {"code": "INTERNAL"}
    assert error["message"] == f"internal error: report the id {correlation_id} to the operator"
    assert f"internal error {correlation_id}: RuntimeError" in caplog.text
    assert "Mill Lane" not in caplog.text


async def test_a_fault_after_an_order_was_sent_leaves_its_outcome_unknown(
    api: Api, ada: Viewer, caplog: pytest.LogCaptureFixture
) -> None:
    """The answer of Temporal cannot be read, for example."""
    api.temporal.failure = RuntimeError("12 Mill Lane is in here")

    error = the_error(await ada.ask(PLACE_ORDER, input=an_order()))

    correlation_id = error["extensions"].pop("correlationId")
    assert error["extensions"] == {"code": "OUTCOME_UNKNOWN"}
    assert error["message"] == (
        "the outcome is unknown: the request may have been carried out. Repeat it with the same"
        " idempotency key, which has no second effect; a new key could have one"
    )
    assert f"internal error {correlation_id}: RuntimeError" in caplog.text
    assert "Mill Lane" not in caplog.text


@pytest.mark.parametrize(
    "failure",
    [TEMPORAL_IS_AWAY, ConnectionRefusedError("10.0.0.7:5432")],
)
async def test_an_order_that_may_have_been_placed_has_an_unknown_outcome(
    api: Api, ada: Viewer, failure: Exception, caplog: pytest.LogCaptureFixture
) -> None:
    """The server went away after the request was sent, or before its order could be read."""
    api.temporal.failure = failure

    error = the_error(await ada.ask(PLACE_ORDER, input=an_order()))

    assert error["extensions"] == {"code": "OUTCOME_UNKNOWN"}
    assert error["message"] == (
        "the outcome is unknown: the request may have been carried out. Repeat it with the same"
        " idempotency key, which has no second effect; a new key could have one"
    )
    assert "10.0.0.7" not in caplog.text


async def test_an_order_that_temporal_has_not_received_is_surely_not_placed(
    api: Api, ada: Viewer, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    async def away(*_: object, **__: object) -> bool:
        raise TEMPORAL_IS_AWAY

    monkeypatch.setattr(ServiceClient, "check_health", away)
    monkeypatch.setattr(translation, "ANSWER_HOLDS_SECONDS", -1.0)
    api.temporal.forget()

    error = the_error(await ada.ask(PLACE_ORDER, input=an_order()))

    assert error["extensions"] == {"code": "UNAVAILABLE"}
    assert error["message"] == (
        "the service is temporarily unavailable and has changed nothing: try again"
    )
    assert api.temporal.workflow_ids == []
    assert "10.0.0.7" not in caplog.text


async def test_a_request_that_no_worker_answers_in_time_has_an_unknown_outcome(
    ada: Viewer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The repeat under the same key is the same order, and no second one."""
    order = an_order()
    monkeypatch.setattr(translation, "TIMEOUT_SECONDS", 0.0)
    error = the_error(await ada.ask(PLACE_ORDER, input=order))
    monkeypatch.undo()

    placed = await ada.run("PlaceOrder", input=order)

    assert error["extensions"] == {"code": "OUTCOME_UNKNOWN"}
    assert placed["userErrors"] == []
    mine = await ada.ask("{ orders(first: 5) { edges { node { id } } } }")
    assert mine["data"]["orders"]["edges"] == [{"node": {"id": placed["order"]["id"]}}]


async def test_variables_that_do_not_fit_are_named_and_not_repeated(
    ada: Viewer, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    wrong = ADDRESS | {"street": {"secret": 1}, "secret2": 2}
    lines = [{"sku": "mug", "quantity": "secret3"}]
    order = an_order(shippingAddress=wrong, lines=lines)

    errors = (await ada.ask(PLACE_ORDER, input=order))["errors"]

    unknown = "Expected value of type 'AddressInput' not to include unknown field"
    start = "Variable '$input' has invalid value at ."
    assert [error["message"] for error in errors] == [
        f"{start}lines[0].quantity: Int cannot represent non-integer value",
        f"{start}shippingAddress.street: String cannot represent a non string value",
        f"{start}shippingAddress: {unknown} 'secret2'",
    ]
    assert {error["extensions"]["code"] for error in errors} == {"BAD_USER_INPUT"}
    assert "secret3" not in str(errors) + caplog.text
    assert "Mill Lane" not in str(errors) + caplog.text


@pytest.mark.parametrize(
    ("query", "message"),
    [
        ("{ orders {", "Syntax Error: Expected Name, found <EOF>."),
        ("{ nothing }", "Cannot query field 'nothing' on type 'Query'."),
    ],
)
async def test_a_document_that_is_not_valid_is_refused(
    ada: Viewer, query: str, message: str
) -> None:
    answer = await ada.ask(query)

    assert answer.get("data") is None
    assert message in [error["message"] for error in answer["errors"]]
    assert {error["extensions"]["code"] for error in answer["errors"]} == {"BAD_USER_INPUT"}


FOREIGN = PositionCodec(Keyring(bytes(range(32)), setting="payload_key")).seal(12)


@pytest.mark.parametrize("position", ["12", f"{12:016x}", "g" * 32, FOREIGN])
async def test_an_invalid_position_is_refused(ada: Viewer, position: str) -> None:
    async with ada.socket() as socket:
        await socket.subscribe(operation("OrderUpdates"), orderId="x", after=position)
        message = await socket.receive()

    (error,) = message["payload"] if message["type"] == "error" else message["payload"]["errors"]
    assert error["extensions"] == {"code": "BAD_USER_INPUT"}
    assert error["message"] == (
        "Variable '$after' has invalid value: this is no position of the log"
    )


@pytest.mark.parametrize("literal", ['"12"', f'"{FOREIGN}"', "12", "true", "[]"])
async def test_a_literal_that_is_no_position_is_refused(ada: Viewer, literal: str) -> None:
    query = f'subscription {{ orderUpdates(orderId: "x", after: {literal}) {{ __typename }} }}'
    async with ada.socket() as socket:
        await socket.subscribe(query)
        message = await socket.receive()

    (error,) = message["payload"] if message["type"] == "error" else message["payload"]["errors"]
    assert error["extensions"] == {"code": "BAD_USER_INPUT"}
    assert "this is no position of the log" in error["message"]
