"""Print the answer of the document `Explain`: what happened to an order, and what comes next."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, Final

from cli import output
from cli.output import Column, Fact
from cli.values import moment, money, shown

Json = dict[str, Any]

_WAITS: Final[Sequence[Column]] = (
    ("WAITS FOR", lambda wait: shown(wait["waitsFor"])),
    ("SINCE", lambda wait: moment(wait["since"])),
    ("UNTIL", lambda wait: moment(wait["until"])),
    ("MEANING", lambda wait: shown(wait["text"])),
)
_PARKED: Final[Sequence[Column]] = (
    ("PARKED STEP", lambda step: shown(step["step"])),
    ("SINCE", lambda step: moment(step["since"])),
    ("CODE", lambda step: shown(step["code"])),
    ("MESSAGE", lambda step: shown(step["message"])),
)
_STOCK: Final[Sequence[Column]] = (
    ("SKU", lambda line: shown(line["sku"])),
    ("QUANTITY", lambda line: shown(line["quantity"])),
    ("BACKORDERED", lambda line: shown(line["backordered"])),
    ("RESERVED", lambda line: shown(line["reserved"])),
    ("SHIPPED", lambda line: shown(line["shipped"])),
    ("RETURNED", lambda line: shown(line["returned"])),
)
_TIMELINE: Final[Sequence[Column]] = (
    ("AT", lambda entry: moment(entry["at"])),
    ("POSITION", lambda entry: shown(entry.get("positionNumber"))),
    ("KIND", lambda entry: shown(entry["kind"])),
    ("WHAT", lambda entry: shown(entry["text"])),
)


def print_explanation(found: Json) -> None:
    output.facts(_facts(found))
    for title, columns, what in (
        ("Waits", _WAITS, "waitsFor"),
        ("Parked", _PARKED, "parked"),
        ("Stock", _STOCK, "stock"),
        ("Timeline", _TIMELINE, "timeline"),
    ):
        if found[what]:
            output.heading(title)
            output.table(columns, found[what], what=what)
    if found["isCut"]:
        output.note("the timeline goes on: `waybill events tail --stream` reads further events")


def _facts(found: Json) -> Iterator[Fact]:
    sums = found["money"] or {}
    yield "Order", shown(found["number"])
    yield "Id", shown(found["orderId"])
    yield "Status", shown(found["status"])
    yield "Position", shown(found["positionNumber"])
    for name in ("total", "authorized", "captured", "refunded"):
        yield name.capitalize(), money(sums.get(name))
    yield "Workflows", ", ".join(_workflow(one) for one in found["workflows"] or ())
    yield "Traces", ", ".join(map(shown, found["traceIds"] or ()))


def _workflow(found: Json) -> str:
    return f"{shown(found['workflowId'])} ({shown(found['status'])})"
