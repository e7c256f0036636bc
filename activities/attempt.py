"""The commands of one step, and their way to an outcome."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from contextlib import suppress
from contextvars import Context, copy_context
from dataclasses import dataclass, field
from typing import NamedTuple

from activities.decision import (
    Aggregates,
    Decided,
    Decision,
    Run,
    Step,
    aggregates_of,
    shared_by_many,
)
from activities.figures import counted
from domain.errors import Refused
from domain.idempotency import KeyUse


class Handled(NamedTuple):
    position: int
    """The position after which the effect is readable."""
    is_first: bool
    """These commands were run now; False for a repeat, and where there was nothing to do."""


@dataclass(eq=False, slots=True)
class Attempt:
    """The commands of a step, with those of a following step in the same transaction."""

    run: Run
    following: Run | None
    aggregates: Aggregates
    shared: frozenset[str]
    """The streams that the steps of many orders write."""
    outcome: asyncio.Future[Handled]
    context: Context = field(default_factory=copy_context)
    """The context of the caller."""
    decided: Sequence[Decided] = ()
    refusal: Refused | None = None

    @classmethod
    def of(cls, run: Run, following: Run | None) -> Attempt:
        commands = [*run.commands, *(following.commands if following else ())]
        aggregates = {**aggregates_of(commands), **run.facts}
        outcome = asyncio.get_running_loop().create_future()
        return cls(run, following, aggregates, frozenset(shared_by_many(aggregates)), outcome)

    @property
    def steps(self) -> Sequence[Step]:
        return [run.step for run in (self.run, self.following) if run is not None]

    @property
    def key(self) -> KeyUse | None:
        """The idempotency key that is recorded with the change."""
        return self.run.step.request

    @property
    def is_given_up(self) -> bool:
        """Return whether the caller no longer waits."""
        return self.outcome.cancelled()

    def decide(self, decision: Decision) -> None:
        """Run the commands. The following ones run only if these have an effect; then all or none.

        Raises Refused when the first ones are refused.
        """
        self.decided, self.refusal = (), None
        self.decided = decision.run(self.run)
        if self.decided and self.following is not None:
            with suppress(Refused), counted(self.following.commands):
                self.decided = [*self.decided, *decision.run(self.following)]

    def decide_with_others(self, decision: Decision) -> None:
        """Run the commands, and keep a refusal: it is no matter of the others."""
        try:
            self.decide(decision)
        except Refused as refused:
            self.refusal = refused

    def end(self, position: int) -> None:
        """Give the caller the outcome of what was decided with others."""
        if self.refusal is not None:
            self.fail(self.refusal)
        else:
            self.succeed(Handled(position, is_first=bool(self.decided)))

    def succeed(self, handled: Handled) -> None:
        if not self.outcome.done():
            self.outcome.set_result(handled)

    def fail(self, error: Exception) -> None:
        if not self.outcome.done():
            self.outcome.set_exception(error)
