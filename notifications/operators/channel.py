"""The ways by which a message reaches operators."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager
from typing import Protocol

from notifications.operators.outbox import Message
from notifications.outbox import Outcome

Send = Callable[[Message], Awaitable[Outcome]]
"""Make one attempt, and return its outcome. Raises nothing but a cancellation."""


class Channel(Protocol):
    @property
    def target(self) -> str:
        """The name of the target. It shows no address."""

    def connected(self) -> AbstractAsyncContextManager[Send]:
        """Connect for the block. Raises ServerAway, before any attempt is counted."""
