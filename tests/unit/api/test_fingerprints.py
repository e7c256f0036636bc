"""A mutation answers a repeated key with its first answer, and refuses another input under it.

A fingerprint separates the two. A new field of an input changes every fingerprint, unless its
default is left out: a client that repeats an older request is then refused.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import pytest
from graphql import GraphQLInputObjectType, GraphQLNonNull
from strawberry import ID

from api.money import MoneyInput
from api.orders.inputs import AddressInput, ContactInput, OrderLineInput, PlaceOrderInput
from api.orders.placing import fingerprint_of
from api.scalars import Long
from domain.command import Command
from domain.customer.commands import EraseCustomer, ErasureReason
from domain.inventory.commands import AdjustmentReason, AdjustStock, ReceiveStock
from domain.money import Money
from domain.note.commands import AddOrderNote
from domain.order.commands import RequestRefund
from domain.product.commands import ChangePrice, DiscontinueProduct, ListProduct
from domain.saga.commands import AcceptDiscrepancy, ReconciledSystem
from orchestrator.saga_orchestrator import command_input
from tests.unit.api.schemas import a_schema

CHANGED: Final = (
    "the fingerprint of the same {mutation} input has changed. A client that repeats a request "
    "from before this change gets IDEMPOTENCY_KEY_REUSED, not its first answer. Leave a new field "
    "out of the fingerprint while it has its default; or accept the refusals, say so in "
    "CHANGELOG.md, and pin the new fingerprint here"
)
WITHOUT_KEY: Final = {
    *("rebuildProjection", "redriveProjection"),
    *("redriveDeadLetter", "discardDeadLetter", "acknowledgeNotice"),
    *("updateWebhook", "disableWebhook", "enableWebhook", "replayWebhook"),
    *("setNotificationPreferences", "suppressEmail", "liftEmailSuppression"),
    *("subscribeToPush", "unsubscribeFromPush"),
}
"""The mutations that ask for a state: a repetition asks for the same one."""
NEW_FIELD: Final = (
    "the input of {mutation} has other fields. Say what a repeat with another value of a new field "
    "gets: IDEMPOTENCY_KEY_REUSED if the fingerprint holds it, else the first answer. Then pin the "
    "fields here"
)
PRICE: Final = Money(amount=450, currency="EUR")
ORDER: Final = PlaceOrderInput(
    idempotency_key="key-1",
    lines=[OrderLineInput(sku=ID("cup"), quantity=2)],
    payment_method="pm_card_visa",
    shipping_address=AddressInput(
        name="Ada Example",
        street="1 Sample Street",
        city="Testham",
        postal_code="00001",
        country="GB",
    ),
    contact=ContactInput(email="ada@example.com", locale="en"),
    expected_total=MoneyInput(amount=Long(900), currency="EUR"),
)


@dataclass(frozen=True)
class Pinned:
    mutation: str
    fingerprint: Callable[[], str]
    expected: str


def _of(command: Command) -> Callable[[], str]:
    return lambda: command_input(command, "operator:ada").fingerprint


FINGERPRINTS: Final = (
    Pinned(
        "placeOrder",
        lambda: fingerprint_of(ORDER),
        "3909a0239855e8b55dc6fdb33be8b0ef124317d933837a5c942e4a282b227aec",
    ),
    Pinned(
        "receiveStock",
        _of(ReceiveStock(aggregate_id="cup", quantity=5)),
        "b7505ff616712e7af78af70f4698b8fa9664d7d2b6fa58dceae25a8d3f34d12d",
    ),
    Pinned(
        "addOrderNote",
        _of(AddOrderNote(aggregate_id="o-1", customer_id="ada", text="Call first")),
        "bc4006c777eab559157fd70db92e376e2458140fec67c4426cba5af329d31cfb",
    ),
    Pinned(
        "adjustStock",
        _of(AdjustStock(aggregate_id="cup", difference=-5, reason=AdjustmentReason.DAMAGED)),
        "bf25a949e3d3b0e3495104854d0953fd641e5c8aa170296ff5ad797bee27e780",
    ),
    Pinned(
        "listProduct",
        _of(ListProduct(aggregate_id="cup", name="Cup", price=PRICE)),
        "719d9edc0eeb98b2a56f4987ce38cbac84ffc699c54032fdfdc35d30fa8ba9c2",
    ),
    Pinned(
        "changePrice",
        _of(ChangePrice(aggregate_id="cup", price=PRICE)),
        "211776441d4da5cd58b910b094f77e143812e57cafeb0d4d19566132d7bff2e2",
    ),
    Pinned(
        "discontinueProduct",
        _of(DiscontinueProduct(aggregate_id="cup")),
        "77e459a2d86bbcd5761e935e041afb95c4fd1b7e66a5c6c796115758c56875a0",
    ),
    Pinned(
        "refundOrder",
        _of(RequestRefund(aggregate_id="o-1", key="k", amount=500, reason="a scratch")),
        "e42fde7fa26a0a65424159c6f5b2013a610ba6ae9a714fe2507974530a399cb1",
    ),
    Pinned(
        "acceptDiscrepancy",
        _of(
            AcceptDiscrepancy(
                aggregate_id="o-1",
                system=ReconciledSystem.PAYMENT,
                ours="nothing",
                theirs="captured 500",
                reason="known",
            )
        ),
        "98aaf86303f21c5c03c7cdbbee0b02e476c722a56167e3f1ee77fb65161088c0",
    ),
    Pinned(
        "eraseCustomer",
        _of(EraseCustomer(aggregate_id="ada", reason=ErasureReason.CUSTOMER_REQUEST)),
        "1a8fe621fce2c2f31ca3177bd9dca85e494397783281c3d30cfd74cfa77f46d7",
    ),
)
INTERVENTION: Final = {"idempotencyKey", "orderId", "step", "reason"}
FIELDS: Final = {
    "placeOrder": {
        "idempotencyKey",
        "lines",
        "paymentMethod",
        "shippingAddress",
        "contact",
        "expectedTotal",
        "backorder",
        "reference",
        "metadata",
        "discountCode",
    },
    "adjustStock": {"idempotencyKey", "sku", "difference", "reason"},
    "listProduct": {"idempotencyKey", "sku", "name", "price"},
    "changePrice": {"idempotencyKey", "sku", "price"},
    "discontinueProduct": {"idempotencyKey", "sku"},
    "receiveStock": {"idempotencyKey", "sku", "quantity"},
    "addOrderNote": {"idempotencyKey", "orderId", "text"},
    "refundOrder": {"idempotencyKey", "orderId", "amount", "lines", "reason"},
    "acceptDiscrepancy": {"idempotencyKey", "orderId", "system", "reason"},
    "eraseCustomer": {"idempotencyKey", "customerId", "reason"},
    # These keep no fingerprint: a repeat gets the first answer. retryPayment compares the method.
    "cancelOrder": {"idempotencyKey", "orderId"},
    "requestReturn": {"idempotencyKey", "orderId", "lines"},
    "retryPayment": {"idempotencyKey", "orderId", "paymentMethod"},
    "retrySaga": INTERVENTION,
    "skipSagaStep": INTERVENTION,
    "resolveSaga": INTERVENTION,
    "compensateSaga": INTERVENTION,
    # The row of the webhook keeps its fingerprint.
    "registerWebhook": {"idempotencyKey", "url", "patterns", "description"},
    # A repeat of these gets the first answer, without the secret.
    "rotateWebhookSecret": {"idempotencyKey", "id", "expireOldNow"},
    "testWebhook": {"idempotencyKey", "id"},
}


@pytest.mark.parametrize("pinned", FINGERPRINTS, ids=lambda pinned: pinned.mutation)
def test_the_same_input_has_the_same_fingerprint_in_every_build(pinned: Pinned) -> None:
    assert pinned.fingerprint() == pinned.expected, CHANGED.format(mutation=pinned.mutation)


def test_the_fields_of_every_mutation_are_known_to_its_idempotency() -> None:
    fields = _input_fields()

    assert fields.keys() == FIELDS.keys()
    for mutation, names in fields.items():
        assert names == FIELDS[mutation], NEW_FIELD.format(mutation=mutation)


def _input_fields() -> dict[str, set[str]]:
    mutations = a_schema(introspection=False)._schema.mutation_type
    assert mutations
    fields = {}
    for name, mutation in mutations.fields.items():
        if name in WITHOUT_KEY:
            continue
        required = mutation.args["input"].type
        assert isinstance(required, GraphQLNonNull)
        assert isinstance(required.of_type, GraphQLInputObjectType)
        fields[name] = set(required.of_type.fields)
    return fields
