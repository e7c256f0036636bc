"""`waybill health`: the readiness of a deployment, check by check."""

from __future__ import annotations

from collections.abc import Sequence
from http import HTTPStatus
from typing import Annotated, Any, Final

import typer

from cli import output
from cli.client import Client
from cli.errors import NotReady, Unreachable
from cli.options import AsJson
from cli.output import Column
from cli.session import target_of
from cli.target import Target
from cli.values import age, shown

Json = dict[str, Any]

_COLUMNS: Final[Sequence[Column]] = (
    ("CHECK", lambda check: shown(check["name"])),
    ("STATUS", lambda check: shown(check["status"])),
    ("FOR", lambda check: age(check["age_seconds"])),
    ("REQUIRED", lambda check: shown(check["required"])),
    ("DETAIL", lambda check: shown(check.get("detail"))),
)


def health(
    ctx: typer.Context,
    monitoring_url: Annotated[
        str | None,
        typer.Option(
            "--monitoring-url",
            metavar="URL",
            help="The address of /readyz, where it is not that of the API: the API's own port for "
            "monitoring, or a worker's.",
        ),
    ] = None,
    *,
    as_json: AsJson = False,
) -> None:
    """Print each check of readiness, and for how long it has had its status.

    The exit code is 0 for a service that is ready or degraded, and 1 for one that is not ready.
    """
    target = target_of(ctx)
    base = Target(monitoring_url, timeout=target.timeout) if monitoring_url else target
    status, answer = Client(base).get("/readyz")
    if "checks" not in answer:
        raise Unreachable(
            f"{base.base}/readyz has answered {status} without checks: pass --monitoring-url, if "
            "health is served on a port of its own"
        )
    if as_json:
        output.document(answer)
    else:
        output.line(f"{base.base} is {shown(answer['status'])}.")
        rows = [{"name": name, **check} for name, check in answer["checks"].items()]
        output.table(_COLUMNS, rows, what="checks")
    if status != HTTPStatus.OK:
        failing = [
            name
            for name, check in answer["checks"].items()
            if check["required"] and check["status"] != "ok"
        ]
        raise NotReady(f"{base.base} is not ready: {', '.join(failing)}")
