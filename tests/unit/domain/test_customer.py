from __future__ import annotations

from typing import Final

from domain.customer.commands import EraseCustomer, ErasureReason
from domain.customer.decide import CUSTOMER
from domain.customer.events import CustomerErased
from domain.customer.state import CustomerState
from tests.unit.domain.specification import Specification

customer = Specification(CUSTOMER)

ERASE: Final = EraseCustomer(aggregate_id="ada", reason=ErasureReason.CUSTOMER_REQUEST)
ERASED: Final = CustomerErased(customer_id="ada", reason=ErasureReason.CUSTOMER_REQUEST)


def test_a_customer_is_erased() -> None:
    customer.given([]).when(ERASE).then([ERASED])
    assert CUSTOMER.fold([ERASED]) == CustomerState(erasures=1)


def test_a_customer_who_came_back_is_erased_again() -> None:
    customer.given([ERASED]).when(ERASE).then([ERASED])
    assert CUSTOMER.fold([ERASED, ERASED]) == CustomerState(erasures=2)
