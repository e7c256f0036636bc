from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

from demo.catalogue_file import InvalidFile, PlacedRow, Row
from demo.client import Json
from demo.load_catalogue import Change, Outcome, changes_of, main, summary


def row(**changes: object) -> PlacedRow:
    facts = {"sku": "cup", "name": "Cup", "price_minor_units": 450, "currency": "EUR"}
    return PlacedRow("line 2", Row.model_validate(facts | changes))


def product(**changes: object) -> dict[str, Json]:
    price = {"amount": 450, "currency": "EUR"}
    return {"cup": {"name": "Cup", "price": price, "discontinued": False} | changes}


def change(placed: PlacedRow, products: dict[str, Json]) -> Change | None:
    changes = changes_of([placed], products, {})
    return changes[0][0] if changes else None


@pytest.mark.parametrize(
    ("products", "outcomes"),
    [
        ({}, (Outcome.LISTED,)),
        (product(discontinued=True), (Outcome.LISTED_AGAIN,)),
        (
            product(discontinued=True, price={"amount": 1, "currency": "SEK"}),
            (Outcome.LISTED_AGAIN,),
        ),
        (product(price={"amount": 451, "currency": "EUR"}), (Outcome.PRICE_CHANGED,)),
        (product(name="Mug"), (Outcome.RENAMED,)),
    ],
)
def test_a_product_is_listed_as_the_file_has_it(
    products: dict[str, Json], outcomes: tuple[Outcome, ...]
) -> None:
    price = {"amount": 450, "currency": "EUR"}
    fields = {"name": "Cup", "price": price}
    assert change(row(), products) == Change("ListProduct", "cup", fields, outcomes)


def test_an_unchanged_product_needs_no_change() -> None:
    assert change(row(), product()) is None


def test_another_currency_of_a_product_on_sale_is_a_fault_of_the_file() -> None:
    with pytest.raises(InvalidFile) as caught:
        changes_of([row(currency="SEK")], product(), {})

    (fault,) = caught.value.faults
    assert str(fault) == (
        "line 2: currency: CURRENCY_MISMATCH: the product is on sale in EUR: discontinue it first "
        "to sell it in another"
    )


@pytest.mark.parametrize(
    ("stocks", "receives"),
    [({}, True), ({"cup": {"received": 0}}, True), ({"cup": {"received": 1}}, False)],
)
def test_initial_stock_is_received_where_none_ever_was(
    stocks: dict[str, Json], receives: bool
) -> None:
    changes = changes_of([row(initial_stock=9)], product(), stocks)

    receipt = Change("ReceiveStock", "cup", {"quantity": 9}, (Outcome.STOCKED,))
    assert changes == ([[receipt]] if receives else [])


def test_the_summary_counts_what_was_done() -> None:
    counts = Counter({Outcome.LISTED: 2, Outcome.RENAMED: 1})
    assert summary(counts) == "listed 2, renamed 1, price changed 0, unchanged 0"


def test_a_faulty_file_is_refused_before_the_service_is_asked(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "products.csv"
    path.write_text("sku\n" + "a b\n" * 21)

    assert main([str(path)]) == 1

    lines = capsys.readouterr().err.splitlines()
    assert lines[0].startswith(f"{path}: line 2: sku: INVALID_VALUE: ")
    assert lines[-2:] == [f"{path}: ... and 64 more", "catalogue: nothing was changed"]
