"""`waybill discrepancies`: where the log and another system disagree."""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum
from typing import Annotated, Final

import typer

from cli import output
from cli.client import Json
from cli.options import After, All, AsJson, First, Key, Order, Reason, Yes
from cli.output import Column
from cli.paging import Paging, read
from cli.session import client_of, confirm, derived_key, order_id
from cli.values import moment, shown

discrepancies = typer.Typer(
    help="Read where the log and another system disagree, and accept it.", no_args_is_help=True
)


class System(StrEnum):
    """The systems that are compared with the log."""

    PAYMENT = "PAYMENT"
    SHIPMENT = "SHIPMENT"
    WORKFLOW = "WORKFLOW"
    STOCK = "STOCK"


class Which(StrEnum):
    """The discrepancies of a list."""

    OPEN = "open"
    ACCEPTED = "accepted"
    ALL = "all"


_IS_ACCEPTED: Final = {Which.OPEN: False, Which.ACCEPTED: True, Which.ALL: None}
_COLUMNS: Final[Sequence[Column]] = (
    ("NUMBER", lambda found: shown(found["orderNumber"])),
    ("ORDER", lambda found: shown(found["orderId"])),
    ("SYSTEM", lambda found: shown(found["system"])),
    ("OURS", lambda found: shown(found["ours"])),
    ("THEIRS", lambda found: shown(found["theirs"])),
    ("SINCE", lambda found: moment(found["since"])),
    ("ACCEPTED BY", lambda found: shown((found["accepted"] or {}).get("actor"))),
    ("REASON", lambda found: shown((found["accepted"] or {}).get("reason"))),
)


@discrepancies.command("list", epilog="Example: waybill discrepancies list --system PAYMENT")
def list_discrepancies(
    ctx: typer.Context,
    system: Annotated[
        list[System] | None,
        typer.Option(
            "--system",
            metavar="SYSTEM",
            case_sensitive=False,
            help="Those from PAYMENT, SHIPMENT, WORKFLOW or STOCK. It may be repeated.",
        ),
    ] = None,
    which: Annotated[
        Which,
        typer.Option(
            "--which",
            metavar="WHICH",
            help="Those that nobody has accepted (open), the accepted ones, or both (all).",
        ),
    ] = Which.OPEN,
    *,
    first: First = 20,
    after: After = None,
    is_all: All = False,
    as_json: AsJson = False,
) -> None:
    """List the discrepancies, those that changed least recently first."""
    wanted: Json = {"system": system, "accepted": _IS_ACCEPTED[which]}
    given = {name: value for name, value in wanted.items() if value is not None}
    page = read(client_of(ctx), "Discrepancies", Paging(first, after, is_all), filter=given)
    output.page(page, _COLUMNS, as_json=as_json, what="discrepancies")


@discrepancies.command(
    "accept",
    epilog='Example: waybill discrepancies accept ORDER PAYMENT --reason "the shop bears it"',
)
def accept(
    ctx: typer.Context,
    order: Order,
    system: Annotated[
        System,
        typer.Argument(
            metavar="SYSTEM", case_sensitive=False, help="PAYMENT, SHIPMENT, WORKFLOW or STOCK."
        ),
    ],
    reason: Reason,
    *,
    yes: Yes = False,
    key: Key = None,
    as_json: AsJson = False,
) -> None:
    """Accept a difference, which ends its alarm. It is open again when it changes."""
    client = client_of(ctx)
    found = order_id(client, order)
    confirm(f"Accept the difference of {order} from {system}?", is_confirmed=yes)
    since = _since(client.ask("Saga", orderId=found), system)
    wanted = {
        "idempotencyKey": key or derived_key("ACCEPT", found, system, since, reason),
        "orderId": found,
        "system": system,
        "reason": reason,
    }
    payload = client.ask("AcceptDiscrepancy", input=wanted)
    if as_json:
        output.document(output.without(payload, "userErrors"))
        return
    accepted = payload["discrepancy"]["accepted"]
    output.line(
        f"The difference from {system} is accepted by {shown(accepted['actor'])} "
        f"since {moment(accepted['at'])}."
    )


def _since(saga: Json | None, system: System) -> Sequence[str]:
    """Return what tells this difference from an earlier or a later one."""
    found = (saga or {}).get("discrepancies") or ()
    return [
        each["since"] + each["ours"] + each["theirs"] for each in found if each["system"] == system
    ]
