"""Test the limits on documents, over HTTP and over the socket."""

from __future__ import annotations

import asyncio

import pytest

from api.price import MAX_PRICE
from queries.orders import OrderQueries
from tests.support.api_client import Api, Json, Viewer, operation
from tests.unit.api.documents import fragment_bomb

PAGES = "{id lines{sku name quantity} payment{status} shipment{status}}"
DEAR = "{" + "".join(f"a{i}: orders(first: 100){{edges{{node{PAGES}}}}} " for i in range(30)) + "}"

REFUSED = [
    pytest.param(
        "{ " + " ".join(f"a{i}: __typename" for i in range(31)) + " }",
        "the document has more than 30 aliases: ask for less in one request",
        id="aliases",
    ),
    pytest.param(
        "{ " + " ".join(f"f{i}" for i in range(1_001)) + " }",
        "Syntax Error: Document contains more than 1000 tokens. Parsing aborted.",
        id="tokens",
    ),
    pytest.param(
        "{" + " orders { edges { node { lines { total {" * 3 + " amount" + "}" * 15 + "}",
        "the document has fields nested more than 12 deep: ask for less in one request",
        id="depth",
    ),
    pytest.param(
        "{" + " __typename" * 100 + "}",
        "the document has the same fields or fragments selected too many times: "
        "ask for less in one request",
        id="overlaps",
    ),
    *(
        pytest.param(
            fragment_bomb(fragments),
            "the document has more than 2000 fields and fragments: ask for less in one request",
            id=f"bomb-{fragments}",
        )
        for fragments in (16, 18, 19, 40)
    ),
    *(
        pytest.param(
            text.format("9" * 5_000),
            "the document has a number of more than 100 digits: ask for less in one request",
            id=f"digits-{name}",
        )
        for name, text in {
            "argument": "{{ orders(first: {}) {{ edges {{ cursor }} }} }}",
            "float": "{{ orders(first: {}.5) {{ edges {{ cursor }} }} }}",
            "default": "query($n: Int = {}) {{ orders(first: $n) {{ edges {{ cursor }} }} }}",
            "directive": "{{ __typename @skip(if: {}) }}",
            "fragment": "{{ ...F }} fragment F on Query {{ order(id: {}) {{ id }} }}",
        }.items()
    ),
    pytest.param(
        "{ __typename } fragment F on Query { ...G } fragment G on Query { ...F }",
        "the document has the fragment F, which spreads itself: ask for less in one request",
        id="cycle",
    ),
    pytest.param(
        "{ __typename } #" + "x" * 20_000,
        "the document has more than 20000 characters: ask for less in one request",
        id="characters",
    ),
    pytest.param(
        DEAR,
        "the answer may hold 111060 fields; 20000 are allowed: ask for smaller pages",
        id="price",
    ),
    pytest.param("{ ...Nope }", "Unknown fragment 'Nope'.", id="unknown-fragment"),
    pytest.param(
        'subscription { orderUpdates(orderId: "x") { ...Nope } }',
        "Unknown fragment 'Nope'.",
        id="unknown-fragment-subscribed",
    ),
]


@pytest.fixture
def ada(api: Api) -> Viewer:
    return api.viewer()


def outcomes(errors: list[Json]) -> set[tuple[str, str]]:
    return {(error["message"], error["extensions"]["code"]) for error in errors}


@pytest.mark.parametrize(("document", "message"), REFUSED[:-1])
async def test_a_document_beyond_a_bound_is_refused_over_http(
    ada: Viewer, document: str, message: str
) -> None:
    answer = await ada.ask(document)

    assert answer["data"] is None
    assert outcomes(answer["errors"]) == {(message, "BAD_USER_INPUT")}


@pytest.mark.parametrize(("document", "message"), REFUSED)
async def test_a_document_beyond_a_bound_ends_its_operation_and_not_the_socket(
    ada: Viewer, document: str, message: str
) -> None:
    async with ada.socket() as socket:
        await socket.subscribe(document)
        refused = await socket.receive()
        await socket.subscribe("{ __typename }")
        answered = await socket.receive()

    assert (refused["type"], refused["id"]) == ("error", "1")
    assert outcomes(refused["payload"]) == {(message, "BAD_USER_INPUT")}
    assert answered["payload"]["data"] == {"__typename": "Query"}


async def test_an_answer_contains_its_price(ada: Viewer) -> None:
    answer = await ada.ask("{ orders(first: 100) { edges { node { id } } } }")

    assert answer["extensions"] == {"price": 202}


async def test_the_largest_page_of_whole_orders_is_within_the_price(ada: Viewer) -> None:
    answer = await ada.ask(operation("Orders"), first=100)

    assert answer["data"]["orders"]["edges"] == []
    assert 1_000 < answer["extensions"]["price"] <= MAX_PRICE


async def test_an_answer_that_takes_too_long_is_given_up(
    ada: Viewer, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def never(*_: object) -> None:
        await asyncio.Event().wait()

    monkeypatch.setattr(OrderQueries, "get", never)
    monkeypatch.setattr("api.limits.ANSWER_TIMEOUT_SECONDS", 0.05)
    query = '{ order(id: "x") { id } }'

    over_http = await ada.ask(query)
    async with ada.socket() as socket:
        await socket.subscribe(query)
        over_socket = await socket.receive()

    expected = {("there was no answer within 0.05 s: try again", "UNAVAILABLE")}
    assert outcomes(over_http["errors"]) == expected
    assert outcomes(over_socket["payload"]) == expected
