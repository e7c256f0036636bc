"""`waybill token`: sign a token on this machine."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Annotated

import typer

from cli import output
from cli.session import target_of
from cli.target import signed


def token(
    ctx: typer.Context,
    role: Annotated[
        str | None, typer.Option("--role", metavar="ROLE", help="customer, operator or admin.")
    ] = None,
    sub: Annotated[
        str | None, typer.Option("--sub", metavar="ID", help="Whose token it is.")
    ] = None,
    minutes: Annotated[
        float,
        typer.Option(
            "--minutes", metavar="NUMBER", min=1, max=24 * 60, help="For how long it holds."
        ),
    ] = 60,
) -> None:
    """Print a token that is signed here with WAYBILL_JWT_SECRET, or the embedded stack's secret.

    It is the only command that prints a token. It asks no server.
    """
    target = target_of(ctx)
    own = replace(target, token=None, role=role or target.role, subject=sub or target.subject)
    output.line(signed(own, timedelta(minutes=minutes)))
