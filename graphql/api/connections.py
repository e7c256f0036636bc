"""Page through lists with Relay's cursor connections (relay.dev/graphql/connections.htm)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Any, Final, Generic, Self, TypeVar

import strawberry

from api.errors import bad_input
from eventstore.positions import BadPosition
from queries.cursor import BadCursor
from queries.keyset import Page, PageRequest

DEFAULT_SIZE: Final = 20
MAX_SIZE: Final = 100

K = TypeVar("K")
N = TypeVar("N")

First = Annotated[
    int | None,
    strawberry.argument(description="The page size from the start, 1 to 100; 20 by default."),
]
Last = Annotated[
    int | None, strawberry.argument(description="The page size from the end, 1 to 100.")
]
Cursor = Annotated[str | None, strawberry.argument(description="A cursor that this list returned.")]


@strawberry.type(description="The position of a page in its list.")
class PageInfo:
    has_next_page: bool
    has_previous_page: bool
    start_cursor: str | None
    end_cursor: str | None

    @classmethod
    def of(cls, page: Page[Any], cursors: list[str]) -> Self:
        return cls(
            has_next_page=page.has_next,
            has_previous_page=page.has_previous,
            start_cursor=cursors[0] if cursors else None,
            end_cursor=cursors[-1] if cursors else None,
        )


@strawberry.type
class Edge(Generic[N]):
    cursor: str
    node: N


@strawberry.type
class Connection(Generic[N]):
    edges: list[Edge[N]]
    page_info: PageInfo

    @classmethod
    def holding(
        cls,
        page: Page[Any],
        cursors: list[str],
        nodes: list[N],
        **more: Any,  # noqa: ANN401 - the private fields of a connection that counts its items
    ) -> Self:
        """Return the connection of a page with a cursor and a node for each of its items."""
        edges = [Edge(cursor=at, node=node) for at, node in zip(cursors, nodes, strict=True)]
        return cls(edges=edges, page_info=PageInfo.of(page, cursors), **more)


def page_request(
    first: int | None,
    after: str | None,
    last: int | None,
    before: str | None,
    key_of: Callable[[str], K],
) -> PageRequest[K]:
    """Parse the arguments of a connection. Raises BAD_USER_INPUT, which names the argument."""
    if first is not None and last is not None:
        raise bad_input("pass first or last, not both")
    return PageRequest(
        size=_size(first, "first") if last is None else _size(last, "last"),
        backward=last is not None,
        after=_key(after, "after", key_of),
        before=_key(before, "before", key_of),
    )


def _size(size: int | None, argument: str) -> int:
    if size is None:
        return DEFAULT_SIZE
    if not 1 <= size <= MAX_SIZE:
        raise bad_input(f"{argument} must be from 1 to {MAX_SIZE}")
    return size


def _key(cursor: str | None, argument: str, key_of: Callable[[str], K]) -> K | None:
    try:
        return None if cursor is None else key_of(cursor)
    except (BadCursor, BadPosition):
        message = "this is not a cursor of this list: pass one that the list returned, unchanged"
        raise bad_input(f"{argument}: {message}") from None
