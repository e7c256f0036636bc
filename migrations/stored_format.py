"""Refuse to upgrade a database whose stored format this code does not read."""

from __future__ import annotations

from alembic import context
from sqlalchemy import Connection

from eventstore.stored_format import ADVICE, FORMAT, IS_NUMBERED, PLACE
from stored_format import require_stored_format


def refuse_other_format(connection: Connection) -> None:
    """Raise OtherStoredFormatError if the database was migrated by code of another format.

    An empty database, or one that was downgraded to nothing, is not refused.
    """
    if not context.get_context().get_current_heads():
        return
    is_numbered = connection.exec_driver_sql(IS_NUMBERED).scalar_one()
    found = connection.exec_driver_sql(FORMAT).scalar() if is_numbered else None
    require_stored_format(PLACE, found, ADVICE)
