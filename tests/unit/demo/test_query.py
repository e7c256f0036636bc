from __future__ import annotations

import pytest

from demo.documents import document, operations
from demo.query import UsageError, variables_of


@pytest.mark.parametrize(
    ("operation", "variable"), [("Saga", "orderId"), ("Order", "id"), ("Product", "sku")]
)
def test_the_id_goes_where_the_document_takes_it(operation: str, variable: str) -> None:
    assert variables_of(operation, document(operation), {}, "x") == {variable: "x"}


def test_an_id_that_a_document_does_not_take_is_refused() -> None:
    with pytest.raises(UsageError, match="Products takes no ID"):
        variables_of("Products", document("Products"), {"first": 5}, "x")


def test_the_fields_of_a_mutation_are_its_input_with_a_key_of_their_own() -> None:
    given = {"paymentMethod": "pm_card_visa"}
    first, second = (
        variables_of("RetryPayment", document("RetryPayment"), given, "o-1")["input"]
        for _ in range(2)
    )
    assert first.pop("idempotencyKey") != second.pop("idempotencyKey")
    assert first == second == {"orderId": "o-1", "paymentMethod": "pm_card_visa"}


def test_a_key_and_a_whole_input_stay_as_they_are() -> None:
    given = {"input": {"idempotencyKey": "k", "orderId": "o-2"}}
    assert variables_of("CancelOrder", document("CancelOrder"), given, "") == given


@pytest.mark.parametrize("operation", operations())
def test_every_document_takes_either_an_input_or_variables_of_its_own(operation: str) -> None:
    given = {"first": 5}
    made = variables_of(operation, document(operation), given, "")
    assert made == given or made["input"]["first"] == 5
