"""Lay out the answer of the document `Explain` as lines: what happened to an order, and what comes
next."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any, Final, NamedTuple

Json = Mapping[str, Any]

HEADING: Final = "bold"
ALERT: Final = "bold red"
_STYLES: Final = {
    "INTERVENTION": "yellow",
    "FAILURE": "red",
    "PROVIDER_CALL": "cyan",
    "WEBHOOK": "magenta",
    "NOTIFICATION": "green",
    "DELIVERY": "green",
    "STEP": "dim",
}
_NAMES: Final = {"PROVIDER_CALL": "CALL", "INTERVENTION": "DECISION"}
_UNITS: Final = ((86_400, "d"), (3_600, "h"), (60, "min"))


class Line(NamedTuple):
    text: str
    style: str = ""
    """A style of rich, which a plain text leaves out."""


def explain_lines(explanation: Json, now: datetime) -> Iterator[Line]:
    """Yield the page: the state at the top, what to do next, then the timeline.

    A character that could control a terminal is shown as `?`: texts of providers are among them.
    """
    for line in _page(explanation, now):
        yield line._replace(text="".join(c if c.isprintable() else "?" for c in line.text))


def _page(explanation: Json, now: datetime) -> Iterator[Line]:
    number, order_id, status = (explanation[name] for name in ("number", "orderId", "status"))
    yield Line(f"Order {number} ({order_id}) is {status}", HEADING)
    yield from _waits(explanation, now)
    yield from _parked(explanation)
    yield from _money(explanation["money"])
    yield from _stock(explanation["stock"])
    yield from _workflows(explanation)
    yield from _timeline(explanation)


def duration(seconds: float) -> str:
    """Return a time span in its two largest units."""
    left, parts = int(abs(seconds)), []
    for size, unit in _UNITS:
        if left >= size:
            parts.append(f"{left // size} {unit}")
            left %= size
    return " ".join([*parts, *([f"{left} s"] if len(parts) < 2 else [])][:2])  # noqa: PLR2004 - two units


def relative(at: str, now: datetime) -> str:
    seconds = (datetime.fromisoformat(at) - now).total_seconds()
    return f"in {duration(seconds)}" if seconds > 0 else f"{duration(seconds)} ago"


def _waits(explanation: Json, now: datetime) -> Iterator[Line]:
    if not explanation["waitsFor"]:
        yield Line("Now: waits for no other party.")
    for wait in explanation["waitsFor"]:
        style = ALERT if wait["waitsFor"] == "OPERATOR" else HEADING
        until = f" Deadline: {relative(wait['until'], now)}." if wait["until"] else ""
        yield Line(f"Now: {wait['text']} Since {relative(wait['since'], now)}.{until}", style)


def _parked(explanation: Json) -> Iterator[Line]:
    for parking in explanation["parked"]:
        what = "undo" if parking["isUndo"] else "step"
        yield Line(
            f"Parked: the {what} {parking['step']} failed with {parking['code']}: "
            f"{parking['message']}",
            ALERT,
        )
        order = f"{explanation['number']} --step {parking['step']} --reason ..."
        yield Line("What to do: fix the cause, then choose one:")
        yield Line(f"  waybill sagas retry {order}")
        yield Line(f"  waybill sagas skip {order}: continue without it.")
        yield Line(f"  waybill sagas resolve {order}: you have settled it outside Waybill.")
        if not parking["isUndo"]:
            yield Line(f"  waybill sagas compensate {order}: undo what was done.")


def _money(money: Json) -> Iterator[Line]:
    currency = money["total"]["currency"]
    yield Line(f"Money ({currency}, minor units)", HEADING)
    names = ("total", "authorized", "captured", "refunded")
    yield Line("  " + ", ".join(f"{name} {money[name]['amount']}" for name in names))
    for attempt in money["attempts"]:
        code = f", {attempt['declineCode']}" if attempt["declineCode"] else ""
        reference = f", {attempt['reference']}" if attempt["reference"] else ""
        amounts = ", ".join(f"{name} {attempt[name]['amount']}" for name in names[1:])
        yield Line(
            f"  attempt {attempt['number']}: {attempt['status']}{code}{reference}: {amounts}"
        )


def _stock(stock: Sequence[Json]) -> Iterator[Line]:
    yield Line("Stock (pieces)", HEADING)
    names = ("backordered", "reserved", "shipped", "returned")
    for line in stock:
        where = ", ".join(f"{name} {line[name]}" for name in names if line[name])
        yield Line(f"  {line['sku']}: ordered {line['quantity']}; {where or 'none held'}")


def _workflows(explanation: Json) -> Iterator[Line]:
    yield Line("Temporal and tracing", HEADING)
    for run in explanation["workflows"]:
        url = f"  {run['url']}" if run["url"] else ""
        style = ALERT if run["status"] == "NOT_FOUND" else ""
        yield Line(f"  workflow {run['workflowId']}: {run['status']}{url}", style)
    for trace_id in explanation["traceIds"]:
        yield Line(f"  trace {trace_id}")


def _timeline(explanation: Json) -> Iterator[Line]:
    yield Line("Timeline (UTC)", HEADING)
    for entry in explanation["timeline"]:
        kind = _NAMES.get(entry["kind"], entry["kind"])
        at = datetime.fromisoformat(entry["at"]).strftime("%Y-%m-%d %H:%M:%S.%f")[:-3]
        text = f"  {at}  {kind:<12}  {entry['text']}{_details(entry)}"
        yield Line(text, _STYLES.get(entry["kind"], ""))
    if explanation["isCut"]:
        yield Line(
            "The timeline was cut. Read on, one stream at a time: waybill events tail "
            f"--stream STREAM --after {explanation['continueAfter']}",
            ALERT,
        )


def _details(entry: Json) -> str:
    match entry["kind"]:
        case "EVENT" | "INTERVENTION":
            actor = f" by {entry['actor']}" if entry["actor"] else ""
            where = f"{entry['stream']}/{entry['version']} at {entry['positionNumber']}"
            return f"  [{entry['type']}, {where}{actor}]"
        case "PROVIDER_CALL":
            reference = f", {entry['reference']}" if entry["reference"] else ""
            return f"  [key {entry['key'] or 'none'}{reference}]"
        case "WEBHOOK":
            return f"  [{entry['eventId']}]"
        case _:
            return ""
