from __future__ import annotations

from datetime import datetime
from typing import Self

import strawberry

from api.connections import Connection
from api.discrepancies.systems import ReconciledSystem
from api.payload import POSITION_NUMBER, Payload
from api.scalars import Long, Position
from domain.saga.commands import Intervention
from eventstore.positions import PositionCodec
from queries.keyset import Page
from queries.saga_attempts import AttemptView
from queries.saga_history import Acceptance, DiscrepancyView, InterventionView, ParkingView
from queries.saga_ledger import SagaStatus, SagaView, StepView, UndoView
from queries.saga_records import AttemptOutcome
from queries.saga_states import StepState
from queries.sagas import ParkedSaga

CURSOR_KIND = "parked cursor"
OUTCOMES = (
    "The outcome of an attempt. PENDING: the provider waits for the customer. DECLINED: the "
    "provider declined the payment. REFUSED: the provider refused to create the payment. FAILED: "
    "the other party refused the call or did not answer it. ABANDONED: the payment was voided, or "
    "another attempt replaced it."
)

strawberry.enum(Intervention, name="InterventionKind")
strawberry.enum(AttemptOutcome, name="SagaAttemptOutcome", description=OUTCOMES)
strawberry.enum(SagaStatus)
strawberry.enum(StepState, name="SagaStepState")


@strawberry.type(description="The error of the last failed attempt.")
class SagaStepError:
    code: str
    message: str

    @classmethod
    def of(cls, attempt: AttemptView | None) -> Self | None:
        if attempt is None or attempt.code is None:
            return None
        return cls(code=attempt.code, message=attempt.message or "")


@strawberry.type(
    description="An attempt at a step. It begins when the attempt before it has ended. A step keeps"
    " all that the log records, and the newest 100 failed calls."
)
class SagaAttempt:
    number: int = strawberry.field(description="Counts the attempts at the step, from 1.")
    outcome: AttemptOutcome
    started_at: datetime | None
    ended_at: datetime | None = strawberry.field(description="Null while it runs.")
    code: str | None = strawberry.field(
        description="The provider's decline code, or the code of the failure."
    )
    message: str | None
    reference: str | None = strawberry.field(
        description="The provider's id of the payment, the shipment or the return."
    )

    @classmethod
    def of(cls, attempt: AttemptView) -> Self:
        return cls(
            number=attempt.number,
            outcome=attempt.outcome,
            started_at=attempt.started_at,
            ended_at=attempt.ended_at,
            code=attempt.code,
            message=attempt.message,
            reference=attempt.reference,
        )


@strawberry.type(
    description="A parked step: it waits until a retry succeeds or an operator decides."
)
class SagaParking:
    number: int = strawberry.field(description="Counts the parkings of the saga, from 1.")
    since: datetime
    code: str = strawberry.field(description="Of the latest failed attempt, as the message is.")
    message: str
    attempts: int = strawberry.field(
        description="The attempts that have failed while it is parked."
    )
    failed_at: datetime | None = strawberry.field(
        description="The time of the latest failure; null when it is not known."
    )
    next_retry_at: datetime | None = strawberry.field(
        description="The time of the next automatic retry. It is past while the retry runs. Null: "
        "the step waits for an operator."
    )
    workflow_id: str = strawberry.field(description="The Temporal workflow that waits.")

    @classmethod
    def of(cls, parking: ParkingView | None) -> Self | None:
        if parking is None:
            return None
        return cls(
            number=parking.number,
            since=parking.since,
            code=parking.code,
            message=parking.message,
            attempts=parking.attempts,
            failed_at=parking.failed_at,
            next_retry_at=parking.retry_at,
            workflow_id=parking.workflow_id,
        )


@strawberry.type(description="The compensation of a step.")
class SagaUndo:
    name: str
    description: str
    state: StepState
    attempts: int | None = strawberry.field(
        description="The number of attempts, those that are no longer kept included."
    )
    attempt_history: list[SagaAttempt]
    started_at: datetime | None
    ended_at: datetime | None
    last_error: SagaStepError | None
    parking: SagaParking | None

    @classmethod
    def of(cls, undo: UndoView) -> Self:
        return cls(
            name=undo.name,
            description=undo.description,
            state=undo.state,
            attempts=undo.attempt_count,
            attempt_history=[SagaAttempt.of(attempt) for attempt in undo.attempts],
            started_at=undo.started_at,
            ended_at=undo.ended_at,
            last_error=SagaStepError.of(undo.last_error),
            parking=SagaParking.of(undo.parking),
        )


