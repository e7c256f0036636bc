"""`waybill orders refund`: give money back by hand."""

from __future__ import annotations

from typing import Annotated, Final

import typer

from cli import output
from cli.client import Json
from cli.errors import WrongUsage
from cli.options import AsJson, Key, Order, Reason, Yes
from cli.session import client_of, confirm, derived_key, names_order
from cli.values import money, shown

EXAMPLE: Final = 'Example: waybill orders refund ORDER --amount 500 --reason "a scratch"'


def refund_order(
    ctx: typer.Context,
    order: Order,
    reason: Reason,
    amount: Annotated[
        int | None,
        typer.Option(
            "--amount",
            metavar="NUMBER",
            min=1,
            help="The amount in the currency's minor unit: 500 for 5.00 EUR.",
        ),
    ] = None,
    lines: Annotated[
        list[str] | None,
        typer.Option(
            "--line",
            metavar="SKU=QUANTITY",
            help="Refund the price of these pieces. No stock changes. It may be repeated.",
        ),
    ] = None,
    *,
    yes: Yes = False,
    key: Key = None,
    as_json: AsJson = False,
) -> None:
    """Give money back: an amount, or the price of pieces.

    A second refund of the same amount for the same reason needs a --key of its own.
    """
    if (amount is None) == (not lines):
        raise WrongUsage("name either --amount or --line")
    client = client_of(ctx)
    found = client.ask("OrderRefunds", **names_order(order))
    what = _by_amount(amount, found) if amount else {"lines": [_line(text) for text in lines or ()]}
    confirm(f"Refund {_text(what)} of the order {found['number']}?", is_confirmed=yes)
    wanted = {
        "idempotencyKey": key or derived_key("REFUND", found["id"], what, reason),
        "orderId": found["id"],
        "reason": reason,
        **what,
    }
    answer = client.run("RefundOrder", {"input": wanted})
    if answer.is_replayed:
        output.note("it was done before: this is the answer to the first request")
    if as_json:
        output.document(output.without(answer.value, "userErrors"))
        return
    refund = answer.value["refund"]
    output.line(
        f"Refund {refund['number']} of {shown(found['number'])} is {refund['status']}: "
        f"{money(refund['amount'])}."
    )


def _by_amount(amount: int, order: Json) -> Json:
    return {"amount": {"amount": amount, "currency": order["total"]["currency"]}}


def _line(text: str) -> Json:
    sku, _, quantity = text.rpartition("=")
    if not (sku and quantity.isascii() and quantity.isdigit()):
        raise WrongUsage("name a line as SKU=QUANTITY: --line mug=1")
    return {"sku": sku, "quantity": int(quantity)}


def _text(what: Json) -> str:
    if "amount" in what:
        return money(what["amount"])
    return ", ".join(f"{line['quantity']} x {shown(line['sku'])}" for line in what["lines"])
