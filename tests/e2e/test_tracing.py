"""One trace holds all that an order has caused, under the request that placed it."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from typing import Final

import httpx
import pytest
from opentelemetry.proto.trace.v1.trace_pb2 import Span
from pydantic.alias_generators import to_camel
from temporalio.client import Client

from eventstore.postgres import PostgresEventStore
from kit.pool import create_pool
from providers.carrier_simulator.routes import NEVER_DISPATCHED, REFUSED
from stack.system import System, started_system
from stack.tokens import Role
from tests.e2e.orders import PATIENT, THERE, cancel, customer, placed, reaches, recoveries
from tests.integration.privacy.conftest import ADDRESS, CONTACT, MARKERS
from tests.support.api_client import Json
from tests.support.otlp import (
    ORDER,
    Received,
    has_failed,
    http_receiver,
    path,
    texts,
    values,
)

TRACED: Final = {
    **PATIENT,
    "WAYBILL_RETURN_WINDOW": "PT3S",
    "WAYBILL_RECONCILE_EVERY": "PT2S",
    "WAYBILL_RECONCILE_GRACE": "PT1S",
}
MUTATION: Final = ["POST /graphql", "mutation placeOrder"]
SAGA: Final = [*MUTATION, "start OrderWorkflow", "OrderWorkflow"]
QUERIES: Final = {"SELECT readmodel.order_view": 2, "SELECT readmodel.product_view": 1}
UNDOS: Final = (
    *("create_shipment", "start_compensation", "cancel_shipment", "carrier cancel"),
    *("release", "changed_stock", "give_back", "payments void", "cancel", "load_progress"),
)
IN_PAGES: Final = "publish"
"""The relay publishes the events of a step together or apart, as they come."""

pytestmark = pytest.mark.timeout(180)


@pytest.fixture(scope="module")
async def received() -> AsyncIterator[Received]:
    async with http_receiver() as receiver:
        yield receiver


@pytest.fixture(scope="module")
async def traced(
    received: Received, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[System]:
    """Start a system whose API and worker export their spans."""
    given = {**TRACED, **received.environment}
    async with started_system(tmp_path_factory.mktemp("traced"), given=given) as system:
        yield system


@pytest.fixture
async def http(traced: System) -> AsyncIterator[httpx.AsyncClient]:
    async with customer(traced) as client:
        yield client


def marked() -> Json:
    """Return what an order says of its recipient, with the marked address."""
    parts = {"shippingAddress": ADDRESS, "contact": CONTACT}
    return {
        name: {to_camel(field): value for field, value in part.model_dump().items() if value}
        for name, part in parts.items()
    }


async def first_trace(system: System, order_id: str) -> bytes:
    """Return the id of the trace that the order's first event carries."""
    async with await create_pool(system.servers.database_url, size=1) as pool:
        first, *_ = await PostgresEventStore(pool).load_events(f"order-{order_id}")
    return bytes.fromhex((first.metadata.traceparent or "").split("-")[1])


async def trace_of(
    system: System, received: Received, order_id: str, last: str, times: int = 1
) -> list[Span]:
    """Return the spans of the order's trace, once it has ended and so many are the last one."""
    trace_id = await first_trace(system, order_id)

    def spans() -> list[Span]:
        return [span for span in received.spans if span.trace_id == trace_id]

    await received.holds(
        lambda: (
            (names := Counter(span.name for span in spans()))[last] == times
            and names["OrderWorkflow ended"] > 0
            and names["POST /graphql"] == 1
            and published(spans()) == appended(spans())
        )
    )
    found = spans()
    assert [span.name for span in found if not span.parent_span_id] == ["POST /graphql"]
    assert all(path(span, found)[0] == "POST /graphql" for span in found)
    return found


def published(spans: Sequence[Span]) -> list[str]:
    """Return the types of the events that were published."""
    return _types(_named(spans, IN_PAGES))


def appended(spans: Sequence[Span]) -> list[str]:
    return _types(_named(spans, "append"))


def _types(spans: Sequence[Span]) -> list[str]:
    types = (str(values(span)["waybill.event_type"]) for span in spans)
    return sorted(word for words in types for word in words.split())


def counted(spans: Sequence[Span]) -> dict[str, int]:
    return Counter(span.name for span in spans if span.name != IN_PAGES)


