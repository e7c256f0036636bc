"""Read a list of the API page by page."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Final

from cli.client import Client

Json = dict[str, Any]

MAX_PAGE: Final = 100
"""The largest page that the API answers with."""


@dataclass(frozen=True, slots=True)
class Paging:
    """The part of a list that the caller wants."""

    first: int = 20
    after: str | None = None
    is_all: bool = False


@dataclass(slots=True)
class Page:
    """The objects that were read, and the cursor after which there are more."""

    items: list[Json] = field(default_factory=list)
    has_next: bool = False
    end_cursor: str | None = None

    def as_json(self) -> Json:
        return {"items": self.items, "hasNextPage": self.has_next, "endCursor": self.end_cursor}


def read(client: Client, name: str, paging: Paging, **variables: object) -> Page:
    """Return a page of this list, or all of it from the cursor on. Raises CommandFailed."""
    page = Page(end_cursor=paging.after)
    while True:
        size = MAX_PAGE if paging.is_all else paging.first
        found = client.ask(name, **variables, first=size, after=page.end_cursor)
        page.items += [edge["node"] for edge in found["edges"]]
        page.has_next = found["pageInfo"]["hasNextPage"]
        page.end_cursor = found["pageInfo"]["endCursor"] or page.end_cursor
        if not (paging.is_all and page.has_next):
            return page
