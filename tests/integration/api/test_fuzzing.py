"""No request to any route causes a server error, whatever bytes it has."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping, Sequence

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.integration.api.fuzzing import (
    PAYMENT_EVENTS,
    SHAPES,
    SHIPMENT_EVENTS,
    Sent,
    is_server_error,
    sent_to,
)
from tests.integration.api.generated import graphql_requests, openapi_requests
from tests.integration.api.signing import signed_payment, signed_shipment
from tests.support.api_client import Api
from tests.support.routes import Route, description_of

short = settings(max_examples=100, suppress_health_check=list(HealthCheck), deadline=None)
of_each_route = settings(short, max_examples=25)

Shape = tuple[str, str, bytes, Mapping[str, str]]


async def faults_of(api: Api, sent: Sequence[Sent]) -> list[str]:
    """Send these requests at once, as an operator unless they say otherwise."""
    return [
        fault for fault in await asyncio.gather(*(_fault_of(api, one) for one in sent)) if fault
    ]


async def _fault_of(api: Api, sent: Sent) -> str | None:
    ours = {**api.viewer("operator").headers, "content-type": "application/json"}
    response = await api.http.request(
        sent.method, sent.path, content=sent.body, headers=sent.headers_after(ours)
    )
    is_fault = is_server_error(sent, response.status_code, response.text)
    return f"{response.status_code} for {sent}: {response.text:.300}" if is_fault else None


def with_requests(routes: Sequence[Route]) -> list[str]:
    return [route.path for route in routes if route.methods]


def test_every_route_is_fuzzed(module_api: Api) -> None:
    """test_socket.py fuzzes the socket's messages."""
    described = description_of(module_api.routes)["paths"]

    sockets = [route.name for route in module_api.routes if not route.methods]
    assert sockets == ["websocket /graphql"]
    assert sorted(described) == sorted(with_requests(module_api.routes))
    assert set(described) == {
        *("/", "/graphql", "/webhooks/payments", "/webhooks/shipping"),
        *("/codec/decode", "/codec/encode", "/healthz", "/readyz", "/metrics"),
        "/unsubscribe/{token}",
    }


@given(shape=SHAPES)
@of_each_route
async def test_no_request_to_any_route_is_a_server_error(module_api: Api, shape: Shape) -> None:
    paths = [*with_requests(module_api.routes), "/nowhere"]

    assert await faults_of(module_api, [sent_to(path, shape) for path in paths]) == []


@pytest.fixture(scope="module")
def described(module_api: Api) -> st.SearchStrategy[Sent]:
    return st.one_of(list(openapi_requests(description_of(module_api.routes)).values()))


@given(data=st.data())
@short
async def test_no_request_of_the_description_is_a_server_error(
    module_api: Api, described: st.SearchStrategy[Sent], data: st.DataObject
) -> None:
    assert await faults_of(module_api, [data.draw(described)]) == []


@given(sent=graphql_requests())
@short
async def test_no_document_of_the_schema_is_a_server_error(module_api: Api, sent: Sent) -> None:
    assert (sent.method, sent.path) == ("POST", "/graphql")
    assert await faults_of(module_api, [sent]) == []


@given(payment=PAYMENT_EVENTS, shipment=SHIPMENT_EVENTS)
@short
async def test_no_signed_notification_is_a_server_error(
    module_api: Api,
    carrier_answers: dict[str, tuple[int, object]],
    payment: object,
    shipment: object,
) -> None:
    none: tuple[int, object] = (200, {"data": []})
    carrier_answers.update({"GET /v1/shipments": none, "GET /v1/returns": none})

    assert await faults_of(module_api, signed(module_api, payment, shipment)) == []


def signed(api: Api, payment: object, shipment: object) -> list[Sent]:
    paid, sent = (json.dumps(event).encode() for event in (payment, shipment))
    by_payments = api.settings.payment_webhook_secret.get_secret_value()
    by_carrier = api.settings.carrier_webhook_secret.get_secret_value()
    return [
        Sent("POST", "/webhooks/payments", paid, signed_payment(paid, by_payments)),
        Sent("POST", "/webhooks/shipping", sent, signed_shipment(sent, by_carrier)),
    ]
