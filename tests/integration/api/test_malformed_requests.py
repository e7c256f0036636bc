"""Any bytes get a client error with a code as their answer, and never a server error."""

from __future__ import annotations

import gzip
from collections.abc import Mapping

import httpx
import pytest

from tests.integration.api.fuzzing import ROUTES
from tests.support.api_client import Api

MALFORMED: Mapping[str, bytes] = {
    "null": b"null",
    "a number": b"5",
    "a boolean": b"true",
    "a string": b'"{}"',
    "a list": b"[]",
    "a list of numbers": b"[5]",
    "nothing": b"",
    "no JSON": b"{",
    "not a number": b'{"query": NaN}',
    "invalid UTF-8": b'{"query": "\xff"}',
    "UTF-16": '{"query": "{ __typename }"}'.encode("utf-16"),
    "half a surrogate pair": b'{"query": "\\ud800"}',
    "200,000 nested lists": b"[" * 200_000,
    "100,000 nested lists that are closed": b"[" * 100_000 + b"]" * 100_000,
    "nested objects": b'{"a":' * 40_000,
    "nested variables": b'{"query": "{ a }", "variables": ' + b"[" * 9_999 + b"]" * 9_999 + b"}",
    "an integer of 5,000 digits": b'{"query": ' + b"9" * 5_000 + b"}",
    "a variable of 5,000 digits": (
        b'{"query": "query($n: ID!) { order(id: $n) { id } }", "variables": {"n": '
        + b"9" * 5_000
        + b"}}"
    ),
    "a byte order mark": b'\xef\xbb\xbf{"query": "{ __typename }"}',
    "a batch": b'[{"query": "{ __typename }"}]',
    "only a type": b'{"query": "type Query { a: Int }"}',
    "only a fragment": b'{"query": "fragment F on Query { __typename }"}',
    "a query that is a number": b'{"query": 5}',
    "variables that are a list": b'{"query": "{ __typename }", "variables": []}',
    "an operation name that is a list": b'{"query": "{ __typename }", "operationName": []}',
    "no query": b"{}",
    "a subscription": b'{"query": "subscription { orderUpdates(orderId: 1) { __typename } }"}',
    "an unknown operation": b'{"query": "{ __typename }", "operationName": "Nope"}',
}


def headers(api: Api) -> dict[str, str]:
    return {**api.viewer("operator").headers, "content-type": "application/json"}


def code_of(response: httpx.Response) -> str:
    (error,) = response.json()["errors"]
    code: str = error["extensions"]["code"]
    return code


@pytest.mark.parametrize("body", MALFORMED.values(), ids=MALFORMED.keys())
async def test_a_malformed_graphql_request_is_the_clients_error(api: Api, body: bytes) -> None:
    response = await api.http.post("/graphql", content=body, headers=headers(api))

    assert response.status_code == 400
    assert code_of(response) == "BAD_USER_INPUT"


@pytest.mark.parametrize("encoding", ["gzip", "GZip", "br", "zstd", "deflate", "identity, gzip"])
@pytest.mark.parametrize("route", ROUTES)
async def test_a_compressed_body_is_refused(api: Api, route: str, encoding: str) -> None:
    body = gzip.compress(b'{"query": "{ __typename }"}')
    compressed = headers(api) | {"content-encoding": encoding}

    response = await api.http.post(route, content=body, headers=compressed)

    assert (response.status_code, code_of(response)) == (415, "BAD_USER_INPUT")


@pytest.mark.parametrize("route", ROUTES[1:])
@pytest.mark.parametrize("body", MALFORMED.values(), ids=MALFORMED.keys())
async def test_a_malformed_body_is_no_server_error_on_any_route(
    api: Api, route: str, body: bytes
) -> None:
    response = await api.http.post(route, content=body, headers=headers(api))

    assert 400 <= response.status_code < 500 or response.json() == {}
