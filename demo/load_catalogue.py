"""Load products from a CSV or JSON file: `python -m demo.load_catalogue products.csv`.

`make catalogue FILE=products.csv` calls it. The command lists the products that are missing or
discontinued, changes names and prices that differ, and receives initial stock where none has ever
been received. Products that the file does not name are left alone. It may run again: what is done
is not done twice. It is a client of the API, which has to run.
"""

from __future__ import annotations

import argparse
import asyncio
import sys
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any, Final
from uuid import uuid4, uuid5

import httpx
from rich.console import Console
from rich.progress import Progress

from demo import catalogue_file
from demo.catalogue_file import Fault, FaultCode, InvalidFile, PlacedRow, Row, read_catalogue
from demo.client import Client, Failed, Json
from domain.ids import WAYBILL
from kit.bounded_gather import bounded_gather
from kit.command import run_command
from settings import Settings, SettingsError, load_settings
from settings_checks import check
from stack.ports import LOOPBACK
from stack.tokens import Role, token

ANSWER_TIMEOUT_SECONDS: Final = 20.0
ACTOR: Final = "catalogue"
PAGE: Final = 100
MAX_SHOWN: Final = 20
"""The faults that are printed. The first ones usually explain the others."""


class NotLoaded(Exception):
    """The products were not all loaded; the message says why and what to do."""


class Outcome(StrEnum):
    LISTED = "listed"
    LISTED_AGAIN = "listed again"
    RENAMED = "renamed"
    PRICE_CHANGED = "price changed"
    STOCKED = "initial stock received"
    UNCHANGED = "unchanged"


@dataclass(frozen=True, slots=True)
class Change:
    """A mutation of one product, and what it does."""

    operation: str
    sku: str
    fields: Mapping[str, Any]
    outcomes: tuple[Outcome, ...]


def changes_of(
    rows: Sequence[PlacedRow], products: Mapping[str, Json], stocks: Mapping[str, Json]
) -> list[list[Change]]:
    """Return the changes of each product that needs any, in their order.

    Raises InvalidFile for a product on sale whose price is in another currency.
    """
    faults = [fault for placed in rows if (fault := _currency_fault(placed, products))]
    if faults:
        raise InvalidFile(*faults)
    changes = [
        [*_listing(placed.row, products.get(placed.row.sku)), *_receipt(placed.row, stocks)]
        for placed in rows
    ]
    return [of_product for of_product in changes if of_product]


def _currency_fault(placed: PlacedRow, products: Mapping[str, Json]) -> Fault | None:
    product = products.get(placed.row.sku)
    if product is None or product["discontinued"]:
        return None
    currency = product["price"]["currency"]
    if currency == placed.row.currency:
        return None
    message = f"the product is on sale in {currency}: discontinue it first to sell it in another"
    return Fault(FaultCode.CURRENCY_MISMATCH, message, placed.where, "currency")


def _listing(row: Row, product: Json | None) -> Iterator[Change]:
    outcomes = tuple(_outcomes(row, product))
    if outcomes:
        price = {"amount": row.price_minor_units, "currency": row.currency}
        yield Change("ListProduct", row.sku, {"name": row.name, "price": price}, outcomes)


def _outcomes(row: Row, product: Json | None) -> Iterator[Outcome]:
    if product is None:
        yield Outcome.LISTED
    elif product["discontinued"]:
        yield Outcome.LISTED_AGAIN
    else:
        if product["name"] != row.name:
            yield Outcome.RENAMED
        if product["price"]["amount"] != row.price_minor_units:
            yield Outcome.PRICE_CHANGED


def _receipt(row: Row, stocks: Mapping[str, Json]) -> Iterator[Change]:
    has_received = row.sku in stocks and stocks[row.sku]["received"] > 0
    if row.initial_stock and not has_received:
        quantity = {"quantity": row.initial_stock}
        yield Change("ReceiveStock", row.sku, quantity, (Outcome.STOCKED,))


