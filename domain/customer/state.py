from __future__ import annotations

from dataclasses import dataclass, replace

from domain.customer import events as e


@dataclass(frozen=True, slots=True)
class CustomerState:
    """A customer may come back after an erasure, and be erased again."""

    erasures: int = 0


def evolve(state: CustomerState, event: e.CustomerEvent) -> CustomerState:
    match event:
        case e.CustomerErased():
            return replace(state, erasures=state.erasures + 1)
