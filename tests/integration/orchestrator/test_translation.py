from __future__ import annotations

import pytest
from temporalio.client import Client

from domain.idempotency import KeyUse
from domain.inventory.commands import ReceiveStock
from orchestrator.saga_orchestrator import SagaOrchestrator
from orchestrator.translation import Unavailable
from stack.servers import Servers
from temporal.client import data_converter
from tests.support.keys import PAYLOAD_KEYS
from tests.support.sagas import PATIENT


async def test_without_its_namespace_temporal_takes_no_request(servers: Servers) -> None:
    """The namespace is gone after the loss of Temporal's database."""
    client = await Client.connect(
        servers.temporal_address, namespace="lost", data_converter=data_converter(PAYLOAD_KEYS)
    )
    orchestrator = SagaOrchestrator(client, task_queue="none", deadlines=PATIENT)
    key = KeyUse.of("olga", "receiveStock", "key-1", {})

    for request in (
        orchestrator.recover("o-1", "ada"),
        orchestrator.compensate_saga("o-1"),
        orchestrator.is_running("order-o-1"),
        orchestrator.execute(
            ReceiveStock(aggregate_id="mug", quantity=1), key=key, actor="operator:olga"
        ),
    ):
        with pytest.raises(Unavailable) as raised:
            await request
        assert type(raised.value) is Unavailable  # nothing was changed, surely
