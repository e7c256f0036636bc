"""`waybill notices`: what needs an operator."""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum
from typing import Annotated, Final

import typer

from cli import output
from cli.options import After, All, AsJson, First
from cli.output import Column
from cli.paging import Paging, read
from cli.session import client_of
from cli.values import moment, shown

notices = typer.Typer(help="Read what needs an operator, and acknowledge it.", no_args_is_help=True)


class Which(StrEnum):
    """The notices of a list."""

    OPEN = "open"
    ENDED = "ended"
    ALL = "all"


_IS_OPEN: Final = {Which.OPEN: True, Which.ENDED: False, Which.ALL: None}
_COLUMNS: Final[Sequence[Column]] = (
    ("ID", lambda notice: shown(notice["id"])),
    ("KIND", lambda notice: shown(notice["kind"])),
    ("SUBJECT", lambda notice: shown(notice["orderNumber"] or notice["subject"])),
    ("SINCE", lambda notice: moment(notice["since"])),
    ("ENDED", lambda notice: moment(notice["closedAt"])),
    ("ACKNOWLEDGED BY", lambda notice: shown((notice["acknowledged"] or {}).get("actor"))),
    ("TEXT", lambda notice: shown(notice["text"])),
)


@notices.command("list", epilog="Example: waybill notices list --which all")
def list_notices(
    ctx: typer.Context,
    which: Annotated[
        Which,
        typer.Option(
            "--which",
            metavar="WHICH",
            help="Those whose cause lasts (open), or has ended (ended), or both (all).",
        ),
    ] = Which.OPEN,
    *,
    first: First = 20,
    after: After = None,
    is_all: All = False,
    as_json: AsJson = False,
) -> None:
    """List the notices to operators, the newest first."""
    paging = Paging(first, after, is_all)
    page = read(client_of(ctx), "OperatorNotices", paging, open=_IS_OPEN[which])
    output.page(page, _COLUMNS, as_json=as_json, what="notices")


@notices.command(
    "acknowledge", epilog='Example: waybill notices acknowledge 4 --note "I fix the consumer"'
)
def acknowledge(
    ctx: typer.Context,
    notice: Annotated[str, typer.Argument(metavar="ID", help="The notice's id.")],
    note: Annotated[
        str | None,
        typer.Option("--note", metavar="TEXT", help="What you know or do, for other staff."),
    ] = None,
    *,
    as_json: AsJson = False,
) -> None:
    """Say that you know of the notice, so that it is not said again."""
    payload = client_of(ctx).ask("AcknowledgeNotice", id=notice, note=note)
    if as_json:
        output.document(output.without(payload, "userErrors"))
        return
    known = payload["notice"]["acknowledged"]
    output.line(
        f"The notice {shown(notice)} is acknowledged by {shown(known['actor'])} "
        f"since {moment(known['at'])}."
    )
