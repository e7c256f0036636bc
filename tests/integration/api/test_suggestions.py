"""No error suggests a name of the schema when introspection is off."""

from __future__ import annotations

import pytest

from settings import Environment, Settings
from tests.support.api_client import Api, Json

ORDERS = "query($f: OrderFilter) { orders(filter: $f) { edges { cursor } } }"
BY = "query($by: OrderOrder!) { orders(orderBy: $by) { edges { cursor } } }"
PLACE = "mutation($i: PlaceOrderInput!) { placeOrder(input: $i) { position } }"

MISSPELT: dict[str, tuple[str, Json]] = {
    "a root field": ("{ orderz { edges { cursor } } }", {}),
    "a field": ("{ orders { edges { node { reasn } } } }", {}),
    "an argument": ("{ orders(frist: 1) { edges { cursor } } }", {}),
    "an enum value": ("{ orders(orderBy: PLACED_AT_DES) { edges { cursor } } }", {}),
    "an input field": ("{ orders(filter: { statsu: PLACED }) { edges { cursor } } }", {}),
    "a type": ("{ ... on Qury { __typename } }", {}),
    "a variable's type": ("query($f: OrderFiltr) { __typename }", {}),
    "a directive": ("{ __typename @skp(if: true) }", {}),
    "a directive's argument": ("{ __typename @skip(iff: true) }", {}),
    "a missing selection": ('{ order(id: "1") }', {}),
    "a variable's input field": (ORDERS, {"f": {"statsu": ["PLACED"]}}),
    "a variable's enum value": (BY, {"by": "PLACED_AT_DES"}),
    "an enum value in a list": (ORDERS, {"f": {"status": ["PLACEDD"]}}),
    "an input field of an input field": (PLACE, {"i": {"shippingAddress": {"stret": "x"}}}),
    "a subscription's field": ('subscription { orderUpdate(orderId: "1") { __typename } }', {}),
}


@pytest.fixture(scope="module")
def settings(settings: Settings) -> Settings:
    return settings.model_copy(
        update={"environment": Environment.PRODUCTION, "allow_test_providers": True}
    )


@pytest.mark.parametrize(("query", "variables"), MISSPELT.values(), ids=MISSPELT.keys())
async def test_a_misspelt_name_gets_no_suggestion(api: Api, query: str, variables: Json) -> None:
    viewer = api.viewer()
    body = {"query": query, "variables": variables}
    over_http = (await api.http.post("/graphql", json=body, headers=viewer.headers)).json()
    async with viewer.socket() as socket:
        await socket.subscribe(query, **variables)
        message = await socket.receive()

    payload = message["payload"]
    over_socket = payload if message["type"] == "error" else payload["errors"]
    for errors in (over_http["errors"], over_socket):
        assert {error["extensions"]["code"] for error in errors} == {"BAD_USER_INPUT"}
        assert [error["message"] for error in errors if "mean" in error["message"]] == []


async def test_introspection_is_off(api: Api) -> None:
    answer = await api.viewer().ask("{ __schema { queryType { name } } }")

    assert answer["data"] is None
    assert {error["extensions"]["code"] for error in answer["errors"]} == {"BAD_USER_INPUT"}
