"""Explain each error code to clients: when they get it, and what to do then."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from graphql import GraphQLEnumType, GraphQLSchema

from api.errors import RequestErrorCode
from domain.errors import ErrorCode

USER_ERROR_MEANINGS: Final[Mapping[ErrorCode, str]] = {
    ErrorCode.INVALID_INPUT: (
        "The value of a field is not allowed. `field` names it, and the message says what is "
        "allowed."
    ),
    ErrorCode.EMPTY_ORDER: "The order has no lines.",
    ErrorCode.TOO_MANY_LINES: "There are more lines than an order may have: split the order.",
    ErrorCode.INVALID_QUANTITY: (
        "A quantity is less than 1, or more than a line may have. An adjustment has a difference "
        "that its reason cannot have."
    ),
    ErrorCode.DUPLICATE_LINE: "A SKU is on two lines: add their quantities up.",
    ErrorCode.UNKNOWN_SKU: "The catalogue lists no product with this SKU.",
    ErrorCode.CURRENCY_MISMATCH: (
        "The prices are in several currencies, or in another currency than `expectedTotal` or than "
        "the product on sale."
    ),
    ErrorCode.PRICE_CHANGED: (
        "The total differs from `expectedTotal`: show the customer the new total, and ask again."
    ),
    ErrorCode.PRICE_MISMATCH: (
        "The parts of the price do not add up. The shop's pricing is at fault: tell the operator."
    ),
    ErrorCode.UNKNOWN_DISCOUNT: "The shop grants no discount for this code.",
    ErrorCode.ZERO_TOTAL: (
        "There is nothing to pay: confirm an order without payment with an `expectedTotal` of 0."
    ),
    ErrorCode.CURRENCY_NOT_SUPPORTED: "The payment provider takes no payments in this currency.",
    ErrorCode.AMOUNT_NOT_REPRESENTABLE: (
        "The payment provider cannot take this total, because it takes multiples of a larger unit: "
        "order other products or quantities."
    ),
    ErrorCode.AMOUNT_TOO_SMALL: (
        "The total is below the payment provider's minimum: order something more."
    ),
    ErrorCode.AMOUNT_TOO_LARGE: (
        "The total is above the payment provider's maximum: split the order."
    ),
    ErrorCode.PAYMENT_METHOD_REQUIRED: (
        "There is something to pay: name a `paymentMethod`. Only a total of 0 needs none."
    ),
    ErrorCode.PRODUCT_DISCONTINUED: (
        "The product is no longer sold: order another one. An admin may list it again."
    ),
    ErrorCode.INSUFFICIENT_STOCK: (
        "An adjustment takes more pieces away than are on hand: take at most those away. As the "
        "cause of a parked step: the order has reserved pieces that are not on hand."
    ),
    ErrorCode.OUT_OF_STOCK: (
        "The stock is short. A new order is REJECTED for this reason instead, or waits for the "
        "stock."
    ),
    ErrorCode.ORDER_NOT_CANCELLABLE: (
        "The parcel has left, or the order has ended: request a return instead."
    ),
    ErrorCode.PAYMENT_NOT_RETRYABLE: (
        "No payment waits for another method, or the order has had all its attempts."
    ),
    ErrorCode.PAYMENT_SUPERSEDED: "A later attempt to pay has replaced this one.",
    ErrorCode.PAYMENT_OWED: (
        "The parcel has left and the hold is gone: the customer pays again with `retryPayment`."
    ),
    ErrorCode.REFUND_FAILED: (
        "A refund has failed at the customer's bank: retry it, or give the money back otherwise."
    ),
    ErrorCode.CHARGE_DISPUTED: (
        "The customer's bank disputes the charge: it is not refunded until the dispute is closed."
    ),
    ErrorCode.RETURN_NOT_POSSIBLE: (
        "The order is not delivered, its return window has closed, or these goods cannot come back."
    ),
    ErrorCode.REFUND_NOT_POSSIBLE: (
        "No money was captured for the order, or its cancellation gives everything back."
    ),
    ErrorCode.REFUND_TOO_LARGE: (
        "Less of the captured money is left, once what is refunded or promised is taken away. The "
        "message says how much is left, in the minor unit."
    ),
    ErrorCode.NO_DISCREPANCY: (
        "The order has no such difference, or it has changed: read its discrepancies again."
    ),
    ErrorCode.SAGA_NOT_PARKED: "The saga is not parked at this step: read the saga again.",
    ErrorCode.SAGA_ALREADY_COMPENSATING: (
        "The saga already compensates: retry, skip or resolve the step."
    ),
    ErrorCode.NOT_FOUND: "There is no such object, or the viewer may not see it.",
    ErrorCode.IDEMPOTENCY_KEY_REUSED: (
        "The key belongs to another request: use a new key for each new request."
    ),
    ErrorCode.WRONG_STATE: "The object's status does not allow it. The message names the status.",
    ErrorCode.CUSTOMER_HAS_OPEN_ORDERS: (
        "The customer has an order that has not ended: cancel it, or wait for its end."
    ),
    ErrorCode.PERSONAL_DATA_ERASED: "The personal data that the request needs was erased.",
    ErrorCode.PUSH_OFF: (
        "The installation sends no push messages: `vapidPublicKey` is null. Offer other channels."
    ),
    ErrorCode.TOO_MANY_SUBSCRIPTIONS: (
        "The customer has as many push subscriptions as there may be: unsubscribe one first."
    ),
    ErrorCode.ORDER_LOST: (
        "A database failure lost the record of the accepted order. An operator can recover it."
    ),
    ErrorCode.RECORD_LOST: (
        "A database failure lost the record of this key: check the state, and use a new key."
    ),
}
"""The codes of `userErrors`."""

REQUEST_ERROR_MEANINGS: Final[Mapping[RequestErrorCode, str]] = {
    RequestErrorCode.BAD_USER_INPUT: (
        "The document, its variables or an argument is not valid, or the answer would be too large."
    ),
    RequestErrorCode.FORBIDDEN: "The role of the token is not enough for this field.",
    RequestErrorCode.INTERNAL: (
        "Waybill has a fault. `extensions.correlationId` identifies it in the log of the API."
    ),
    RequestErrorCode.NOT_FOUND: "There is no such object, or the viewer may not see it.",
    RequestErrorCode.OUTCOME_UNKNOWN: (
        "A server did not answer in time, and the request may have been carried out: the order may "
        "have been placed. Repeat the request with the same key until it is answered; it has one "
        "effect. Never use a new key for it. `extensions.correlationId` is there if Waybill has a "
        "fault, and identifies it in the log of the API."
    ),
    RequestErrorCode.PAYLOAD_TOO_LARGE: "The body or the headers exceed their limit.",
    RequestErrorCode.PERSONAL_DATA_UNREADABLE: (
        "The key of sealed personal data does not open it. The log of the API names the key."
    ),
    RequestErrorCode.POSITION_LOST: (
        "The position of `after` is not in the log: subscribe again without `after`."
    ),
    RequestErrorCode.RATE_LIMITED: (
        "The viewer or the address sends too many requests: wait as `Retry-After` says."
    ),
    RequestErrorCode.UNAUTHENTICATED: "The token is missing, expired or not valid.",
    RequestErrorCode.UNAVAILABLE: (
        "A server is away or slow. Repeat the request; a request with a key, with the same key."
    ),
}
"""The codes of `errors[].extensions.code`."""


def describe_error_codes(schema: GraphQLSchema) -> None:
    """Add the meanings of the codes of `userErrors` to the schema."""
    codes = schema.type_map[ErrorCode.__name__]
    if isinstance(codes, GraphQLEnumType):
        for name, value in codes.values.items():
            value.description = USER_ERROR_MEANINGS[ErrorCode(name)]