class Loader:
    """Send changes to the API.

    A listing has a new key in each run. A key that is derived from its content would make the way
    back to an earlier price a repeat. An initial stock has one key for each SKU for good, so that
    two runs at the same time receive it once.
    """

    def __init__(self, client: Client) -> None:
        self._client = client
        self._run = uuid4()

    async def send(self, changes: Sequence[Change]) -> None:
        """Make the changes of one product, in order. Raises Failed."""
        for change in changes:
            await self._client.change(
                change.operation,
                idempotencyKey=self._key(change),
                sku=change.sku,
                **change.fields,
            )

    def _key(self, change: Change) -> str:
        if change.operation == "ReceiveStock":
            return f"initial-stock-{uuid5(WAYBILL, change.sku)}"
        return f"list-{uuid5(self._run, change.sku)}"


async def load(rows: Sequence[PlacedRow], client: Client, console: Console) -> Counter[Outcome]:
    """Make the changes that the rows need, and count them. Raises InvalidFile or NotLoaded."""
    products = await _all(client, "Products", includeDiscontinued=True)
    has_stock = any(placed.row.initial_stock for placed in rows)
    stocks = await _all(client, "Stocks") if has_stock else {}
    changes = changes_of(rows, products, stocks)
    changed = {change.sku for of_product in changes for change in of_product}
    counts = Counter({Outcome.UNCHANGED: len(rows) - len(changed)})
    loader = Loader(client)
    with Progress(console=console) as progress:
        task = progress.add_task("products", total=len(changes))

        async def send(number: int) -> None:
            await loader.send(changes[number])
            progress.advance(task)

        sent = await bounded_gather(range(len(changes)), send)
    counts.update(
        outcome
        for number in sent.results
        for change in changes[number]
        for outcome in change.outcomes
    )
    if sent.left:
        number, error = next(iter(sent.left.items()))
        console.print(summary(counts))
        raise NotLoaded(
            f"{len(sent.left)} products are not loaded, the first is {changes[number][0].sku}: "
            f"{error}; run the command again"
        )
    return counts


async def _all(client: Client, operation: str, **variables: object) -> dict[str, Json]:
    """Return all nodes of a list, by SKU."""
    found: dict[str, Json] = {}
    after = None
    while True:
        page = await client.ask(operation, first=PAGE, after=after, **variables)
        found |= {edge["node"]["sku"]: edge["node"] for edge in page["edges"]}
        if not page["pageInfo"]["hasNextPage"]:
            return found
        after = page["pageInfo"]["endCursor"]


def summary(counts: Mapping[Outcome, int]) -> str:
    """Return a count for each outcome that a run can have, unchanged products last."""
    always = (Outcome.LISTED, Outcome.PRICE_CHANGED, Outcome.UNCHANGED)
    shown = [outcome for outcome in Outcome if counts.get(outcome) or outcome in always]
    return ", ".join(f"{outcome} {counts.get(outcome, 0)}" for outcome in shown)


async def run(settings: Settings, path: Path, console: Console) -> None:
    """Validate the file, and load it. Raises InvalidFile, NotLoaded or Failed."""
    rows = read_catalogue(path)
    check(settings, "jwt_secret")
    admin = token(settings.jwt_secret.get_secret_value(), Role.ADMIN, ACTOR)
    url = f"http://{LOOPBACK}:{settings.http_port}"
    async with httpx.AsyncClient(timeout=ANSWER_TIMEOUT_SECONDS) as http:
        await http.get(f"{url}/healthz")  # the client would try an API that is away again
        console.print(summary(await load(rows, Client(http, url, admin), console)))


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        prog="python -m demo.load_catalogue",
        description=__doc__,
        epilog=catalogue_file.__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("file", type=Path, help="*.csv or *.json")
    path: Path = parser.parse_args(arguments).file
    try:
        asyncio.run(run(load_settings(), path, Console()))
    except InvalidFile as invalid:
        sys.stderr.writelines(f"{path}: {fault}\n" for fault in invalid.faults[:MAX_SHOWN])
        if (more := len(invalid.faults) - MAX_SHOWN) > 0:
            sys.stderr.write(f"{path}: ... and {more} more\n")
        sys.stderr.write("catalogue: nothing was changed\n")
    except (SettingsError, NotLoaded, Failed) as error:
        sys.stderr.write(f"catalogue: {error}\n")
    except httpx.TransportError:
        sys.stderr.write("catalogue: the API does not answer: start it first, with `make run`\n")
    else:
        return 0
    return 1


if __name__ == "__main__":
    run_command(main)
