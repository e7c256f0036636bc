"""The options and arguments that several commands share."""

from __future__ import annotations

from typing import Annotated

import typer

from cli.paging import MAX_PAGE

AsJson = Annotated[bool, typer.Option("--json", help="Print JSON on standard output, for scripts.")]
Order = Annotated[
    str, typer.Argument(metavar="ORDER", help="The order's id, or its number such as W-7ZK3M0QX4R.")
]
Sku = Annotated[str, typer.Argument(metavar="SKU", help="The product's SKU.")]
First = Annotated[
    int,
    typer.Option("--first", metavar="NUMBER", min=1, max=MAX_PAGE, help="Print at most this many."),
]
After = Annotated[
    str | None, typer.Option("--after", metavar="CURSOR", help="Begin after this cursor of a list.")
]
All = Annotated[bool, typer.Option("--all", help="Print all of them, page by page.")]
Yes = Annotated[bool, typer.Option("--yes", "-y", help="Do not ask before the change.")]
Reason = Annotated[
    str, typer.Option("--reason", metavar="TEXT", help="Your reason, in one line. It is recorded.")
]
Key = Annotated[
    str | None,
    typer.Option(
        "--key",
        metavar="KEY",
        help="The idempotency key. By default it is derived from what you ask for, so that the "
        "same command has one effect however often you run it.",
    ),
]
