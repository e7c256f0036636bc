"""`waybill orders`: list, show, explain, watch, cancel and refund orders."""

from __future__ import annotations

from datetime import UTC, datetime
from enum import StrEnum
from typing import Annotated

import typer

from cli import output, watching
from cli.client import Json
from cli.commands.explanation import explain_lines
from cli.commands.order_facts import COLUMNS, print_order
from cli.commands.refunds import EXAMPLE as REFUND_EXAMPLE
from cli.commands.refunds import refund_order
from cli.options import After, All, AsJson, First, Key, Order, Reason, Yes
from cli.paging import Paging, read
from cli.session import client_of, confirm, derived_key, names_order, order_id
from cli.values import since as time_of

orders = typer.Typer(help="List, show, watch, cancel and refund orders.", no_args_is_help=True)
orders.command("refund", epilog=REFUND_EXAMPLE)(refund_order)


class Status(StrEnum):
    """The statuses of an order."""

    PLACED = "PLACED"
    RESERVED = "RESERVED"
    AUTHORIZED = "AUTHORIZED"
    CONFIRMED = "CONFIRMED"
    SHIPPED = "SHIPPED"
    DELIVERED = "DELIVERED"
    COMPLETED = "COMPLETED"
    REJECTED = "REJECTED"
    CANCELLING = "CANCELLING"
    CANCELLED = "CANCELLED"
    RETURNED = "RETURNED"


@orders.command("list", epilog="Example: waybill orders list --status CONFIRMED --since 2h")
def list_orders(
    ctx: typer.Context,
    status: Annotated[
        list[Status] | None,
        typer.Option(
            "--status",
            metavar="STATUS",
            case_sensitive=False,
            help="Those in this status, such as CONFIRMED. It may be repeated.",
        ),
    ] = None,
    customer: Annotated[
        str | None, typer.Option("--customer", metavar="ID", help="The orders of this customer.")
    ] = None,
    since: Annotated[
        str | None,
        typer.Option(
            "--since",
            metavar="TIME",
            help="Those that were placed since: 30m, 2h, 7d, 2026-01-31 or 2026-01-31T09:30:00Z.",
        ),
    ] = None,
    *,
    parked: Annotated[
        bool,
        typer.Option(
            "--parked", help="Those that need attention: a parked step, or an open discrepancy."
        ),
    ] = False,
    first: First = 20,
    after: After = None,
    is_all: All = False,
    as_json: AsJson = False,
) -> None:
    """List orders, the newest first. The list shows no addresses."""
    wanted: Json = {
        "status": status,
        "customerId": customer,
        "placedAt": {"from": time_of(since, datetime.now(UTC))} if since else None,
        "needsAttention": True if parked else None,
    }
    given = {name: value for name, value in wanted.items() if value is not None}
    page = read(client_of(ctx), "Orders", Paging(first, after, is_all), filter=given)
    output.page(page, COLUMNS, as_json=as_json, what="orders")


@orders.command("show", epilog="Example: waybill orders show W-7ZK3M0QX4R")
def show_order(ctx: typer.Context, order: Order, *, as_json: AsJson = False) -> None:
    """Show one order, with its recipient, its price and its notifications."""
    found = client_of(ctx).ask("Order", **names_order(order))
    if as_json:
        output.document(found)
    else:
        print_order(found)


@orders.command("explain", epilog="Example: waybill orders explain W-7ZK3M0QX4R")
def explain_order(ctx: typer.Context, order: Order, *, as_json: AsJson = False) -> None:
    """Print the timeline of one order, what it waits for, and where its money and its stock are."""
    client = client_of(ctx)
    found = client.ask("Explain", orderId=order_id(client, order))
    if as_json:
        output.document(found)
    else:
        output.styled(explain_lines(found, datetime.now(UTC)))


@orders.command("watch", epilog="Example: waybill orders watch W-7ZK3M0QX4R")
def watch_order(
    ctx: typer.Context,
    order: Order,
    after: Annotated[
        str | None,
        typer.Option("--after", metavar="POSITION", help="Begin after this position."),
    ] = None,
    *,
    as_json: AsJson = False,
) -> None:
    """Print each change of one order until it has ended, or until Ctrl-C.

    A connection that is lost is opened again, and continues after the last change.
    """
    client = client_of(ctx)
    for update in watching.updates(client, order_id(client, order), after):
        if as_json:
            output.record(update)
        else:
            output.line(watching.line(update))


@orders.command("cancel", epilog='Example: waybill orders cancel W-7ZK3M0QX4R --reason "fraud"')
def cancel_order(
    ctx: typer.Context,
    order: Order,
    reason: Reason,
    *,
    yes: Yes = False,
    key: Key = None,
    as_json: AsJson = False,
) -> None:
    """Cancel an order whose parcel has not left. Its saga compensates what was done.

    The reason becomes a note of staff about the order.
    """
    client = client_of(ctx)
    found = order_id(client, order)
    confirm(f"Cancel the order {order}?", is_confirmed=yes)
    cancelled = key or derived_key("cancel", found, reason)
    payload = client.ask("CancelOrder", input={"idempotencyKey": cancelled, "orderId": found})
    client.ask(
        "AddOrderNote",
        input={
            "idempotencyKey": derived_key("note", cancelled),
            "orderId": found,
            "text": f"Cancelled: {reason}",
        },
    )
    if as_json:
        output.document(output.without(payload, "userErrors"))
    else:
        output.line(f"{payload['order']['number']} is {payload['order']['status']}.")
