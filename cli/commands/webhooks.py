"""`waybill webhooks`: the URLs that receive events."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Annotated, Any, Final

import typer

from cli import output
from cli.errors import NotFound
from cli.options import After, All, AsJson, First, Yes
from cli.output import Column, Fact
from cli.paging import Paging, read
from cli.session import client_of, confirm
from cli.values import NOTHING, moment, shown

Json = dict[str, Any]
Webhook = Annotated[str, typer.Argument(metavar="ID", help="The webhook's id.")]

webhooks = typer.Typer(
    help="Read the webhooks that receive events, switch them off and on, and try them.",
    no_args_is_help=True,
)

_ATTEMPTS: Final[Sequence[Column]] = (
    ("AT", lambda attempt: moment(attempt["at"])),
    ("EVENT", lambda attempt: shown(attempt["eventType"])),
    ("OUTCOME", lambda attempt: shown(attempt["outcome"])),
    ("STATUS", lambda attempt: shown(attempt["status"])),
    ("TOOK", lambda attempt: f"{attempt['durationMs']:,} ms"),
    ("EVENT ID", lambda attempt: shown(attempt["eventId"])),
)


@webhooks.command("list", epilog="Example: waybill webhooks list")
def list_webhooks(
    ctx: typer.Context,
    *,
    first: First = 20,
    after: After = None,
    is_all: All = False,
    as_json: AsJson = False,
) -> None:
    """List the webhooks, by the time of their registration."""
    page = read(client_of(ctx), "Webhooks", Paging(first, after, is_all))
    output.page(page, _COLUMNS, as_json=as_json, what="webhooks")


@webhooks.command("show", epilog="Example: waybill webhooks show ID --first 50")
def show_webhook(
    ctx: typer.Context, webhook: Webhook, *, first: First = 20, as_json: AsJson = False
) -> None:
    """Show one webhook with its newest attempts. No secret is shown."""
    found = client_of(ctx).ask("Webhook", id=webhook, first=first)
    if found is None:
        raise NotFound("NOT_FOUND", "there is no webhook with this id")
    if as_json:
        output.document(found)
        return
    output.facts(_facts(found))
    output.heading("Attempts")
    attempts = [edge["node"] for edge in found["attempts"]["edges"]]
    output.table(_ATTEMPTS, attempts, what="attempts")


@webhooks.command("disable", epilog="Example: waybill webhooks disable ID --yes")
def disable(
    ctx: typer.Context, webhook: Webhook, *, yes: Yes = False, as_json: AsJson = False
) -> None:
    """Send nothing more to a webhook until it is enabled again."""
    confirm(f"Disable the webhook {webhook}?", is_confirmed=yes)
    _change(ctx, "DisableWebhook", as_json=as_json, id=webhook)


@webhooks.command("enable", epilog="Example: waybill webhooks enable ID")
def enable(ctx: typer.Context, webhook: Webhook, *, as_json: AsJson = False) -> None:
    """Send to a webhook again, from the position at which it was disabled."""
    _change(ctx, "EnableWebhook", as_json=as_json, id=webhook)


@webhooks.command("replay", epilog="Example: waybill webhooks replay ID --after POSITION --yes")
def replay(
    ctx: typer.Context,
    webhook: Webhook,
    after: Annotated[
        str,
        typer.Option("--after", metavar="POSITION", help="The events after it are sent again."),
    ],
    *,
    yes: Yes = False,
    as_json: AsJson = False,
) -> None:
    """Send all events after a position again, in their order."""
    confirm(f"Send the events after {after} to the webhook {webhook} again?", is_confirmed=yes)
    _change(ctx, "ReplayWebhook", as_json=as_json, id=webhook, **{"from": after})


@webhooks.command("test", epilog="Example: waybill webhooks test ID")
def send_test(
    ctx: typer.Context,
    webhook: Webhook,
    key: Annotated[
        str | None,
        typer.Option(
            "--key", metavar="KEY", help="The idempotency key. By default each run sends an event."
        ),
    ] = None,
    *,
    as_json: AsJson = False,
) -> None:
    """Send one event of the type WebhookTested, which is in no log."""
    from uuid import uuid4  # noqa: PLC0415 - only this command needs it

    wanted = {"idempotencyKey": key or f"cli-{uuid4()}", "id": webhook}
    payload = client_of(ctx).ask("TestWebhook", input=wanted)
    if as_json:
        output.document(output.without(payload, "userErrors"))
    else:
        output.line(
            f"The event {shown(payload['eventId'])} is being sent: read its outcome with "
            f"`waybill webhooks show {shown(webhook)}`."
        )


def _change(ctx: typer.Context, name: str, *, as_json: bool, **variables: str) -> None:
    payload = client_of(ctx).ask(name, **variables)
    if as_json:
        output.document(output.without(payload, "userErrors"))
    else:
        changed = payload["webhook"]
        output.line(f"The webhook {shown(changed['id'])} is {_state(changed)}.")


def _state(hook: Json) -> str:
    if hook["disabled"]:
        return f"disabled ({shown(hook['disabled']['cause'])})"
    return f"failing since {moment(hook['failingSince'])}" if hook["failingSince"] else "enabled"


def _facts(hook: Json) -> Iterator[Fact]:
    yield "Webhook", shown(hook["id"])
    yield "URL", shown(hook["url"])
    yield "Description", shown(hook["description"])
    yield "State", _state(hook)
    yield "Disabled", moment((hook["disabled"] or {}).get("at"))
    yield "Paused until", moment(hook["pausedUntil"])
    yield "Patterns", shown(" ".join(hook["patterns"]))
    yield "Position", shown(hook["position"])
    yield "Waiting", shown(hook["waiting"])
    yield "Secrets", str(len(hook["secrets"])) if hook["secrets"] else NOTHING
    yield "Created", f"{moment(hook['createdAt'])} by {shown(hook['createdBy'])}"


_COLUMNS: Final[Sequence[Column]] = (
    ("ID", lambda hook: shown(hook["id"])),
    ("URL", lambda hook: shown(hook["url"])),
    ("STATE", _state),
    ("WAITING", lambda hook: shown(hook["waiting"])),
    ("PATTERNS", lambda hook: shown(" ".join(hook["patterns"]))),
    ("DESCRIPTION", lambda hook: shown(hook["description"])),
)
