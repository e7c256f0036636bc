from __future__ import annotations

from demo.catalogue import PRODUCTS, Seed, missing
from domain.inventory.commands import ReceiveStock
from domain.product.commands import ListProduct

SKUS = [product.sku for product in PRODUCTS]


def names(seeds: list[Seed]) -> list[str]:
    return sorted(f"{seed.command.command_type} {seed.command.aggregate_id}" for seed in seeds)


def test_every_product_is_listed_and_stocked_where_none_is() -> None:
    seeds = list(missing((), ()))

    assert names(seeds) == sorted(
        f"{command} {product.sku}"
        for product in PRODUCTS
        for command in ("ListProduct", "ReceiveStock")
        if product.first_stock or command == "ListProduct"
    )
    assert len({seed.key.id for seed in seeds}) == 17


def test_a_product_that_is_listed_and_stocked_is_left_alone() -> None:
    """An admin may have changed its price, or discontinued it."""
    assert list(missing(SKUS, SKUS)) == []


def test_a_first_stock_is_received_after_a_run_that_was_cut_off() -> None:
    assert names(list(missing(SKUS, [sku for sku in SKUS if sku != "TEA-01"])))[:1] == [
        "ReceiveStock TEA-01"
    ]


def test_each_run_has_its_own_keys_to_list_and_one_for_each_first_stock() -> None:
    """A key derived from the price would make the way back to a price a repeat, and ignore it."""
    first, second = list(missing((), ())), list(missing((), ()))

    for kind, is_shared in ((ListProduct, False), (ReceiveStock, True)):
        one, other = [
            {seed.key.id for seed in seeds if isinstance(seed.command, kind)}
            for seeds in (first, second)
        ]
        assert (one == other) is is_shared
        assert is_shared or not one & other
