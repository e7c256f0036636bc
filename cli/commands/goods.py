"""`waybill stock` and `waybill products`: the catalogue and its pieces."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any, Final

import typer

from cli import output
from cli.client import Client
from cli.errors import NotFound
from cli.options import After, All, AsJson, First, Sku
from cli.output import Column
from cli.paging import Paging, read
from cli.session import client_of
from cli.values import moment, money, shown

Json = dict[str, Any]

stock = typer.Typer(help="Read the stock of products.", no_args_is_help=True)
products = typer.Typer(help="Read the catalogue.", no_args_is_help=True)

_FIGURES: Final = {
    "onHand": "On hand",
    "reserved": "Reserved",
    "available": "Available",
    "waiting": "Waiting",
    "received": "Received",
    "shipped": "Shipped",
}
_STOCK: Final[Sequence[Column]] = (
    ("SKU", lambda row: shown(row["sku"])),
    ("ON HAND", lambda row: shown(row["onHand"])),
    ("RESERVED", lambda row: shown(row["reserved"])),
    ("AVAILABLE", lambda row: shown(row["available"])),
    ("WAITING", lambda row: shown(row["waiting"])),
    ("RECEIVED", lambda row: shown(row["received"])),
    ("SHIPPED", lambda row: shown(row["shipped"])),
)
_CHANGES: Final[Sequence[Column]] = (
    ("AT", lambda row: moment(row["at"])),
    ("CHANGE", lambda row: shown(row["kind"])),
    ("PIECES", lambda row: shown(row["quantity"])),
    ("ON HAND", lambda row: shown(row["onHand"])),
    ("RESERVED", lambda row: shown(row["reserved"])),
    ("REASON", lambda row: shown(row["reason"])),
    ("BY", lambda row: shown(row["actor"])),
    ("ORDER", lambda row: shown(row["orderId"])),
)
_PRODUCTS: Final[Sequence[Column]] = (
    ("SKU", lambda row: shown(row["sku"])),
    ("NAME", lambda row: shown(row["name"])),
    ("PRICE", lambda row: money(row["price"])),
    ("AVAILABLE", lambda row: shown(row["available"])),
    ("DISCONTINUED", lambda row: "yes" if row["discontinued"] else ""),
)
_PRICES: Final[Sequence[Column]] = (
    ("SINCE", lambda row: moment(row["since"])),
    ("PRICE", lambda row: money(row["price"])),
    ("BY", lambda row: shown(row["actor"])),
)


@stock.command("list", epilog="Example: waybill stock list --all")
def list_stock(
    ctx: typer.Context,
    *,
    first: First = 20,
    after: After = None,
    is_all: All = False,
    as_json: AsJson = False,
) -> None:
    """List the stock of all products, by SKU."""
    page = read(client_of(ctx), "Stocks", Paging(first, after, is_all))
    output.page(page, _STOCK, as_json=as_json, what="products")


@stock.command("show", epilog="Example: waybill stock show TEA-01")
def show_stock(ctx: typer.Context, sku: Sku, *, first: First = 20, as_json: AsJson = False) -> None:
    """Show the pieces of one product, and its newest changes."""
    client = client_of(ctx)
    found = _listed(client, "Stock", sku)
    changes = _listed(client, "StockHistory", sku, first=first)["history"]["edges"]
    history = [edge["node"] for edge in changes]
    if as_json:
        output.document({**found, "history": history})
        return
    output.facts((name, str(found[figure])) for figure, name in _FIGURES.items())
    output.heading("Changes")
    output.table(_CHANGES, history, what="changes")


@products.command("list", epilog="Example: waybill products list --discontinued")
def list_products(
    ctx: typer.Context,
    *,
    discontinued: Annotated[
        bool, typer.Option("--discontinued", help="List discontinued products too.")
    ] = False,
    first: First = 20,
    after: After = None,
    is_all: All = False,
    as_json: AsJson = False,
) -> None:
    """List the products on sale, by SKU."""
    paging = Paging(first, after, is_all)
    page = read(client_of(ctx), "Products", paging, includeDiscontinued=discontinued)
    output.page(page, _PRODUCTS, as_json=as_json, what="products")


@products.command("show", epilog="Example: waybill products show TEA-01")
def show_product(
    ctx: typer.Context, sku: Sku, *, first: First = 20, as_json: AsJson = False
) -> None:
    """Show one product and its newest prices."""
    client = client_of(ctx)
    found = _listed(client, "Product", sku)
    edges = _listed(client, "PriceHistory", sku, first=first)["priceHistory"]["edges"]
    prices = [edge["node"] for edge in edges]
    if as_json:
        output.document({**found, "priceHistory": prices})
        return
    output.table(_PRODUCTS, [found], what="products")
    output.heading("Prices")
    output.table(_PRICES, prices, what="prices")


def _listed(client: Client, name: str, sku: str, **variables: object) -> Json:
    found = client.ask(name, sku=sku, **variables)
    if found is None:
        raise NotFound("NOT_FOUND", "the catalogue never listed this SKU")
    return dict(found)
