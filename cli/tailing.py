"""Follow the log by asking for the events after the last one."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final

from cli import output
from cli.client import Client
from cli.errors import CommandFailed, Refused, Unavailable, Unreachable
from cli.paging import MAX_PAGE, Page, Paging, read
from cli.values import moment, shown, visible

Json = dict[str, Any]

PAUSES_SECONDS: Final = (0.2, 0.5, 1.0, 2.0, 5.0)
"""The pauses before the tries to connect again. The last one is repeated."""
MAX_BEHIND_SECONDS: Final = 30.0
"""How long a replica may be behind a position that another process of the API has shown."""

_BEHIND: Final = "BAD_USER_INPUT"


@dataclass(frozen=True, slots=True)
class Search:
    """The events that the caller wants; None restricts nothing."""

    stream: str | None = None
    types: Sequence[str] | None = None


def page(client: Client, search: Search, after: str | None, size: int = MAX_PAGE) -> Page:
    return read(client, "Events", Paging(size, after), stream=search.stream, types=search.types)


def newest(client: Client) -> str | None:
    """Return a position close to the end of the log; None for an empty log.

    It is the newest one that a following projection has reached, less than a second old as a rule.
    """
    lags = [found["lag"] for found in client.ask("Projections") if found["lag"]]
    ahead = min(lags, key=lambda lag: int(lag["events"]), default=None)
    return ahead["position"] if ahead else None


def follow(
    client: Client,
    search: Search,
    after: str | None,
    every: float,
    pause: Callable[[float], None] = time.sleep,
) -> Iterator[Json]:
    """Yield each event after this position once, for ever.

    The first request raises CommandFailed. Later ones are repeated until the API answers.
    """
    found = page(client, search, after)
    while True:
        yield from found.items
        after = found.end_cursor
        if not found.has_next:
            pause(every)
        found = _next(client, search, after, pause)


def _next(
    client: Client, search: Search, after: str | None, pause: Callable[[float], None]
) -> Page:
    """Return the next page, however long the API is away. Raises Refused."""
    waited, tries = 0.0, 0
    while True:
        try:
            return page(client, search, after)
        except (Unreachable, Unavailable) as error:
            fault: CommandFailed = error
        except Refused as error:
            if error.code not in {_BEHIND, "RATE_LIMITED"} or waited > MAX_BEHIND_SECONDS:
                raise
            fault = error
        if not tries:
            output.note(f"{fault}. Trying again ...")
        seconds = PAUSES_SECONDS[min(tries, len(PAUSES_SECONDS) - 1)]
        pause(seconds)
        waited, tries = waited + seconds, tries + 1


def line(event: Json) -> str:
    """Return the event in one line."""
    data = json.dumps(event["data"], ensure_ascii=False)
    facts = (
        moment(event["recordedAt"]),
        f"{event['positionNumber']:>9}",
        shown(event["type"]),
        shown(event["stream"]),
        shown(event["actor"]),
        visible(data),
    )
    return "  ".join(facts)
