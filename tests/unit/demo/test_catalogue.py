from __future__ import annotations

from demo.catalogue import ACTOR, PRODUCTS, fill
from domain.command import Command
from orchestrator.saga_orchestrator import SagaOrchestrator


class Recorder(SagaOrchestrator):
    """Record the commands instead of running them."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, str, str]] = []

    async def execute(self, command: Command, *, idempotency_key: str, actor: str) -> int:
        self.asked.append(
            (f"{command.command_type} {command.aggregate_id}", idempotency_key, actor)
        )
        return 0


async def test_every_product_is_listed_and_stocked_under_a_stable_key() -> None:
    first, second = Recorder(), Recorder()
    await fill(first)
    await fill(second)
    assert sorted(name for name, _, _ in first.asked) == sorted(
        f"{command} {product.sku}"
        for product in PRODUCTS
        for command in ("ListProduct", "ReceiveStock")
        if product.first_stock or command == "ListProduct"
    )
    assert {actor for _, _, actor in first.asked} == {ACTOR}
    assert sorted(first.asked) == sorted(second.asked)
    assert len({key for _, key, _ in first.asked}) == 17
