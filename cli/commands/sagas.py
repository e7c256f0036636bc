"""`waybill sagas`: read sagas, and intervene in those that are parked."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Annotated, Any, Final

import typer

from cli import output
from cli.client import Client
from cli.errors import NotFound
from cli.options import After, All, AsJson, First, Key, Order, Reason, Yes
from cli.output import Column, Fact
from cli.paging import Page, Paging, read
from cli.session import client_of, confirm, derived_key, order_id
from cli.values import moment, shown

Json = dict[str, Any]
Step = Annotated[
    str | None,
    typer.Option("--step", metavar="NAME", help="The parked step, if several are parked."),
]

sagas = typer.Typer(help="Read sagas, and intervene in parked ones.", no_args_is_help=True)

_PARKED: Final[Sequence[Column]] = (
    ("NUMBER", lambda row: shown(row["orderNumber"])),
    ("ORDER", lambda row: shown(row["orderId"])),
    ("STEP", lambda row: shown(row["name"])),
    ("SINCE", lambda row: moment(row["parking"]["since"])),
    ("FAILED", lambda row: shown(row["parking"]["attempts"])),
    ("NEXT RETRY", lambda row: moment(row["parking"]["nextRetryAt"])),
    ("CODE", lambda row: shown(row["parking"]["code"])),
    ("MESSAGE", lambda row: shown(row["parking"]["message"])),
)
_INTERVENTIONS: Final[Sequence[Column]] = (
    ("INTERVENTION", lambda made: shown(made["kind"])),
    ("STEP", lambda made: shown(made["step"])),
    ("BY", lambda made: shown(made["actor"])),
    ("AT", lambda made: moment(made["at"])),
    ("REASON", lambda made: shown(made["reason"])),
)
_DISCREPANCIES: Final[Sequence[Column]] = (
    ("SYSTEM", lambda found: shown(found["system"])),
    ("OURS", lambda found: shown(found["ours"])),
    ("THEIRS", lambda found: shown(found["theirs"])),
    ("SINCE", lambda found: moment(found["since"])),
    ("ACCEPTED", lambda found: shown(found["accepted"] and found["accepted"]["actor"])),
)
_ATTEMPTS: Final[Sequence[Column]] = (
    ("STEP", lambda attempt: shown(attempt["step"])),
    ("ATTEMPT", lambda attempt: shown(attempt["number"])),
    ("OUTCOME", lambda attempt: shown(attempt["outcome"])),
    ("STARTED", lambda attempt: moment(attempt["startedAt"])),
    ("ENDED", lambda attempt: moment(attempt["endedAt"])),
    ("REFERENCE", lambda attempt: shown(attempt["reference"])),
    ("CODE", lambda attempt: shown(attempt["code"])),
    ("MESSAGE", lambda attempt: shown(attempt["message"])),
)
DOCUMENTS: Final = {
    "RETRY": "RetrySaga",
    "SKIP": "SkipSagaStep",
    "RESOLVE": "ResolveSaga",
    "COMPENSATE": "CompensateSaga",
}


@sagas.command("parked", epilog="Example: waybill sagas parked --all")
def list_parked(
    ctx: typer.Context,
    *,
    first: First = 20,
    after: After = None,
    is_all: All = False,
    as_json: AsJson = False,
) -> None:
    """List the parked sagas, the oldest first, with the step that is parked and its error."""
    page = read(client_of(ctx), "ParkedSagas", Paging(first, after, is_all))
    if as_json:
        output.document(page.as_json())
        return
    rows = [row for saga in page.items for row in _parked_steps(saga)]
    shown_page = Page(rows, page.has_next, page.end_cursor)
    output.page(shown_page, _PARKED, as_json=False, what="parked sagas")


@sagas.command("show", epilog="Example: waybill sagas show W-7ZK3M0QX4R")
def show_saga(ctx: typer.Context, order: Order, *, as_json: AsJson = False) -> None:
    """Show the saga of an order: its steps, their undos and attempts, and the interventions."""
    client = client_of(ctx)
    found = _saga(client, order_id(client, order))
    if as_json:
        output.document(found)
    else:
        _print_saga(found)


def _add(kind: str, meaning: str, example: str) -> None:
    """Add the command of one kind of intervention."""

    def command(
        ctx: typer.Context,
        order: Order,
        reason: Reason,
        *,
        step: Step = None,
        yes: Yes = False,
        key: Key = None,
        as_json: AsJson = False,
    ) -> None:
        _intervene(ctx, kind, (order, reason, step, key), is_confirmed=yes, as_json=as_json)

    name = kind.lower()
    epilog = f'Example: waybill sagas {name} ORDER --reason "{example}"'
    sagas.command(name, help=meaning, epilog=epilog)(command)


_add("RETRY", "Run the parked step again, after its cause is fixed.", "the bank is back")
_add("SKIP", "Continue the saga without the parked step.", "sent by hand")
_add("RESOLVE", "Continue the saga after you have settled the parked step by hand.", "paid by bank")
_add("COMPENSATE", "Undo the steps of the saga, and cancel the order.", "no stock")


def _intervene(
    ctx: typer.Context,
    kind: str,
    given: tuple[str, str, str | None, str | None],
    *,
    is_confirmed: bool,
    as_json: bool,
) -> None:
    order, reason, step, key = given
    client = client_of(ctx)
    saga = _saga(client, order_id(client, order))
    where, parking = _place(saga, step, kind, reason)
    confirm(
        f"{kind.capitalize()} the step {where or '(none is parked)'} of the order "
        f"{saga['orderNumber']}?",
        is_confirmed=is_confirmed,
    )
    wanted = {
        "idempotencyKey": key or derived_key(kind, saga["orderId"], where, parking, reason),
        "orderId": saga["orderId"],
        "reason": reason,
        **({"step": step} if step else {}),
    }
    answer = client.run(DOCUMENTS[kind], {"input": wanted})
    if answer.is_replayed:
        output.note("it was done before: this is the answer to the first request")
    if as_json:
        output.document(output.without(answer.value, "userErrors"))
        return
    changed = answer.value["saga"]
    output.line(f"The saga of {shown(changed['orderNumber'])} is {changed['status']}.")


def _place(saga: Json, step: str | None, kind: str, reason: str) -> tuple[str, int]:
    """Return the step and the number of the parking that an intervention is about.

    A command that is run again finds no parked step. Its own intervention then names the place, so
    that the key is the same as before.
    """
    parked = [row for row in _parked_steps(saga) if step in {None, row["name"]}]
    if parked:
        return str(parked[0]["name"]), int(parked[0]["parking"]["number"])
    for made in reversed(saga["interventions"]):
        if (made["kind"], made["reason"]) == (kind, reason) and step in {None, made["step"]}:
            return str(made["step"]), int(made["parking"])
    return step or "", 0


def _saga(client: Client, found: str) -> Json:
    saga: Json | None = client.ask("Saga", orderId=found)
    if saga is None:
        raise NotFound("NOT_FOUND", "there is no saga of this order")
    return saga


def _parked_steps(saga: Json) -> Iterator[Json]:
    for step in saga["steps"]:
        for part in (step, step["undo"]):
            if part and part["parking"]:
                about = {"orderId": saga["orderId"], "orderNumber": saga["orderNumber"]}
                yield {**part, **about}


def _attempts(saga: Json) -> Iterator[Json]:
    """Yield the attempts that show more than their step does: a failure, or a provider's id."""
    for step in saga["steps"]:
        for part in (step, step["undo"]):
            attempts = part["attemptHistory"] if part else ()
            for attempt in attempts:
                if len(attempts) > 1 or attempt["code"] or attempt["reference"]:
                    yield {**attempt, "step": part["name"]}


