"""An answer of the document `Explain`."""

from __future__ import annotations

from typing import Any


def euros(amount: int) -> dict[str, Any]:
    return {"amount": amount, "currency": "EUR"}


def an_explanation(**changes: object) -> dict[str, Any]:
    money = {"total": euros(500), "authorized": euros(500), "captured": euros(0)}
    attempt = {"number": 1, "status": "AUTHORIZED", "reference": "pi_1", "declineCode": None}
    return {
        "orderId": "o1",
        "number": "W-1",
        "status": "CONFIRMED",
        "waitsFor": [
            {
                "waitsFor": "DISPATCH",
                "since": "2026-03-04T11:55:00+00:00",
                "until": "2026-03-06T13:00:00+00:00",
                "text": "Waits for the carrier to collect the parcel.",
            }
        ],
        "parked": [],
        "workflows": [{"workflowId": "order-o1", "status": "RUNNING", "url": None}],
        "traceIds": ["4bf92f3577b34da6a3ce929d0e0e4736"],
        "money": {
            **money,
            "refunded": euros(0),
            "attempts": [{**attempt, **money, "refunded": euros(0)}],
        },
        "stock": [
            {
                "sku": "mug",
                "quantity": 2,
                "backordered": 0,
                "reserved": 2,
                "shipped": 0,
                "returned": 0,
            }
        ],
        "timeline": [
            {
                "kind": "PROVIDER_CALL",
                "at": "2026-03-04T11:54:00+00:00",
                "text": "payments: authorize attempt 1: authorized.",
                "key": "o1/1/confirm",
                "reference": "pi_1",
            },
            {
                "kind": "EVENT",
                "at": "2026-03-04T11:55:00+00:00",
                "text": "The order is confirmed.",
                "type": "OrderConfirmed",
                "stream": "order-o1",
                "version": 4,
                "positionNumber": 17,
                "actor": "system",
            },
        ],
        "isCut": False,
        "continueAfter": None,
        **changes,
    }
