"""Generate requests with schemathesis from the routes and the GraphQL schema, as strategies."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from itertools import product
from pathlib import Path
from typing import Any, Final

import requests
import schemathesis
from graphql import IntValueNode
from hypothesis import strategies as st
from schemathesis.core.result import Ok
from schemathesis.generation import GenerationMode
from schemathesis.graphql import nodes
from schemathesis.schemas import BaseSchema

from tests.integration.api.fuzzing import Sent
from tests.support.routes import Description

SCHEMA: Final = Path(__file__).parents[3] / "graphql" / "schema.graphql"
AnyCase = schemathesis.Case[Any]
NO_HOST: Final = "http://none"

for _scalar in ("DateTime", "Position"):
    schemathesis.graphql.scalar(_scalar, st.text(max_size=40).map(nodes.String))
schemathesis.graphql.scalar(
    "Long", st.integers().map(lambda number: IntValueNode(value=str(number)))
)


def openapi_requests(description: Description) -> dict[str, st.SearchStrategy[Sent]]:
    """Return valid and invalid requests to each path, from the OpenAPI description."""
    schema = schemathesis.openapi.from_dict(description)
    found: dict[str, list[st.SearchStrategy[Sent]]] = {}
    for path, strategy in _strategies(schema):
        found.setdefault(path, []).append(strategy)
    return {path: st.one_of(strategies) for path, strategies in found.items()}


def graphql_requests() -> st.SearchStrategy[Sent]:
    """Return requests with documents that are valid, or almost valid, for the schema."""
    schema = schemathesis.graphql.from_path(SCHEMA)
    documents = st.one_of([strategy for _, strategy in _strategies(schema)])
    return documents.map(lambda sent: replace(sent, path="/graphql"))


def _strategies(schema: BaseSchema) -> Iterator[tuple[str, st.SearchStrategy[Sent]]]:
    operations = [found.ok() for found in schema.get_all_operations() if isinstance(found, Ok)]
    for operation, mode in product(operations, GenerationMode):
        yield operation.path, operation.as_strategy(generation_mode=mode).map(_sent)


def _sent(case: AnyCase) -> Sent:
    """Return the request as the library `requests` would send it."""
    written = requests.Request(**case.as_transport_kwargs(base_url=NO_HOST)).prepare()
    body = written.body or b""
    return Sent(
        case.method,
        written.path_url,
        body if isinstance(body, bytes) else str(body).encode(),
        _own(written.headers),
    )


def _own(headers: Mapping[str, str | bytes]) -> dict[str, str]:
    """Leave out the headers that a client adds to every request."""
    return {
        name.lower(): value.decode("latin-1") if isinstance(value, bytes) else value
        for name, value in headers.items()
        if name.lower() not in {"content-length", "user-agent", "accept-encoding", "connection"}
        and not name.startswith("X-Schemathesis")
    }