@strawberry.type
class SagaStep:
    name: str
    description: str
    state: StepState = strawberry.field(description="The state of its undo after that has begun.")
    attempts: int | None = strawberry.field(
        description="The number of attempts, those that are no longer kept included."
    )
    attempt_history: list[SagaAttempt]
    started_at: datetime | None
    ended_at: datetime | None
    last_error: SagaStepError | None
    parking: SagaParking | None
    undo: SagaUndo | None

    @classmethod
    def of(cls, step: StepView) -> Self:
        return cls(
            name=step.name,
            description=step.description,
            state=step.state,
            attempts=step.attempt_count,
            attempt_history=[SagaAttempt.of(attempt) for attempt in step.attempts],
            started_at=step.started_at,
            ended_at=step.ended_at,
            last_error=SagaStepError.of(step.last_error),
            parking=SagaParking.of(step.parking),
            undo=None if step.undo is None else SagaUndo.of(step.undo),
        )


@strawberry.type(description="An operator's decision on a parked step.")
class SagaIntervention:
    step: str
    parking: int
    kind: Intervention
    reason: str
    actor: str | None
    at: datetime

    @classmethod
    def of(cls, made: InterventionView) -> Self:
        return cls(
            step=made.step,
            parking=made.parking,
            kind=made.kind,
            reason=made.reason,
            actor=made.actor,
            at=made.at,
        )


@strawberry.type(description="An operator's acceptance of a difference.")
class DiscrepancyAcceptance:
    reason: str
    actor: str | None
    at: datetime

    @classmethod
    def of(cls, accepted: Acceptance | None) -> Self | None:
        if accepted is None:
            return None
        return cls(reason=accepted.reason, actor=accepted.actor, at=accepted.at)


@strawberry.type(
    description="A difference between the log and another system: a provider, Temporal or the "
    "stock."
)
class SagaDiscrepancy:
    system: ReconciledSystem
    ours: str
    theirs: str
    since: datetime
    accepted: DiscrepancyAcceptance | None = strawberry.field(
        description="Null while the difference is open."
    )

    @classmethod
    def of(cls, discrepancy: DiscrepancyView) -> Self:
        return cls(
            system=discrepancy.system,
            ours=discrepancy.ours,
            theirs=discrepancy.theirs,
            since=discrepancy.since,
            accepted=DiscrepancyAcceptance.of(discrepancy.accepted),
        )


@strawberry.type(description="The execution of an order: its steps and their compensations.")
class Saga:
    order_id: strawberry.ID
    order_number: str
    status: SagaStatus
    direction: strawberry.Private[SagaStatus]
    needs_attention: bool | None
    parked_since: datetime | None
    recoveries: int | None = strawberry.field(description="The number of times it was recovered.")
    workflow_ids: list[str] | None = strawberry.field(
        description="The Temporal workflows that have run it."
    )
    steps: list[SagaStep]
    interventions: list[SagaIntervention] | None
    discrepancies: list[SagaDiscrepancy] | None
    position: Position | None = strawberry.field(
        description="The position of the last event in this answer."
    )

    @strawberry.field(description=POSITION_NUMBER)
    def position_number(self) -> Long | None:
        return None if self.position is None else Long(self.position)

    @classmethod
    def of(cls, saga: SagaView) -> Self:
        return cls(
            order_id=strawberry.ID(saga.order_id),
            order_number=saga.order_number,
            status=saga.status,
            direction=saga.direction,
            needs_attention=saga.needs_attention,
            parked_since=saga.parked_since,
            recoveries=saga.recoveries,
            workflow_ids=list(saga.workflow_ids),
            steps=[SagaStep.of(step) for step in saga.steps],
            interventions=[SagaIntervention.of(made) for made in saga.interventions],
            discrepancies=[SagaDiscrepancy.of(discrepancy) for discrepancy in saga.discrepancies],
            position=Position(saga.position),
        )


@strawberry.type
class SagaConnection(Connection[Saga]):
    @classmethod
    def of(cls, page: Page[ParkedSaga], positions: PositionCodec) -> Self:
        cursors = [positions.seal(item.key, CURSOR_KIND) for item in page.items]
        nodes = [Saga.of(item.saga) for item in page.items]
        return cls.holding(page, cursors, nodes)


@strawberry.type
class SagaInterventionPayload(Payload):
    saga: Saga | None = None
