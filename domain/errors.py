"""The refusals of the domain: one code for each reason, the same in every layer."""

from __future__ import annotations

from enum import StrEnum


class ErrorCode(StrEnum):
    """The reason of a refusal. Clients branch on these codes; a code is never renamed."""

    INVALID_INPUT = "INVALID_INPUT"
    EMPTY_ORDER = "EMPTY_ORDER"
    TOO_MANY_LINES = "TOO_MANY_LINES"
    INVALID_QUANTITY = "INVALID_QUANTITY"
    DUPLICATE_LINE = "DUPLICATE_LINE"
    UNKNOWN_SKU = "UNKNOWN_SKU"
    CURRENCY_MISMATCH = "CURRENCY_MISMATCH"
    PRICE_CHANGED = "PRICE_CHANGED"
    PRICE_MISMATCH = "PRICE_MISMATCH"
    UNKNOWN_DISCOUNT = "UNKNOWN_DISCOUNT"
    ZERO_TOTAL = "ZERO_TOTAL"
    PRODUCT_DISCONTINUED = "PRODUCT_DISCONTINUED"
    INSUFFICIENT_STOCK = "INSUFFICIENT_STOCK"
    OUT_OF_STOCK = "OUT_OF_STOCK"
    ORDER_NOT_CANCELLABLE = "ORDER_NOT_CANCELLABLE"
    PAYMENT_NOT_RETRYABLE = "PAYMENT_NOT_RETRYABLE"
    PAYMENT_SUPERSEDED = "PAYMENT_SUPERSEDED"
    RETURN_NOT_POSSIBLE = "RETURN_NOT_POSSIBLE"
    REFUND_NOT_POSSIBLE = "REFUND_NOT_POSSIBLE"
    REFUND_TOO_LARGE = "REFUND_TOO_LARGE"
    NO_DISCREPANCY = "NO_DISCREPANCY"
    SAGA_NOT_PARKED = "SAGA_NOT_PARKED"
    SAGA_ALREADY_COMPENSATING = "SAGA_ALREADY_COMPENSATING"
    NOT_FOUND = "NOT_FOUND"
    IDEMPOTENCY_KEY_REUSED = "IDEMPOTENCY_KEY_REUSED"
    IDEMPOTENCY_KEY_IN_USE = "IDEMPOTENCY_KEY_IN_USE"
    WRONG_STATE = "WRONG_STATE"
    CUSTOMER_HAS_OPEN_ORDERS = "CUSTOMER_HAS_OPEN_ORDERS"
    PERSONAL_DATA_ERASED = "PERSONAL_DATA_ERASED"
    PUSH_OFF = "PUSH_OFF"
    TOO_MANY_SUBSCRIPTIONS = "TOO_MANY_SUBSCRIPTIONS"
    ORDER_LOST = "ORDER_LOST"
    RECORD_LOST = "RECORD_LOST"


class Refused(Exception):
    """The business rules forbid a command. Nothing has been changed.

    `field` is the path of the invalid input, outermost first, when the input is the reason.
    """

    def __init__(self, code: ErrorCode, message: str, field: tuple[str, ...] = ()) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.field = field
