"""Follow one order until its state is final: `python -m demo.watch ID`, with its id or number."""

from __future__ import annotations

import argparse
import asyncio
import sys
from collections.abc import Iterator
from contextlib import aclosing
from datetime import datetime, timedelta
from typing import Final

import httpx
from pydantic import TypeAdapter

from cli.documents import document
from demo.client import Client, Failed, Json
from demo.query import variables_of
from domain.order.state import FINAL, OrderStatus
from kit.command import run_command
from kit.local_http import local_client
from settings import Settings, SettingsError, load_settings
from settings_checks import check
from stack.ports import LOOPBACK
from stack.tokens import Role, token

_DURATION: Final = TypeAdapter(timedelta)


async def watch(settings: Settings, order: str) -> None:
    """Print a line for each event of the order, and what it waits for.

    Raises Failed if the order does not exist, httpx.TransportError if the API does not answer.
    """
    check(settings, "jwt_secret")
    operator = token(settings.jwt_secret.get_secret_value(), Role.OPERATOR)
    url = f"http://{LOOPBACK}:{settings.http_port}"
    async with local_client(base_url=url) as http:
        await http.get("/healthz")  # the updates would wait for the API
        client = Client(http, url, operator)
        found = await client.ask("Order", **variables_of("Order", document("Order"), {}, order))
        _say(f"Order {found['number']}, id {found['id']}")
        async with aclosing(client.updates(found["id"], on_lost=_lost)) as updates:
            async for update in updates:
                for line in lines(update):
                    _say(line)
                if update["order"]["status"] in FINAL:
                    return


def lines(update: Json) -> Iterator[str]:
    """Yield the line of an event, and one for what a person should know about the order."""
    order = update["order"]
    payment, shipment = order["payment"] or {}, order["shipment"] or {}
    yield (
        f"{order['updatedAt']}  {update['eventType'] or '(now)':<22}  {order['status']:<10}  "
        f"payment {payment.get('status', '-')}, shipment {shipment.get('status', '-')}"
    )
    if order["needsAttention"]:
        yield (
            "  Its saga is parked, or a provider's record differs: "
            f"make query OP=Saga ID={order['id']} tells which step and why."
        )
    if payment.get("actionUrl"):
        yield f"  The customer has to approve the payment: {payment['actionUrl']}"
    if update["eventType"] in {None, "TrackingNumberAssigned"} and shipment.get("trackingNumber"):
        yield f"  The parcel can be tracked: {_tracking(shipment)}"
    if order["backordered"]:
        yield "  It waits for stock."
    if update["eventType"] in {None, "OrderDelivered"} and _is_returnable(order):
        window = _DURATION.validate_python(order["promises"]["returnWindow"])
        closes = datetime.fromisoformat(order["updatedAt"]) + window
        yield (
            f"  It can be returned until about {closes:%Y-%m-%d %H:%M:%S %Z} "
            "and is complete then. Ctrl-C ends the watching only."
        )


def _tracking(shipment: Json) -> str:
    """Return number, carrier and page; the carrier may leave the last two out."""
    facts = shipment["trackingNumber"], shipment["carrier"], shipment["trackingUrl"]
    return ", ".join(fact for fact in facts if fact)


def _is_returnable(order: Json) -> bool:
    return bool(order["status"] == OrderStatus.DELIVERED and not order["returnRequested"])


def _lost(error: Exception) -> None:
    _say(f"  The connection is lost ({type(error).__name__}); trying again ...")


def _say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m demo.watch", description=__doc__)
    parser.add_argument("order", help="the id or the number that placeOrder returned")
    arguments = parser.parse_args()
    try:
        asyncio.run(watch(load_settings(), arguments.order))
    except (Failed, SettingsError) as error:
        sys.exit(f"watch: {error}")
    except httpx.TransportError:
        sys.exit("watch: the API does not answer: start the service first, with `make run`")
    except KeyboardInterrupt:
        sys.exit(130)


if __name__ == "__main__":
    run_command(main)