def _print_saga(saga: Json) -> None:
    output.facts(_facts(saga))
    output.heading("Steps")
    output.table(_STEPS, saga["steps"], what="steps")
    undos = [step["undo"] for step in saga["steps"] if step["undo"]]
    if begun := [undo for undo in undos if undo["state"] != "PLANNED"]:
        output.heading("Undos")
        output.table(_STEPS, begun, what="undos")
    if attempts := list(_attempts(saga)):
        output.heading("Attempts")
        output.table(_ATTEMPTS, attempts, what="attempts")
    if saga["interventions"]:
        output.heading("Interventions")
        output.table(_INTERVENTIONS, saga["interventions"], what="interventions")
    if saga["discrepancies"]:
        output.heading("Discrepancies")
        output.table(_DISCREPANCIES, saga["discrepancies"], what="discrepancies")


def _facts(saga: Json) -> Iterator[Fact]:
    yield "Order", shown(saga["orderNumber"])
    yield "Id", shown(saga["orderId"])
    yield "Status", shown(saga["status"])
    yield "Needs attention", "yes" if saga["needsAttention"] else ""
    yield "Parked since", moment(saga["parkedSince"])
    yield "Recoveries", shown(saga["recoveries"] or None)
    yield "Workflows", ", ".join(map(shown, saga["workflowIds"] or ()))
    yield "Position", shown(saga["positionNumber"])


def _error(step: Json) -> str:
    error = step["parking"] or step["lastError"]
    return f"{shown(error['code'])}: {shown(error['message'])}" if error else ""


_STEPS: Final[Sequence[Column]] = (
    ("STEP", lambda step: shown(step["name"])),
    ("STATE", lambda step: "PARKED" if step["parking"] else shown(step["state"])),
    ("ATTEMPTS", lambda step: shown(step["attempts"])),
    ("STARTED", lambda step: moment(step["startedAt"])),
    ("ENDED", lambda step: moment(step["endedAt"])),
    ("NEXT RETRY", lambda step: moment(step["parking"] and step["parking"]["nextRetryAt"])),
    ("ERROR", _error),
)
