"""List the routes of an application, from the application itself, so that none is forgotten."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from fastapi.routing import iter_route_contexts
from starlette.applications import Starlette
from starlette.routing import BaseRoute, Mount, WebSocketRoute

SOCKET: Final = "websocket "
"""The prefix of a socket's name: another route may have the same path."""

Description = dict[str, Any]


@dataclass(frozen=True)
class Route:
    path: str
    methods: frozenset[str]
    """The HTTP methods; empty for a socket."""

    @property
    def name(self) -> str:
        return self.path if self.methods else SOCKET + self.path


def routes_of(app: Starlette) -> list[Route]:
    """Return every route with all its methods, those of mounted applications too."""
    methods: dict[tuple[str, bool], frozenset[str]] = {}
    for path, route in _walked(app.routes, ""):
        key = (path, isinstance(route, WebSocketRoute))
        found: set[str] = getattr(route, "methods", None) or set()
        methods[key] = methods.get(key, frozenset()) | found
    return [Route(path, found) for (path, _), found in methods.items()]


def _walked(routes: Sequence[BaseRoute], prefix: str) -> Iterator[tuple[str, BaseRoute]]:
    for context in iter_route_contexts(routes):
        path, route = prefix + (context.path or ""), context.original_route
        if isinstance(route, Mount):
            yield from _walked(route.routes, path)
        else:
            yield path, route


def description_of(routes: Sequence[Route]) -> Description:
    """Return an OpenAPI document of these routes.

    A route without a description takes any object.
    """
    paths = {
        route.path: {method.lower(): _operation(route.path, method) for method in route.methods}
        for route in routes
        if route.methods
    }
    return {"openapi": "3.1.0", "info": {"title": "Waybill", "version": "0"}, "paths": paths}


def _operation(path: str, method: str) -> Mapping[str, object]:
    return {
        "parameters": [*_QUERIES.get(path, [_text("q", "query")]), _text("accept", "header")],
        "responses": {"default": {"description": "any"}},
    } | ({} if method in {"GET", "HEAD"} else {"requestBody": _json(_BODIES.get(path, {}))})


def _json(schema: Mapping[str, object]) -> Mapping[str, object]:
    return {"content": {"application/json": {"schema": {"type": "object"} | dict(schema)}}}


def _text(name: str, place: str) -> Mapping[str, object]:
    return {"name": name, "in": place, "schema": {"type": "string"}}


def _object(required: Sequence[str] = (), **properties: object) -> Mapping[str, object]:
    return {"type": "object", "properties": properties, "required": list(required)}


_TEXT: Final = {"type": "string"}
_MANY: Final = {"type": "object", "additionalProperties": _TEXT}
_PAYLOADS: Final = _object(
    ["payloads"], payloads={"type": "array", "items": _object(metadata=_MANY, data=_TEXT)}
)
_QUERIES: Final = {
    "/graphql": [_text(name, "query") for name in ("query", "variables", "operationName")]
}
_BODIES: Final[Mapping[str, Mapping[str, object]]] = {
    "/graphql": _object(
        ["query"], query=_TEXT, variables={"type": ["object", "null"]}, operationName=_TEXT
    ),
    "/webhooks/payments": _object(
        ["id", "type", "data"],
        id=_TEXT,
        type=_TEXT,
        data=_object(["object"], object=_object(["object"], object=_TEXT, metadata=_MANY)),
    ),
    "/webhooks/shipping": _object(
        ["data"], data=_object(["reference", "status"], reference=_TEXT, status=_TEXT)
    ),
    "/codec/decode": _PAYLOADS,
    "/codec/encode": _PAYLOADS,
}
