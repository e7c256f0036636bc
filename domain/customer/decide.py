from __future__ import annotations

from collections.abc import Sequence

from domain.aggregate import Aggregate
from domain.customer import commands as c
from domain.customer import events as e
from domain.customer.state import CustomerState, evolve


def decide(command: c.CustomerCommand, state: CustomerState) -> Sequence[e.CustomerEvent]:
    del state  # an erasure always applies: the customer may have ordered since the last one
    match command:
        case c.EraseCustomer():
            return [e.CustomerErased(customer_id=command.aggregate_id, reason=command.reason)]
        case _:
            raise TypeError(f"customer does not support {command.command_type}")


CUSTOMER: Aggregate[CustomerState] = Aggregate("customer", CustomerState(), decide, evolve)
