"""Decide about a command by the log, without appending anything."""

from __future__ import annotations

from domain.command import Command
from domain.registry import aggregate_of
from eventstore.protocol import EventStore


class Decisions:
    def __init__(self, store: EventStore) -> None:
        self._store = store

    async def would_change(self, command: Command) -> bool:
        """Return whether the command would append an event now. Raises Refused."""
        aggregate = aggregate_of(command)
        stored = await self._store.load_events(aggregate.stream(command.aggregate_id))
        state = aggregate.fold(event.decode() for event in stored)
        return bool(aggregate.decide(command, state))
