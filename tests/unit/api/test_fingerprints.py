"""A mutation answers a repeated key with its first answer, and refuses another input under it.

A fingerprint separates the two. A new field of an input changes every fingerprint, unless its
default is left out: a client that repeats an older request is then refused.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import pytest
import strawberry
from graphql import GraphQLInputObjectType, GraphQLNonNull
from strawberry import ID

from api.customers.inputs import EraseCustomerInput
from api.discrepancies.inputs import AcceptDiscrepancyInput
from api.idempotency import WithKey
from api.inventory.inputs import AdjustStockInput, ReceiveStockInput
from api.money import MoneyInput
from api.notes.inputs import AddOrderNoteInput
from api.orders.inputs import (
    AddressInput,
    CancelOrderInput,
    ContactInput,
    OrderLineInput,
    PlaceOrderInput,
    RequestReturnInput,
)
from api.orders.placing import fingerprint_of
from api.payments.inputs import RetryPaymentInput
from api.products.inputs import ChangePriceInput, DiscontinueProductInput, ListProductInput
from api.refunds.inputs import RefundOrderInput
from api.sagas.inputs import SagaInterventionInput
from api.scalars import Long
from api.webhook_endpoints import inputs as webhooks
from domain.customer.commands import ErasureReason
from domain.idempotency import KeyUse
from domain.inventory.commands import AdjustmentReason
from domain.saga.commands import Intervention, ReconciledSystem
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
KEY: Final = "key-1"
PRICE: Final = MoneyInput(amount=Long(450), currency="EUR")
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


def _of(request: WithKey, **more: object) -> Callable[[], str]:
    data = {**strawberry.asdict(request), **more}
    return lambda: KeyUse.of("ada", "operation", request.idempotency_key, data).fingerprint


FINGERPRINTS: Final = (
    Pinned(
        "placeOrder",
        lambda: fingerprint_of(ORDER),
        "3909a0239855e8b55dc6fdb33be8b0ef124317d933837a5c942e4a282b227aec",
    ),
    Pinned(
        "cancelOrder",
        _of(CancelOrderInput(idempotency_key=KEY, order_id=ID("o-1"))),
        "740da752afc5f09e93884d7bac88941089bee7a6b9e5e6a5cda2cee3468bbad1",
    ),
    Pinned(
        "requestReturn",
        _of(
            RequestReturnInput(
                idempotency_key=KEY,
                order_id=ID("o-1"),
                lines=[OrderLineInput(sku=ID("cup"), quantity=1)],
            )
        ),
        "7b8e01385c06fc2b5fd0d5585fb4cd9365315c63c78cd55985d9908a222ba1cd",
    ),
    Pinned(
        "retryPayment",
        _of(
            RetryPaymentInput(
                idempotency_key=KEY, order_id=ID("o-1"), payment_method="pm_card_visa"
            )
        ),
        "3bbf0021785446a93d3f150ae23b8fa45a2c173b2ac108e44e58d06c3fe25123",
    ),
    Pinned(
        "retrySaga",
        _of(
            SagaInterventionInput(idempotency_key=KEY, order_id=ID("o-1"), reason="mended"),
            kind=Intervention.RETRY,
        ),
        "5707dbd1c005fad8eb8081c213dd3874a07fe786a8047c0c85274909ec1e16c6",
    ),
    Pinned(
        "receiveStock",
        _of(ReceiveStockInput(idempotency_key=KEY, sku=ID("cup"), quantity=5)),
        "a02fe1eabc54e3b085d0c07cf553d2e6d0bb619521629d7ac2e6d1325c3eccf6",
    ),
    Pinned(
        "addOrderNote",
        _of(AddOrderNoteInput(idempotency_key=KEY, order_id=ID("o-1"), text="Call first")),
        "7d43e0b42347a2695fcb65102cf1d0866034909e112a0988da840eb57f7edfd4",
    ),
    Pinned(
        "adjustStock",
        _of(
            AdjustStockInput(
                idempotency_key=KEY, sku=ID("cup"), difference=-5, reason=AdjustmentReason.DAMAGED
            )
        ),
        "b02883d58b311ba2f1a278e165e18eeb0e4fba5fcc0fa28177c1bb8eacad545e",
    ),
    Pinned(
        "listProduct",
        _of(ListProductInput(idempotency_key=KEY, sku=ID("cup"), name="Cup", price=PRICE)),
        "06af2191baf8e9176f9a71be9c27fda54693086335a875d69fe79177c4d09cb4",
    ),
    Pinned(
        "changePrice",
        _of(ChangePriceInput(idempotency_key=KEY, sku=ID("cup"), price=PRICE)),
        "e38cee261f830000aa7526dcaf0ab1cce1c0d1517fbf41eda7a89dfaebf73403",
    ),
    Pinned(
        "discontinueProduct",
        _of(DiscontinueProductInput(idempotency_key=KEY, sku=ID("cup"))),
        "782177d4c2931b0759abbaf427bf6d88375e5463710e1690b1be752b316eefb2",
    ),
    Pinned(
        "refundOrder",
        _of(RefundOrderInput(idempotency_key=KEY, order_id=ID("o-1"), reason="a scratch")),
        "3075c6e842b17db46dab75fe390f92664821195d4f50167859d8355b8386b390",
    ),
    Pinned(
        "acceptDiscrepancy",
        _of(
            AcceptDiscrepancyInput(
                idempotency_key=KEY,
                order_id=ID("o-1"),
                system=ReconciledSystem.PAYMENT,
                reason="known",
            )
        ),
        "5396d5ef42b97e8d67053bd452dac29cf095c958d230c38cfc51f3694471803c",
    ),
    Pinned(
        "eraseCustomer",
        _of(
            EraseCustomerInput(
                idempotency_key=KEY, customer_id=ID("ada"), reason=ErasureReason.CUSTOMER_REQUEST
            )
        ),
        "4edb1134f8d3cc5adc32b2c4de45eceaa654cc5b74d0d7dab14f3f6c12c65061",
    ),
    Pinned(
        "rotateWebhookSecret",
        _of(webhooks.RotateWebhookSecretInput(idempotency_key=KEY, id=ID("w-1"))),
        "8fd8f192445ee152c7ee33c536ab3945357c94264efff5d404e358e73bf70a1a",
    ),
    Pinned(
        "testWebhook",
        _of(webhooks.TestWebhookInput(idempotency_key=KEY, id=ID("w-1"))),
        "e1c5ec4ea80f0403d6e2017d6247335ab393b3be9e9bf6ab9b06c9f51527f05c",
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
    "cancelOrder": {"idempotencyKey", "orderId"},
    "requestReturn": {"idempotencyKey", "orderId", "lines"},
    "retryPayment": {"idempotencyKey", "orderId", "paymentMethod"},
    "retrySaga": INTERVENTION,
    "skipSagaStep": INTERVENTION,
    "resolveSaga": INTERVENTION,
    "compensateSaga": INTERVENTION,
    # The row of the webhook keeps its fingerprint.
    "registerWebhook": {"idempotencyKey", "url", "patterns", "description"},
    # A repeat of a rotation gets the first answer, without the secret.
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
