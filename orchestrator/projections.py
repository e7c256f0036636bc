"""Ask the workers to rebuild a projection, or to take its parked events again."""

from __future__ import annotations

from domain.errors import ErrorCode, Refused
from kit.pool import Pool
from projections import parked
from projections.projection import ReadModel
from projections.rebuild import record
from projections.registry import UnknownProjection, read_model_named


class ProjectionRequests:
    """The requests are rows in PostgreSQL; a worker with the role `projections` finds them."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    async def rebuild(self, name: str, actor: str) -> None:
        """Ask for a rebuild. Raises Refused: NOT_FOUND, or WRONG_STATE while one is under way."""
        model = _named(name)
        async with self._pool.acquire() as connection:
            if not await record.request(connection, model, actor):
                message = f"{name} is being rebuilt: wait until that has finished"
                raise Refused(ErrorCode.WRONG_STATE, message, ("name",))

    async def redrive(self, name: str, stream_id: str | None) -> int:
        """Ask the leader to take parked events again, and return their number.

        Raises Refused: NOT_FOUND when none are parked.
        """
        checkpoint, events = _named(name).checkpoint, 0
        if checkpoint is not None:
            async with self._pool.acquire() as connection:
                events = await parked.redrive(connection, checkpoint, stream_id)
        if not events:
            whose = f"of {stream_id} " if stream_id else ""
            raise Refused(ErrorCode.NOT_FOUND, f"no event {whose}is parked in {name}", ("name",))
        return events


def _named(name: str) -> ReadModel:
    try:
        return read_model_named(name)
    except UnknownProjection as error:
        raise Refused(ErrorCode.NOT_FOUND, str(error), ("name",)) from None
