from __future__ import annotations

import asyncpg
import pytest
from graphql import GraphQLError
from sqlalchemy.exc import DBAPIError

from api.errors import outcome_unknown, present

AWAY = [
    ConnectionRefusedError(111, "Connection refused"),
    asyncpg.CannotConnectNowError("the database system is starting up"),
    asyncpg.AdminShutdownError("terminating connection due to administrator command"),
    asyncpg.TooManyConnectionsError("sorry, too many clients already"),
    asyncpg.DiskFullError("No space left on device"),
    asyncpg.ReadOnlySQLTransactionError("cannot execute INSERT in a read-only transaction"),
]


def from_sqlalchemy(cause: Exception) -> DBAPIError:
    """Wrap an error of asyncpg as SQLAlchemy does."""
    translated = Exception("wrapped")
    translated.__cause__ = cause
    return DBAPIError("SELECT 1", None, translated)


def presented(cause: Exception) -> tuple[str, dict[str, object]]:
    error = present(GraphQLError("failed", original_error=cause))
    return error.message, error.extensions or {}


@pytest.mark.parametrize("cause", AWAY, ids=lambda cause: type(cause).__name__)
def test_a_database_that_cannot_do_its_work_now_is_unavailable(cause: Exception) -> None:
    expected = ("the service is temporarily unavailable: try again", {"code": "UNAVAILABLE"})
    assert presented(cause) == presented(from_sqlalchemy(cause)) == expected
    assert outcome_unknown(cause).extensions == {"code": "OUTCOME_UNKNOWN"}


def test_a_fault_of_a_statement_is_internal() -> None:
    fault = asyncpg.UndefinedColumnError('column "x" does not exist')
    for cause in (fault, from_sqlalchemy(fault)):
        _, extensions = presented(cause)
        assert extensions.keys() == {"code", "correlationId"}
        assert extensions["code"] == "INTERNAL"
    assert (outcome_unknown(fault).extensions or {}).keys() == {"code", "correlationId"}
