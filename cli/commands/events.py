"""`waybill events`: the log, as staff may read it."""

from __future__ import annotations

from typing import Annotated

import typer

from cli import output
from cli.client import Client
from cli.errors import WrongUsage
from cli.options import First
from cli.session import client_of
from cli.tailing import Search, follow, line, newest, page

START = "start"
NOW = "now"

events = typer.Typer(help="Read the log of events.", no_args_is_help=True)


@events.command("tail", epilog="Example: waybill events tail --type OrderCancelled --follow")
def tail(
    ctx: typer.Context,
    after: Annotated[
        str | None,
        typer.Option(
            "--after",
            metavar="POSITION",
            help="Begin after this position, at the `start` of the log, or `now`. By default now "
            "with --follow, and the start without it or with --stream.",
        ),
    ] = None,
    types: Annotated[
        list[str] | None,
        typer.Option("--type", metavar="TYPE", help="An event type. It may be repeated."),
    ] = None,
    stream: Annotated[
        str | None, typer.Option("--stream", metavar="STREAM", help="One stream: order-ID.")
    ] = None,
    *,
    following: Annotated[
        bool, typer.Option("--follow", "-f", help="Wait for further events, until Ctrl-C.")
    ] = False,
    first: First = 20,
    is_all: Annotated[
        bool, typer.Option("--all", help="Print all events up to the end of the log.")
    ] = False,
    every: Annotated[
        float,
        typer.Option(
            "--every",
            metavar="SECONDS",
            min=0.1,
            max=60,
            help="The time between two looks for events.",
        ),
    ] = 1.0,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print one line of JSON for each event.")
    ] = False,
) -> None:
    """Print events of the log by their position, without personal data.

    With --follow, a connection that is lost is opened again. The output continues after the last
    event that was printed, without a gap or a repetition.
    """
    if following and is_all:
        raise WrongUsage("--all ends at the end of the log, and --follow does not: pass one")
    client = client_of(ctx)
    search = Search(stream, types or None)
    position = _position(client, after, following=following and stream is None)
    show = output.record if as_json else lambda event: output.line(line(event))
    if following:
        for event in follow(client, search, position, every):
            show(event)
        return
    while True:
        found = page(client, search, position, 100 if is_all else first)
        for event in found.items:
            show(event)
        position = found.end_cursor
        if not (found.has_next and is_all):
            break
    if found.has_next:
        output.note(f"there are more events: pass --all, or --after {position}")


def _position(client: Client, after: str | None, *, following: bool) -> str | None:
    """Return the position to begin after; None for the start of the log."""
    if after == NOW or (after is None and following):
        return newest(client)
    return None if after == START else after
