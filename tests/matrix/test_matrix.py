"""Run every case: no fault at any step loses anything or does anything twice."""

from __future__ import annotations

import pytest

from tests.matrix.cases import Case, all_cases
from tests.matrix.conftest import Results
from tests.matrix.quick import selected

pytestmark = [pytest.mark.matrix, pytest.mark.timeout(900)]


@pytest.mark.parametrize(
    "case", [pytest.param(case, id=case.name) for case in selected(all_cases())]
)
async def test_the_order_ends_with_the_right_stock_and_money(case: Case, results: Results) -> None:
    if wrong := await results[case.name]:
        pytest.fail(wrong, pytrace=False)
