from __future__ import annotations

import pytest

from cli.documents import document, operations
from demo.query import UsageError, variables_of


@pytest.mark.parametrize(
    ("operation", "variable"), [("Saga", "orderId"), ("Order", "id"), ("Product", "sku")]
)
def test_the_id_goes_where_the_document_takes_it(operation: str, variable: str) -> None:
    assert variables_of(operation, document(operation), {}, "x") == {variable: "x"}


def test_an_orders_number_goes_where_the_document_takes_numbers() -> None:
    assert variables_of("Order", document("Order"), {}, "w-nzcparbrq5") == {
        "number": "w-nzcparbrq5"
    }
    assert variables_of("Saga", document("Saga"), {}, "W-NZCPARBRQ5") == {"orderId": "W-NZCPARBRQ5"}


def test_an_id_that_a_document_does_not_take_is_refused() -> None:
    with pytest.raises(UsageError, match="Products takes no ID"):
        variables_of("Products", document("Products"), {"first": 5}, "x")


def test_an_id_that_a_document_needs_is_asked_for_unless_the_variables_have_it() -> None:
    with pytest.raises(UsageError, match="Saga needs an ID"):
        variables_of("Saga", document("Saga"), {}, "")
    given = {"orderId": "o-1"}
    assert variables_of("Saga", document("Saga"), given, "") == given


def test_the_fields_of_a_mutation_are_its_input_with_a_key_of_their_own() -> None:
    given = {"paymentMethod": "pm_card_visa"}
    first, second = (
        variables_of("RetryPayment", document("RetryPayment"), given, "o-1")["input"]
        for _ in range(2)
    )
    assert first.pop("idempotencyKey") != second.pop("idempotencyKey")
    assert first == second == {"orderId": "o-1", "paymentMethod": "pm_card_visa"}


@pytest.mark.parametrize(
    ("operation", "field"),
    [("AdjustStock", "sku"), ("ListProduct", "sku"), ("EraseCustomer", "customerId")],
)
def test_the_id_of_a_mutation_goes_where_its_input_takes_it(operation: str, field: str) -> None:
    assert variables_of(operation, document(operation), {}, "x")["input"][field] == "x"


def test_a_key_and_a_whole_input_stay_as_they_are() -> None:
    given = {"input": {"idempotencyKey": "k", "orderId": "o-2"}}
    assert variables_of("CancelOrder", document("CancelOrder"), given, "") == given


def test_a_mutation_that_asks_for_a_state_gets_no_key() -> None:
    given = {"endpoint": "https://push.example/1"}
    found = variables_of("SubscribeToPush", document("SubscribeToPush"), given, "")
    assert found == {"input": given}


WITHOUT_KEY = (
    *("RebuildProjection", "RedriveProjection", "RedriveDeadLetter", "DiscardDeadLetter"),
    *("UpdateWebhook", "DisableWebhook", "EnableWebhook", "ReplayWebhook", "AcknowledgeNotice"),
    *("SubscribeToPush", "UnsubscribeFromPush"),
    *("SetNotificationPreferences", "SuppressEmail", "LiftEmailSuppression"),
)


def test_every_mutation_with_a_key_takes_its_fields_as_input() -> None:
    texts = {name: document(name) for name in operations()}
    mutations = {name: text for name, text in texts.items() if text.startswith("mutation")}
    for without_key in WITHOUT_KEY:
        del mutations[without_key]
    assert len(mutations) > 5
    for name, text in mutations.items():
        assert variables_of(name, text, {"reason": "r"}, "")["input"]["reason"] == "r"