async def test_the_straight_way_is_one_trace_from_the_mutation_to_the_mails(
    traced: System, received: Received, http: httpx.AsyncClient
) -> None:
    order_id = await placed(http, THERE, "COMPLETED", **marked())
    spans = await trace_of(traced, received, order_id, "send email", 3)

    assert counted(spans) == {
        "POST /graphql": 1,
        "mutation placeOrder": 1,
        **QUERIES,
        "start OrderWorkflow": 1,
        "OrderWorkflow": 1,
        "OrderWorkflow ended": 1,
        "place": 1,
        "authorize": 1,
        "create_shipment": 1,
        "capture": 1,
        "deliver": 1,
        "complete": 1,
        "append": 8,
        "payments authorize": 1,
        "carrier create": 1,
        "payments capture": 1,
        "send email": 3,
    }
    for name, above in {
        "place": SAGA,
        "payments capture": [*SAGA, "capture"],
        "carrier create": [*SAGA, "create_shipment"],
    }.items():
        (span,) = (span for span in spans if span.name == name)
        assert path(span, spans) == [*above, name]
    mails = {(values(s)["waybill.notice"], path(s, spans)[-2]) for s in _named(spans, "send email")}
    assert mails == {("received", "place"), ("shipped", "capture"), ("delivered", "deliver")}
    assert {values(span)["waybill.outcome"] for span in _named(spans, "send email")} == {"sent"}
    (authorize,) = _named(spans, "authorize")
    assert values(authorize) == {
        "waybill.workflow_id": f"order-{order_id}",
        ORDER: order_id,
        "waybill.step": "authorize",
        "waybill.attempt": 1,
    }
    assert not any(map(has_failed, spans))


async def test_a_compensation_is_in_the_trace_of_its_order(
    traced: System, received: Received, http: httpx.AsyncClient
) -> None:
    order_id = await placed(http, REFUSED, "CANCELLED")
    spans = await trace_of(traced, received, order_id, "send email", 2)

    assert counted(spans) == {
        **dict.fromkeys((*SAGA, "OrderWorkflow ended", *UNDOS), 1),
        **QUERIES,
        "place": 1,
        "authorize": 1,
        "payments authorize": 1,
        "carrier create": 1,
        "append": 8,
        "send email": 2,
    }
    failed = sorted(span.name for span in spans if has_failed(span))
    assert failed == ["carrier create", "create_shipment"]
    (voided,) = _named(spans, "payments void")
    assert path(voided, spans) == [*SAGA, "give_back", "payments void"]
    (refused,) = _named(spans, "carrier create")
    assert [pair.value.string_value for pair in refused.events[0].attributes] == [
        "ProviderRefused",
        (
            "ProviderRefused: carrier create: refused with address_undeliverable (HTTP 422);"
            " change the request"
        ),
    ]


async def test_a_recovered_saga_continues_the_trace_of_its_order(
    traced: System, received: Received, http: httpx.AsyncClient
) -> None:
    temporal = await Client.connect(traced.servers.temporal_address)
    order_id = await placed(http, NEVER_DISPATCHED, "CONFIRMED")
    await received.holds(
        lambda: "carrier create" in {span.name for span in received.of_order(order_id)}
    )
    await temporal.get_workflow_handle(f"order-{order_id}").terminate("by a person")
    await recoveries(traced, order_id)
    assert await cancel(http, order_id) == []
    await reaches(http, order_id, "CANCELLED")
    spans = await trace_of(traced, received, order_id, "send email", 2)

    # The recovered saga may ask for its parcel and its hold once before the cancellation arrives.
    asks = {"track", "carrier find", "check_hold", "payments get"}
    assert set(counted(spans)) - asks == {
        *(*SAGA, *QUERIES, "place", "authorize", "payments authorize"),
        *("carrier create", "append", "OrderWorkflow ended", "send email", *UNDOS),
    }
    assert counted(spans)["start OrderWorkflow"] == 2
    assert counted(spans)["OrderWorkflow"] == 2
    assert counted(spans)["OrderWorkflow ended"] == 1
    (cancelled,) = _named(spans, "cancel")
    assert path(cancelled, spans) == [*SAGA, "place", *SAGA[-2:], "cancel"]
    asked = [span for span in received.of_order(order_id) if span.name == "update cancel"]
    assert [path(s, received.of_order(order_id))[:2] for s in asked] == [
        ["POST /graphql", "mutation cancelOrder"]
    ]


async def test_no_span_holds_the_address_or_a_token(
    traced: System, received: Received, http: httpx.AsyncClient
) -> None:
    refused = marked()
    refused["shippingAddress"]["postalCode"] = REFUSED
    for order, status in ((marked(), "COMPLETED"), (refused, "CANCELLED")):
        order_id = await placed(http, THERE, status, **order)
        await trace_of(traced, received, order_id, "OrderWorkflow ended")
    query = {"email": CONTACT.email, "token": traced.token(Role.CUSTOMER, "customer-of-the-test")}
    await http.get("/unsubscribe/a-token-of-a-mail", params=query)
    await http.post("/webhooks/shipping", content=json.dumps(marked()))
    await received.holds(lambda: bool(received.named("GET /unsubscribe/{token}")))
    await received.holds(lambda: bool(received.named("POST /webhooks/shipping")))

    text = "\n".join(part for span in received.spans for part in texts(span))
    given = traced.environment.items()
    secrets = [value for name, value in given if name.endswith(("KEY", "SECRET"))]
    hidden = [*MARKERS, query["token"], "a-token-of-a-mail", "customer-of-the-test", *secrets]
    assert [each for each in hidden if each and each in text] == []


def _named(spans: Sequence[Span], name: str) -> list[Span]:
    return [span for span in spans if span.name == name]
