"""What a command works with: the client of the deployment, and the form of its output."""

from __future__ import annotations

import hashlib
import re
import sys
from typing import Final, cast

import typer

from cli.client import Client, Json
from cli.errors import Declined, WrongUsage
from cli.target import Target

_NUMBER: Final = re.compile(r"W-?[0-9A-Z]{10}", re.ASCII | re.IGNORECASE)


def target_of(ctx: typer.Context) -> Target:
    return cast("Target", ctx.obj)


def client_of(ctx: typer.Context) -> Client:
    return Client(target_of(ctx))


def names_order(text: str) -> Json:
    """Return the variable that names an order: its number, or its id."""
    return {"number": text} if _NUMBER.fullmatch(text) else {"id": text}


def order_id(client: Client, text: str) -> str:
    """Return the id of the order that the caller names. Raises NotFound."""
    named = names_order(text)
    # The document `OrderAt` reads no address, unlike `Order`.
    return str(client.ask("OrderAt", **named)["id"]) if "number" in named else text


def derived_key(*facts: object) -> str:
    """Return an idempotency key that is the same for the same facts."""
    text = "\0".join(map(str, facts))
    return f"cli-{hashlib.sha256(text.encode()).hexdigest()[:40]}"


def confirm(question: str, *, is_confirmed: bool) -> None:
    """Ask before a change. Raises Declined for a no, WrongUsage where there is nobody to ask."""
    if is_confirmed:
        return
    if not sys.stdin.isatty():
        raise WrongUsage("there is no terminal to confirm the change at: pass --yes")
    if not typer.confirm(question, err=True):
        raise Declined("nothing was changed")
