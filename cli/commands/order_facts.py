"""Print orders: a row of a list, and everything about one."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, Final

from cli import output
from cli.output import Column, Fact
from cli.values import length, moment, money, shown

Json = dict[str, Any]

COLUMNS: Final[Sequence[Column]] = (
    ("NUMBER", lambda order: shown(order["number"])),
    ("STATUS", lambda order: shown(order["status"])),
    ("TOTAL", lambda order: money(order["total"])),
    ("PAYMENT", lambda order: shown((order["payment"] or {}).get("status"))),
    ("SHIPMENT", lambda order: shown((order["shipment"] or {}).get("status"))),
    ("PLACED", lambda order: moment(order["placedAt"])),
    ("ATTENTION", lambda order: "needed" if order["needsAttention"] else ""),
)
_NOTIFICATIONS: Final[Sequence[Column]] = (
    ("NOTIFICATION", lambda sent: shown(sent["kind"])),
    ("CHANNEL", lambda sent: shown(sent["channel"])),
    ("STATE", lambda sent: shown(sent["state"])),
    ("ATTEMPTS", lambda sent: shown(sent["attempts"])),
    ("CAUSE", lambda sent: shown(sent["cause"])),
    ("AT", lambda sent: moment(sent["endedAt"] or sent["createdAt"])),
)


def print_order(order: Json) -> None:
    output.facts(_facts(order))
    output.heading("Lines")
    output.table(_lines(order["total"]["currency"]), order["lines"], what="lines")
    output.heading("Price")
    output.facts(_price(order))
    if order["notifications"]:
        output.heading("Notifications")
        output.table(_NOTIFICATIONS, order["notifications"], what="notifications")


def _facts(order: Json) -> Iterator[Fact]:
    payment, shipment = order["payment"] or {}, order["shipment"] or {}
    currency, promises = order["total"]["currency"], order["promises"]
    yield "Order", shown(order["number"])
    yield "Id", shown(order["id"])
    yield "Status", shown(order["status"])
    yield "Reason", shown(order["reason"])
    yield "Reference", shown(order["reference"])
    yield "Metadata", ", ".join(f"{shown(e['key'])}={shown(e['value'])}" for e in order["metadata"])
    yield "Needs attention", "yes: see `waybill sagas show`" if order["needsAttention"] else ""
    yield "Waits for stock", "yes" if order["backordered"] else ""
    yield "Return requested", "yes" if order["returnRequested"] else ""
    yield "Placed", moment(order["placedAt"])
    yield "Updated", moment(order["updatedAt"])
    yield "Position", shown(order["position"])
    yield "Payment", shown(payment.get("status"))
    yield "Attempt", shown(payment.get("attempt"))
    yield "Captured", money(payment.get("captured"), currency)
    yield "Refunded", money(payment.get("refunded"), currency)
    yield "Decline code", shown(payment.get("declineCode"))
    yield "To approve at", shown(payment.get("actionUrl"))
    yield "Shipment", shown(shipment.get("status"))
    yield "Carrier", shown(shipment.get("carrier"))
    yield "Tracking", shown(shipment.get("trackingNumber"))
    yield "Tracked at", shown(shipment.get("trackingUrl"))
    yield "To pay within", length(promises["paymentWindow"])
    yield "Leaves within", length(promises["dispatch"])
    yield "Arrives within", length(promises["delivery"])
    yield "To return within", length(promises["returnWindow"])
    yield "Ships to", _joined(order["shippingAddress"])
    yield "Contact", _joined(order["contact"])


def _lines(currency: str) -> Sequence[Column]:
    return (
        ("SKU", lambda line: shown(line["sku"])),
        ("NAME", lambda line: shown(line["name"])),
        ("QUANTITY", lambda line: shown(line["quantity"])),
        ("TOTAL", lambda line: money(line["total"], currency)),
        ("DISCOUNT", lambda line: money(line["discount"], currency)),
        ("TAX", lambda line: money(line["tax"], currency)),
    )


def _price(order: Json) -> Iterator[Fact]:
    currency = order["total"]["currency"]
    for part in ("lines", "discount", "shipping", "tax", "total"):
        yield part.capitalize(), money(order["price"][part], currency)
    if order["refunded"]["total"]["amount"]:
        yield "Refunded", money(order["refunded"]["total"], currency)
    yield "Discount code", shown(order["discountCode"])


def _joined(parts: Json | None) -> str:
    return ", ".join(shown(value) for value in (parts or {}).values() if value)
