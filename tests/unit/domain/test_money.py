from __future__ import annotations

import pytest
from pydantic import ValidationError

from domain.money import NO_MONEY, Money


def test_money_is_an_amount_in_minor_units_and_a_currency() -> None:
    money = Money(amount=1_999, currency="EUR")
    assert (money.amount, money.currency, str(money)) == (1_999, "EUR", "1999 EUR (minor units)")


def test_equal_money_is_equal_and_currencies_differ() -> None:
    assert Money(amount=5, currency="EUR") == Money(amount=5, currency="EUR")
    assert Money(amount=5, currency="EUR") != Money(amount=5, currency="SEK")
    assert len({Money(amount=5, currency="EUR"), Money(amount=5, currency="EUR")}) == 1


@pytest.mark.parametrize("amount", [0, 1, 10**12])
def test_amounts_from_0_to_a_million_million_are_accepted(amount: int) -> None:
    assert Money(amount=amount, currency="EUR").amount == amount


@pytest.mark.parametrize("amount", [-1, 10**12 + 1, 1.0, 0.1, "1", True, None])
def test_no_other_amount_is_accepted(amount: object) -> None:
    with pytest.raises(ValidationError) as caught:
        Money.model_validate({"amount": amount, "currency": "EUR"})
    assert [fault["loc"] for fault in caught.value.errors()] == [("amount",)]


@pytest.mark.parametrize("currency", ["eur", "EU", "EURO", "", " EUR", "EUR\n", "E R", "ÉUR", 978])
def test_a_currency_is_three_capital_letters(currency: object) -> None:
    with pytest.raises(ValidationError) as caught:
        Money.model_validate({"amount": 1, "currency": currency})
    assert [fault["loc"] for fault in caught.value.errors()] == [("currency",)]


@pytest.mark.parametrize(
    "text", ['{"amount":1.0,"currency":"EUR"}', '{"amount":"1","currency":"EUR"}']
)
def test_money_is_no_float_and_no_text_in_json_either(text: str) -> None:
    with pytest.raises(ValidationError):
        Money.model_validate_json(text)


def test_money_does_not_change() -> None:
    with pytest.raises(ValidationError, match="frozen"):
        Money(amount=1, currency="EUR").amount = 2  # type: ignore[misc]  # must not work


def test_no_money_has_no_currency() -> None:
    assert Money(amount=0, currency="XXX") == NO_MONEY
