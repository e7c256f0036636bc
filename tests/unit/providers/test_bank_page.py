from __future__ import annotations

import pytest

from providers.payment_simulator.account import printed


@pytest.mark.parametrize(
    ("amount", "currency", "text"),
    [
        (2580, "EUR", "25.80 EUR"),
        (5, "EUR", "0.05 EUR"),
        (100_000, "CHF", "1000.00 CHF"),
        (258, "JPY", "258 JPY"),
        (5_120, "KWD", "5.120 KWD"),
        (50_000, "ISK", "500.00 ISK"),
        (500, "MGA", "500 MGA"),
    ],
)
def test_the_bank_page_prints_an_amount_in_the_main_unit(
    amount: int, currency: str, text: str
) -> None:
    assert printed(amount, currency) == text
