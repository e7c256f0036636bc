"""`waybill projections`: the read models, their lag, their parked events and their rebuilds."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Annotated, Any, Final

import typer

from cli import output
from cli.client import Client
from cli.errors import NotFound
from cli.options import AsJson, Yes
from cli.output import Column, Fact
from cli.session import client_of, confirm
from cli.values import NOTHING, age, moment, shown

Json = dict[str, Any]
Name = Annotated[str, typer.Argument(metavar="NAME", help="The projection, such as orders.")]

projections = typer.Typer(
    help="Read projections, rebuild them, and redrive their parked events.", no_args_is_help=True
)

_STREAMS: Final[Sequence[Column]] = (
    ("STREAM", lambda row: shown(row["stream"])),
    ("EVENTS", lambda row: shown(row["events"])),
    ("ATTEMPTS", lambda row: shown(row["attempts"])),
    ("SINCE", lambda row: moment(row["since"])),
    ("CAUSE", lambda row: shown(row["cause"])),
)


@projections.command("list", epilog="Example: waybill projections list")
def list_projections(ctx: typer.Context, *, as_json: AsJson = False) -> None:
    """List all projections with their lag, their parked streams and their last rebuild."""
    found = client_of(ctx).ask("Projections")
    if as_json:
        output.document({"items": found})
    else:
        output.table(_COLUMNS, found, what="projections")


@projections.command("show", epilog="Example: waybill projections show orders")
def show_projection(ctx: typer.Context, name: Name, *, as_json: AsJson = False) -> None:
    """Show one projection with its parked streams."""
    found = _projection(client_of(ctx), name)
    if as_json:
        output.document(found)
        return
    output.facts(_facts(found))
    if found["parked"]:
        output.heading("Parked streams")
        output.table(_STREAMS, found["parked"], what="parked streams")


@projections.command("rebuild", epilog="Example: waybill --role admin projections rebuild orders")
def rebuild(ctx: typer.Context, name: Name, *, yes: Yes = False, as_json: AsJson = False) -> None:
    """Rebuild a projection from the log while the service runs. It needs the role admin.

    A worker makes the rebuild: `waybill projections show` prints its progress.
    """
    client = client_of(ctx)
    confirm(f"Rebuild the projection {name} from the log?", is_confirmed=yes)
    payload = client.ask("RebuildProjection", name=name)
    if as_json:
        output.document(output.without(payload, "userErrors"))
    else:
        output.line(f"The rebuild of {shown(name)} is {_rebuild(payload['projection'])}.")


@projections.command("redrive", epilog="Example: waybill projections redrive analytics")
def redrive(
    ctx: typer.Context,
    name: Name,
    stream: Annotated[
        str | None,
        typer.Option("--stream", metavar="STREAM", help="Only the events of this stream."),
    ] = None,
    *,
    yes: Yes = False,
    as_json: AsJson = False,
) -> None:
    """Let a projection take its parked events again, after their cause is fixed."""
    client = client_of(ctx)
    confirm(f"Redrive the parked events of {name}?", is_confirmed=yes)
    payload = client.ask("RedriveProjection", name=name, stream=stream)
    if as_json:
        output.document(output.without(payload, "userErrors"))
    else:
        output.line(f"{shown(name)} takes {payload['events'] or 0} events again.")


def _projection(client: Client, name: str) -> Json:
    for found in client.ask("Projections"):
        if found["name"] == name:
            return dict(found)
    raise NotFound("NOT_FOUND", "there is no projection of this name")


def _facts(found: Json) -> Iterator[Fact]:
    lag, rebuilt = found["lag"] or {}, found["rebuild"] or {}
    yield "Projection", shown(found["name"])
    yield "Version", _version(found)
    yield "Timing", shown(found["timing"])
    yield "Lag", _lag(found)
    yield "Position", shown(lag.get("position"))
    yield "Fault", shown(found["fault"])
    yield "Built", moment(found["builtAt"])
    yield "Rebuild", _rebuild(found)
    yield "Requested by", shown(rebuilt.get("requestedBy"))
    yield "Requested", moment(rebuilt.get("requestedAt"))
    yield "Finished", moment(rebuilt.get("finishedAt"))
    yield "Rebuild fault", shown(rebuilt.get("fault"))


def _version(found: Json) -> str:
    version, live = found["version"], found["liveVersion"]
    return str(version) if version == live else f"{version} (live {live}: rebuild it)"


def _lag(found: Json) -> str:
    lag = found["lag"]
    return f"{lag['events']} events, {age(lag['seconds'])}" if lag else NOTHING


def _rebuild(found: Json) -> str:
    made = found["rebuild"]
    if made is None:
        return NOTHING
    return f"{shown(made['state'])} ({made['events']:,} of {made['eventsInAll']:,} events)"


_COLUMNS: Final[Sequence[Column]] = (
    ("NAME", lambda row: shown(row["name"])),
    ("VERSION", _version),
    ("TIMING", lambda row: shown(row["timing"])),
    ("LAG", _lag),
    ("PARKED", lambda row: shown(len(row["parked"]))),
    ("REBUILD", _rebuild),
    ("FAULT", lambda row: shown(row["fault"])),
)
