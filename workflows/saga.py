"""The saga engine: it runs steps forward, each with its undo, until a compensation is requested.

The engine guarantees this. It registers an undo before its step runs. Nothing cancels an undo:
neither a cancelled workflow nor a second request. Undos run newest first. A step or an undo that
fails for good parks the saga until an operator settles it. When the failure was no refusal, the
engine retries the parked step, which stays parked until it succeeds. The engine does not repeat a
step that the log says is done, so running a saga again recovers it.

The engine requires this. A step may run twice, and its second run changes nothing. An undo also
works when its step never ran. An activity that completes may swallow a cancellation. So a step that
continues after an activity waits by `SagaRunner.wait`, or calls `SagaRunner.check`.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Coroutine, Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any, Final, TypeVar

from temporalio import workflow
from temporalio.exceptions import FailureError
from temporalio.workflow import ActivityConfig

from activities.interface import OrderActivities, SagaActivities
from activities.types.order import OrderProgress
from domain.errors import ErrorCode
from domain.order.commands import CancellationReason
from domain.order.state import OrderStatus
from domain.saga.commands import Intervention
from domain.saga.plan import PlanStep, Undo
from workflows.database_steps import run_on_database
from workflows.failure import refusal_of
from workflows.new_run import NewRun
from workflows.options import DATABASE, asking
from workflows.parking import ParkingLot
from workflows.provider_calls import ask_provider
from workflows.types import Deadlines

A = TypeVar("A")
T = TypeVar("T")
COMPENSATION_STATUSES: Final = frozenset(
    {OrderStatus.CANCELLING, OrderStatus.CANCELLED, OrderStatus.REJECTED}
)

ANOTHER_CANCELLATION: Final = timedelta(minutes=1)
"""The time after which a step that has swallowed its cancellation is cancelled again."""

LocalStep = Callable[[OrderActivities, str], Awaitable[T]]

UndoAction = Callable[[], Awaitable[bool]]
"""Return whether the step is undone; False means that it is too late to undo it."""


class StepLeft(Exception):
    """The saga takes another way, and leaves a step that is not done."""


class CompensationRequested(StepLeft):
    """The saga stops going forward and compensates."""

    def __init__(self, reason: CancellationReason) -> None:
        super().__init__(reason)
        self.reason = reason


@dataclass(frozen=True, slots=True)
class _Registered:
    undo: Undo
    action: UndoAction


class SagaRunner:
    def __init__(self, order_id: str, deadlines: Deadlines, *, settled: Iterable[str] = ()) -> None:
        self.order_id = order_id
        self.deadlines = deadlines
        self.is_recovered = False
        """True when an earlier run of this workflow may have received signals that this run has
        not."""
        self._undo_actions: dict[str, UndoAction] = {}
        self._registered: list[_Registered] = []
        self._reason: CancellationReason | None = None
        self._has_passed_pivot = False
        self._settled = frozenset(settled)
        self._ledger: dict[str, str] = {}
        self.new_run = NewRun()
        self.parked = ParkingLot(
            order_id,
            deadlines.parked_retry,
            self.new_run,
            is_compensating=lambda: self._reason is not None,
        )
        self._progress: OrderProgress | None = None

    def undo_with(self, actions: Mapping[Undo, UndoAction]) -> None:
        """Name the method that carries out each undo of the plan."""
        self._undo_actions |= {undo.name: action for undo, action in actions.items()}

    # The direction of the saga.

    @property
    def progress(self) -> OrderProgress:
        assert self._progress is not None, "the saga has not started"  # noqa: S101
        return self._progress

    def start_from(self, progress: OrderProgress, *, is_recovered: bool) -> None:
        """Keep the promises of the order, and a cancellation that arrived before this."""
        self.is_recovered = is_recovered
        self.deadlines = self.deadlines.keeping(progress.promises)
        asked_before = self._reason
        self.resume_from(progress)
        if asked_before is not None:
            self.start_compensation(asked_before)

    def resume_from(self, progress: OrderProgress) -> None:
        """Resume forward or backward from the progress in the log."""
        self._progress = _not_of_the_future(progress)
        self._settled |= set(progress.settled)
        self._reason = progress.reason if progress.status is OrderStatus.CANCELLING else None
        self._has_passed_pivot = progress.has_left

    def reached(self, status: OrderStatus) -> None:
        """Record that the log has reached at least this status; the caller has just appended the
        event."""
        if not self.progress.has_reached(status):
            self._progress = replace(self.progress, status=status, since=workflow.now())

    @property
    def is_compensating(self) -> bool:
        return self._reason is not None

    @property
    def has_passed_pivot(self) -> bool:
        return self._has_passed_pivot

    def start_compensation(self, reason: CancellationReason) -> None:
        """Request a compensation. The first reason is kept; past the pivot the request has no
        effect."""
        if not self._has_passed_pivot:
            self._reason = self._reason or reason

    def compensate_now(self, reason: CancellationReason) -> None:
        """Have every step that runs stop, past the pivot too: an operator has decided so."""
        self._reason = self._reason or reason

    def take_over_settled(self, steps: Iterable[str]) -> None:
        """Leave out the steps that an operator has settled in an earlier run."""
        self._settled |= set(steps)

    @property
    def settled(self) -> tuple[str, ...]:
        """The steps that an operator has skipped or resolved."""
        return tuple(sorted(self._settled))

    def check(self) -> None:
        if self._reason is not None:
            raise CompensationRequested(self._reason)

    def pass_pivot(self) -> None:
        """Pass the pivot: from here on only a failure or an operator starts a compensation.

        Some undos are no longer possible then. Raises CompensationRequested when a request came
        first.
        """
        self.check()
        self._has_passed_pivot = True

    async def wait(self, happened: Callable[[], bool], within: timedelta) -> bool:
        """Return whether it happened in time; the time may be over already. Every step waits here.

        Temporal delivers a cancellation to a task once, and an activity that completes may swallow
        it. So this method checks for a compensation before and after it waits. Raises
        CompensationRequested.
        """
        self.check()
        if happened() or within <= timedelta(0):
            return happened()
        try:
            await workflow.wait_condition(
                lambda: happened() or self.is_compensating, timeout=within
            )
        except TimeoutError:
            return False
        self.check()
        return True

    async def wait_until(self, closes_at: datetime, happened: Callable[[], bool]) -> bool:
        """Return whether it happened before this time. Raises CompensationRequested."""
        return await self.wait(happened, closes_at - workflow.now())

    def closes_at(self, step: PlanStep) -> datetime:
        """Return the end of the step's deadline, counted from the last change of the order."""
        return self.progress.since + self.deadlines.of(step.deadline)

    # The activities.

    def asking(self, step: PlanStep | Undo) -> ActivityConfig:
        return asking(step, self.deadlines)

    async def ask(
        self,
        activity: Callable[[Any, A], Awaitable[T]],
        argument: A,
        step: PlanStep | Undo,
        asking: ActivityConfig | None = None,
        until: datetime | None = None,
    ) -> T:
        """Ask a provider, with the time-out that the plan gives the step.

        While the provider is down for everybody, the step waits until `until`, or for the length of
        the payment window.
        """
        with self.new_run.busy():
            return await ask_provider(
                activity,
                argument,
                asking or self.asking(step),
                order_id=self.order_id,
                until=until or workflow.now() + self.deadlines.payment_window,
            )

    async def run_local(self, activity: LocalStep[T], step: PlanStep | Undo) -> T:
        """Record a change of the order in the time of the step."""
        return await self.run_local_with(activity, self.order_id, step)

    async def run_local_with(
        self, activity: Callable[[Any, A], Awaitable[T]], argument: A, step: PlanStep | Undo
    ) -> T:
        with self.new_run.busy():
            return await run_on_database(activity, argument, self.asking(step))

    async def load_progress(self) -> OrderProgress:
        return await workflow.execute_local_activity_method(
            SagaActivities.load_progress, self.order_id, **DATABASE
        )

    async def reload_progress(self) -> None:
        """Load the progress again and resume from it."""
        self.resume_from(await self.load_progress())

    # Forward.

    async def step(self, step: PlanStep, action: Callable[[], Coroutine[Any, Any, None]]) -> None:
        """Run the step unless it is done.

        Raises CompensationRequested when a request came during the step, or when the step failed
        and its failure starts the compensation; and any other StepLeft of the action.
        """
        self._register(step)
        self.check()
        if self._is_done(step) and step.name not in self._ledger:
            self._show_progress(step.name, "done")  # by the placement, or before a recovery
        try:
            await self._until_done(step, action)
        except StepLeft:
            await self.parked.end(step.name)
            raise
        if await self.parked.end(step.name) is Intervention.COMPENSATE:
            raise CompensationRequested(CancellationReason.OPERATOR_REQUEST)

    async def _until_done(
        self, step: PlanStep, action: Callable[[], Coroutine[Any, Any, None]]
    ) -> None:
        while not self._is_done(step):
            self._show_progress(step.name, "running")
            try:
                is_over = await self._attempt(step.name, action)
            except FailureError as error:
                self._show_progress(step.name, "failed")
                if step.on_failure is not None and not _needs_operator(error):
                    raise CompensationRequested(step.on_failure) from None
                await self._compare_with_log()
                await self._park(step.name, error, undoing=False)
            else:
                if is_over:
                    self._show_progress(step.name, "done")
                    return
                await self._compare_with_log()  # the attempt may have got further than this run
                self._follow(step.name, self.parked.take_intervention(step.name))

    def register_all(self, plan: tuple[PlanStep, ...]) -> None:
        """Register every undo of a saga that is recovered, however far it had come."""
        for step in plan:
            self._register(step)

    def _register(self, step: PlanStep) -> None:
        known = {registered.undo.name for registered in self._registered}
        if step.undo is not None and step.undo.name not in known:
            self._registered.append(_Registered(step.undo, self._undo_actions[step.undo.name]))

    def is_settled(self, step: PlanStep) -> bool:
        """Return whether an operator has skipped or resolved the step."""
        return step.name in self._settled

    def _is_done(self, step: PlanStep) -> bool:
        if self.is_settled(step):
            return True
        if self._progress is None or step.until is None:
            return False
        return self.progress.is_final or self.progress.has_reached(step.until)

    async def _attempt(self, name: str, action: Callable[[], Coroutine[Any, Any, None]]) -> bool:
        """Run the action, unless the saga compensates or an operator settles its step.

        Return False when the operator came first. Raises CompensationRequested.
        """
        task = asyncio.create_task(action())
        await workflow.wait_condition(
            lambda: task.done() or self.is_compensating or self.parked.is_settled(name)
        )
        await self._stop(task)
        has_failed = task.cancelled() or isinstance(task.exception(), FailureError)
        self.check()
        if has_failed and self.parked.is_settled(name):
            return False
        await task
        return True

    async def _stop(self, task: asyncio.Task[None]) -> None:
        """Cancel the task until it ends.

        An activity may swallow the cancellation. The action learns of a compensation when it waits
        again, and of an intervention only by another cancellation.
        """
        while not task.done():
            task.cancel()
            timeout = None if self.is_compensating else ANOTHER_CANCELLATION
            with contextlib.suppress(TimeoutError):
                await workflow.wait_condition(task.done, timeout=timeout)

    async def _compare_with_log(self) -> None:
        """Reload the progress: an attempt that Temporal has lost may have got further than this
        run."""
        progress = await self.load_progress()
        self._progress = _not_of_the_future(progress)
        if progress.status in COMPENSATION_STATUSES:
            raise CompensationRequested(progress.reason or CancellationReason.OPERATOR_REQUEST)

    # Backward.

    async def compensate(self) -> bool:
        """Undo the registered steps, newest first; return False if the newest could not be undone.

        In that case nothing was undone. The log then says whether the parcel has left, because this
        workflow may be wrong about it.
        """
        await self.parked.end_all(undoing=False)
        if self._has_passed_pivot:
            self._registered = [r for r in self._registered if not r.undo.until_pivot]
        while self._registered:
            together = self._newest()
            undone = await asyncio.gather(*(self._undo(registered) for registered in together))
            if not all(undone):
                return False
            del self._registered[-len(together) :]
        return True

    def _newest(self) -> list[_Registered]:
        """Return the newest undo, with the earlier ones that may run in parallel with it."""
        count = 1
        if self._registered[-1].undo.parallel:
            while count < len(self._registered) and self._registered[-count - 1].undo.parallel:
                count += 1
        return self._registered[-count:]

    async def _undo(self, registered: _Registered) -> bool:
        name = registered.undo.name
        self._show_progress(name, "undoing")
        undone = await self.run_until_settled(name, registered.action, settled=True)
        self._show_progress(name, "undone" if undone else "too late")
        return undone

    async def run_until_settled(
        self, name: str, action: Callable[[], Awaitable[T]], *, settled: T
    ) -> T:
        """Run an action that has to succeed until it does, or until an operator settles it.

        Return `settled` in the second case. An attempt under way is not cancelled: the saga follows
        the operator once it has failed.
        """
        while name not in self._settled:
            try:
                result = await action()
            except FailureError as error:
                self._show_progress(name, "failed")
                await self._park(name, error, undoing=True)
            else:
                await self.parked.end(name)
                return result
        return settled

    # Parked.

    async def _park(self, name: str, error: FailureError, *, undoing: bool) -> None:
        """Park the step, wait for an intervention or a retry, and act on it."""
        self._follow(name, await self.parked.park(name, error, undoing=undoing))

    def _follow(self, name: str, intervention: Intervention | None) -> None:
        match intervention:
            case Intervention.COMPENSATE:
                raise CompensationRequested(CancellationReason.OPERATOR_REQUEST)
            case Intervention.SKIP | Intervention.RESOLVE:
                self._settled |= {name}
                self._show_progress(name, "settled by an operator")

    def _show_progress(self, name: str, state: str) -> None:
        """Show the order's number and the ledger in the Temporal Web UI.

        This costs no history events.
        """
        self._ledger[name] = state
        steps = [f"- **{step}**: {state}" for step, state in self._ledger.items()]
        title = [] if self._progress is None else [f"Order {self._progress.number}", ""]
        workflow.set_current_details("\n".join([*title, *steps]))


def _needs_operator(error: FailureError) -> bool:
    """Return whether the step parks whatever its plan says: the goods may be found or bought."""
    refusal = refusal_of(error)
    return refusal is not None and refusal.type == ErrorCode.INSUFFICIENT_STOCK


def _not_of_the_future(progress: OrderProgress) -> OrderProgress:
    """Move times that lie in the future to now.

    They come from the database, whose clock may be ahead of Temporal's. Otherwise a window would
    open later than now and close too late by the same amount.
    """
    now, requested_at = workflow.now(), progress.return_requested_at
    return replace(
        progress,
        since=min(progress.since, now),
        return_requested_at=requested_at and min(requested_at, now),
    )
