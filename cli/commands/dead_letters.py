"""`waybill dead-letters`: messages of the event bus that a consumer group could not handle."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from enum import StrEnum
from typing import Annotated, Any, Final

import typer

from cli import output
from cli.client import Client
from cli.errors import NotFound
from cli.options import After, All, AsJson, First, Reason, Yes
from cli.output import Column, Fact
from cli.paging import MAX_PAGE, Paging, read
from cli.session import client_of, confirm
from cli.values import moment, shown, visible

Json = dict[str, Any]
Letter = Annotated[str, typer.Argument(metavar="ID", help="The letter's id.")]

dead_letters = typer.Typer(
    help="Read dead letters of the event bus, try them again, or drop them.", no_args_is_help=True
)


class State(StrEnum):
    """The states of a dead letter."""

    RETRYING = "RETRYING"
    DEAD = "DEAD"
    WAITING = "WAITING"


_COLUMNS: Final[Sequence[Column]] = (
    ("ID", lambda letter: shown(letter["id"])),
    ("GROUP", lambda letter: shown(letter["group"])),
    ("STATE", lambda letter: shown(letter["state"])),
    ("STREAM", lambda letter: shown(letter["stream"])),
    ("EVENT", lambda letter: shown(letter["eventType"])),
    ("ATTEMPTS", lambda letter: shown(letter["attempts"])),
    ("CAUSE", lambda letter: shown(letter["cause"])),
    ("LAST FAILED", lambda letter: moment(letter["lastFailedAt"])),
)
_ACTIONS: Final[Sequence[Column]] = (
    ("ACTION", lambda action: shown(action["kind"])),
    ("BY", lambda action: shown(action["actor"])),
    ("AT", lambda action: moment(action["at"])),
    ("REASON", lambda action: shown(action["reason"])),
)


@dead_letters.command("list", epilog="Example: waybill dead-letters list --state DEAD")
def list_letters(
    ctx: typer.Context,
    group: Annotated[
        str | None, typer.Option("--group", metavar="NAME", help="Those of this consumer group.")
    ] = None,
    state: Annotated[
        State | None,
        typer.Option(
            "--state",
            metavar="STATE",
            case_sensitive=False,
            help="Those that are RETRYING, DEAD or WAITING.",
        ),
    ] = None,
    *,
    first: First = 20,
    after: After = None,
    is_all: All = False,
    as_json: AsJson = False,
) -> None:
    """List dead letters, the oldest first. A letter that WAITS is behind one of its stream."""
    paging = Paging(first, after, is_all)
    page = read(client_of(ctx), "DeadLetters", paging, group=group, state=state)
    output.page(page, _COLUMNS, as_json=as_json, what="dead letters")


@dead_letters.command("show", epilog="Example: waybill dead-letters show 17")
def show_letter(ctx: typer.Context, letter: Letter, *, as_json: AsJson = False) -> None:
    """Show one dead letter with its message. Personal data in an event is sealed."""
    found = _letter(client_of(ctx), letter)
    if as_json:
        output.document(found)
        return
    output.facts(_facts(found))
    if found["actions"]:
        output.heading("Actions")
        output.table(_ACTIONS, found["actions"], what="actions")
    output.heading("Message")
    for text in found["body"].splitlines():
        output.line(visible(text))


@dead_letters.command("redrive", epilog="Example: waybill dead-letters redrive 17")
def redrive(
    ctx: typer.Context, letter: Letter, *, yes: Yes = False, as_json: AsJson = False
) -> None:
    """Let the consumer group try the message again, after its cause is fixed."""
    client = client_of(ctx)
    confirm(f"Redrive the dead letter {letter}?", is_confirmed=yes)
    payload = client.ask("RedriveDeadLetter", id=letter)
    if as_json:
        output.document(output.without(payload, "userErrors"))
    else:
        state = payload["letter"]["state"] if payload["letter"] else "handled"
        output.line(f"The dead letter {shown(letter)} is {shown(state)}.")


@dead_letters.command(
    "discard", epilog='Example: waybill dead-letters discard 17 --reason "the order is gone"'
)
def discard(
    ctx: typer.Context,
    letter: Letter,
    reason: Reason,
    *,
    yes: Yes = False,
    as_json: AsJson = False,
) -> None:
    """Drop the message for good. The consumer group goes on with the next one of its stream."""
    client = client_of(ctx)
    confirm(f"Discard the dead letter {letter} for good?", is_confirmed=yes)
    payload = client.ask("DiscardDeadLetter", id=letter, reason=reason)
    if as_json:
        output.document(output.without(payload, "userErrors"))
    else:
        output.line(f"The dead letter {shown(letter)} is DISCARDED.")


def _letter(client: Client, wanted: str) -> Json:
    """Return the letter with this id: the API lists letters, and has no query for one."""
    after: str | None = None
    while True:
        page = read(client, "DeadLetters", Paging(MAX_PAGE, after))
        for letter in page.items:
            if letter["id"] == wanted:
                return letter
        if not page.has_next:
            raise NotFound("NOT_FOUND", "there is no dead letter with this id")
        after = page.end_cursor


def _facts(letter: Json) -> Iterator[Fact]:
    yield "Letter", shown(letter["id"])
    yield "Group", shown(letter["group"])
    yield "State", shown(letter["state"])
    yield "Stream", shown(letter["stream"])
    yield "Event", shown(letter["eventType"])
    yield "Event id", shown(letter["eventId"])
    yield "Origin", shown(letter["origin"])
    yield "Attempts", shown(letter["attempts"])
    yield "Cause", shown(letter["cause"])
    yield "Stored", moment(letter["storedAt"])
    yield "First failed", moment(letter["firstFailedAt"])
    yield "Last failed", moment(letter["lastFailedAt"])
    yield "Next try", moment(letter["nextTryAt"])
    yield "Bytes", shown(letter["bodyBytes"])
