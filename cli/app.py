"""The command line: its shared options, and its commands."""

from __future__ import annotations

from typing import Annotated

import typer

from cli.commands.dead_letters import dead_letters
from cli.commands.discrepancies import discrepancies
from cli.commands.events import events
from cli.commands.goods import products, stock
from cli.commands.health import health
from cli.commands.notices import notices
from cli.commands.orders import orders
from cli.commands.projections import projections
from cli.commands.sagas import sagas
from cli.commands.token import token
from cli.commands.webhooks import webhooks
from cli.target import Target, default_url

app = typer.Typer(
    name="waybill",
    no_args_is_help=True,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    epilog="Example: waybill --url https://waybill.example orders list --parked",
)

for group, name in (
    (orders, "orders"),
    (sagas, "sagas"),
    (discrepancies, "discrepancies"),
    (dead_letters, "dead-letters"),
    (projections, "projections"),
    (events, "events"),
    (notices, "notices"),
    (webhooks, "webhooks"),
    (stock, "stock"),
    (products, "products"),
):
    app.add_typer(group, name=name)
app.command("health", epilog="Example: waybill health")(health)
app.command("token", epilog="Example: waybill token --role admin --minutes 10")(token)


@app.callback()
def shared(
    ctx: typer.Context,
    url: Annotated[
        str | None,
        typer.Option(
            "--url",
            envvar="WAYBILL_URL",
            metavar="URL",
            help="The address of the API. By default http://127.0.0.1:8000, or the port of the "
            "embedded stack.",
        ),
    ] = None,
    token: Annotated[
        str | None,
        typer.Option(
            "--token",
            envvar="WAYBILL_TOKEN",
            metavar="TOKEN",
            help="Your token. Without it, one is signed here with WAYBILL_JWT_SECRET.",
        ),
    ] = None,
    *,
    role: Annotated[
        str | None,
        typer.Option(
            "--role", metavar="ROLE", help="The role of a token that is signed here: operator."
        ),
    ] = None,
    sub: Annotated[
        str | None,
        typer.Option("--sub", metavar="ID", help="Whose token it is: it names you in the log."),
    ] = None,
    timeout: Annotated[
        float,
        typer.Option(
            "--timeout",
            metavar="SECONDS",
            min=0.1,
            max=600,
            help="How long to wait for an answer.",
        ),
    ] = 20.0,
) -> None:
    """Operate a deployment of Waybill over its API.

    Exit codes: 0 done, 1 refused, 2 wrong usage, 3 no answer, 4 not found.
    """
    ctx.obj = Target(url or default_url(), token or None, role, sub, timeout)
