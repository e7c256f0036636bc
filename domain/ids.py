"""Derive ids, so that a retry gets the same ones. No id comes from a clock or a random source.

UUIDs of version 5 are name-based: RFC 9562, section 5.5.
"""

from __future__ import annotations

from typing import Final
from uuid import UUID, uuid5

WAYBILL = UUID("5a3f0f0e-6d6c-5c0b-9d0e-9f5b1b6c2e11")

_REFUND: Final = "refund"
_OF_AN_ORDER: Final = frozenset({"order", "payment", "return", "aftercare", _REFUND})
"""The words that the ids of an order's workflows begin with."""


def order_id_for(customer_id: str, idempotency_key: str) -> str:
    """Return the id of the only order that this customer's key can create."""
    return str(uuid5(WAYBILL, _name("order", customer_id, idempotency_key)))


def event_id_for(workflow_id: str, step: str, index: int) -> UUID:
    """Return the id of a step's index-th event, the same in every attempt and every run."""
    return uuid5(WAYBILL, _name("event", workflow_id, step, str(index)))


def order_workflow_id(order_id: str) -> str:
    return f"order-{order_id}"


def payment_workflow_id(order_id: str) -> str:
    return f"payment-{order_id}"


def payment_retry_step(key_id: UUID) -> str:
    """Return the step key of the only further attempt to pay that a customer's key can make.

    It is the same in every run of the payment workflow.
    """
    return f"authorize/retry/{key_id}"


def return_workflow_id(order_id: str) -> str:
    return f"return-{order_id}"


def aftercare_workflow_id(order_id: str) -> str:
    return f"aftercare-{order_id}"


def refund_workflow_id(order_id: str, number: int) -> str:
    return f"{_REFUND}-{order_id}-{number}"


def refund_of_workflow(workflow_id: str) -> int | None:
    """Return the number of the requested refund that the workflow carries out, if it is one."""
    kind, _, rest = workflow_id.partition("-")
    return int(rest.rpartition("-")[2]) if kind == _REFUND else None


def order_of_workflow(workflow_id: str) -> str | None:
    """Return the order that a workflow of an order belongs to; None for another workflow."""
    kind, _, order_id = workflow_id.partition("-")
    if kind == _REFUND:
        order_id = order_id.rpartition("-")[0]
    return order_id if kind in _OF_AN_ORDER else None


def refund_key(person: str, idempotency_key: str) -> str:
    """Return the identity of the only refund that this key of this person can request."""
    return uuid5(WAYBILL, _name("refund", person, idempotency_key)).hex


def line_id_for(order_id: str, index: int) -> str:
    """Return the id of the order's line at this place, counted from 0.

    It is unique among the lines of all orders, because clients keep objects by their ids.
    """
    return str(uuid5(WAYBILL, _name("line", order_id, str(index))))


def digest_of_customer(customer_id: str) -> str:
    """Return an identifier of the customer for shared places: stable, and not readable."""
    return uuid5(WAYBILL, _name("customer", customer_id)).hex


def idempotency_key_id(person: str, operation: str, idempotency_key: str) -> UUID:
    """Return the id of a person's key for an operation, the same in every role."""
    return uuid5(WAYBILL, _name("idempotency key", person, operation, idempotency_key))


def command_workflow_id(command_type: str, key_id: UUID) -> str:
    """Return the id of the only execution that this key can start at a time."""
    return f"command-{command_type}-{key_id}"


def stock_workflow_id(sku: str) -> str:
    return f"stock-{sku}"


def _name(*parts: str) -> str:
    """Join the parts with a length before each, so that no two lists of parts share a name."""
    return "".join(f"{len(part)}:{part}" for part in parts)
