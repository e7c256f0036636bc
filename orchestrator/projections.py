"""Ask the workers to rebuild a projection, or to take its parked events again."""

from __future__ import annotations

from dataclasses import dataclass

from domain.errors import ErrorCode, Refused
from domain.idempotency import KeyUse
from eventstore.keys import take_key
from kit.pool import Pool
from projections import parked
from projections.projection import ReadModel
from projections.rebuild import record
from projections.registry import UnknownProjection, read_model_named


@dataclass(frozen=True, slots=True)
class Redrive:
    events: int
    """The events that the leader has still to take."""
    is_repeat: bool


class ProjectionRequests:
    """The requests are rows in PostgreSQL; a worker with the role `projections` finds them."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    async def rebuild(self, name: str, actor: str, key: KeyUse | None = None) -> bool:
        """Ask for a rebuild; return False for a repetition with the key.

        Raises Refused: NOT_FOUND, or WRONG_STATE while a rebuild is under way.
        """
        model = _named(name)
        async with self._pool.acquire() as connection, connection.transaction():
            if not await take_key(connection, key):
                return False
            if not await record.request(connection, model, actor):
                message = f"{name} is being rebuilt: wait until that has finished"
                raise Refused(ErrorCode.WRONG_STATE, message, ("name",))
        return True

    async def redrive(self, name: str, stream_id: str | None, key: KeyUse | None = None) -> Redrive:
        """Ask the leader to take parked events again.

        Raises Refused: NOT_FOUND when none are parked.
        """
        checkpoint = _named(name).checkpoint
        async with self._pool.acquire() as connection, connection.transaction():
            is_first = await take_key(connection, key)
            if checkpoint is None:
                raise _none_parked(name, stream_id)
            if is_first and (events := await parked.redrive(connection, checkpoint, stream_id)):
                return Redrive(events, is_repeat=False)
            events = await parked.redriven_events(connection, checkpoint, stream_id)
        if is_first and not events:
            raise _none_parked(name, stream_id)
        return Redrive(events, is_repeat=True)


def _none_parked(name: str, stream_id: str | None) -> Refused:
    whose = f"of {stream_id} " if stream_id else ""
    return Refused(ErrorCode.NOT_FOUND, f"no event {whose}is parked in {name}", ("name",))


def _named(name: str) -> ReadModel:
    try:
        return read_model_named(name)
    except UnknownProjection as error:
        raise Refused(ErrorCode.NOT_FOUND, str(error), ("name",)) from None
