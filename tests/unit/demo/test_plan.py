from __future__ import annotations

from collections import Counter

from demo.catalogue import PRODUCTS
from demo.plan import SPECIAL, plan, units_wanted
from demo.scenarios import AWAITED, COMPLETED, SCARCE
from stack.run import DEMO_DEADLINES


def test_a_run_has_every_outcome_and_as_many_ordinary_orders_as_asked_for() -> None:
    counts = Counter(each.scenario for each in plan("run-1", 7))
    assert counts == {**SPECIAL, COMPLETED: 7}


def test_every_order_has_its_own_key_in_every_run() -> None:
    keys = [each.key for run in ("run-1", "run-2") for each in plan(run, 80)]
    assert len(set(keys)) == len(keys) == 266


def test_the_orders_that_wait_for_a_deadline_come_first() -> None:
    names = [each.scenario.name for each in plan("run-1", 80)[:5]]
    assert names == ["payment window missed"] * 3 + ["dispatch deadline missed"] * 2


def test_stock_is_received_for_every_basket_except_scarce_products() -> None:
    plans = plan("run-1", 80)
    wanted = units_wanted(plans)
    in_stock = [each.basket for each in plans if not each.scenario.waits]
    assert sum(wanted.values()) == sum(sum(basket.values()) for basket in in_stock)
    assert not {SCARCE, AWAITED} & wanted.keys()
    assert wanted.keys() < {product.sku for product in PRODUCTS}


def test_the_demo_has_short_deadlines_where_it_shows_them_pass() -> None:
    assert {
        "WAYBILL_PROVIDER_TIMEOUT",
        "WAYBILL_PAYMENT_WINDOW",
        "WAYBILL_DISPATCH_DEADLINE",
    } <= DEMO_DEADLINES.keys()


def test_every_outcome_is_played_with_and_without_the_discount_code() -> None:
    plans = plan("run-1", 2, "WELCOME")
    codes = {(each.scenario, each.discount_code) for each in plans}
    assert codes == {(scenario, code) for scenario, _ in codes for code in (None, "WELCOME")}
    assert {scenario for scenario, _ in codes} == {*SPECIAL, COMPLETED}


def test_without_a_discount_code_no_order_uses_one() -> None:
    assert {each.discount_code for each in plan("run-1", 80)} == {None}
