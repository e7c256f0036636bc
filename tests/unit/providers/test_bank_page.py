from __future__ import annotations

import pytest

from providers.payment_simulator.app import printed


@pytest.mark.parametrize(
    ("amount", "currency", "text"),
    [
        (2580, "EUR", "25.80 EUR"),
        (5, "EUR", "0.05 EUR"),
        (100_000, "CHF", "1000.00 CHF"),
        (258, "JPY", "258 JPY"),
    ],
)
def test_the_bank_page_prints_an_amount_in_the_main_unit(
    amount: int, currency: str, text: str
) -> None:
    assert printed(amount, currency) == text
