"""Present the errors of a request with a code and a remedy, and without their internal cause."""

from __future__ import annotations

import logging
import re
import traceback
from enum import StrEnum
from typing import Final
from uuid import uuid4

from graphql import GraphQLError
from sqlalchemy.exc import DBAPIError, InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError
from strawberry.exceptions import MissingQueryError
from strawberry.extensions import MaskErrors
from strawberry.schema.exceptions import CannotGetOperationTypeError

from kit.restart import is_database_away
from orchestrator.translation import OutcomeUnknown, Unavailable

log = logging.getLogger(__name__)

_SUGGESTION: Final = re.compile(r" Did you mean [^?]*\?")

_OUTCOME_UNKNOWN: Final = (
    "the outcome is unknown: the request may have been carried out. Repeat it with the same"
    " idempotency key, which has no second effect; a new key could have one"
)


class RequestErrorCode(StrEnum):
    """`extensions.code` of an error. Clients branch on these; a code is never renamed."""

    BAD_USER_INPUT = "BAD_USER_INPUT"
    FORBIDDEN = "FORBIDDEN"
    INTERNAL = "INTERNAL"
    NOT_FOUND = "NOT_FOUND"
    OUTCOME_UNKNOWN = "OUTCOME_UNKNOWN"
    PAYLOAD_TOO_LARGE = "PAYLOAD_TOO_LARGE"
    PERSONAL_DATA_UNREADABLE = "PERSONAL_DATA_UNREADABLE"
    POSITION_LOST = "POSITION_LOST"
    RATE_LIMITED = "RATE_LIMITED"
    UNAUTHENTICATED = "UNAUTHENTICATED"
    UNAVAILABLE = "UNAVAILABLE"


class RequestError(GraphQLError):
    """An error whose message is written for the client."""

    def __init__(self, code: RequestErrorCode, message: str) -> None:
        super().__init__(message, extensions={"code": code.value})


def bad_input(message: str) -> RequestError:
    return RequestError(RequestErrorCode.BAD_USER_INPUT, message)


def not_found(what: str, by: str = "id") -> RequestError:
    return RequestError(RequestErrorCode.NOT_FOUND, f"you have no {what} with this {by}")


def rate_limited(message: str) -> RequestError:
    return RequestError(RequestErrorCode.RATE_LIMITED, message)


def outcome_unknown(cause: Exception) -> RequestError:
    """Return the error of a request that was sent, and log its cause."""
    error = RequestError(RequestErrorCode.OUTCOME_UNKNOWN, _OUTCOME_UNKNOWN)
    if is_unavailable(cause):
        log.warning("outcome unknown: %s", _shown(cause))
    else:
        error.extensions = {**(error.extensions or {}), "correlationId": _logged(cause)}
    return error


def position_lost() -> RequestError:
    message = (
        "this position is not in the log: a database has lost the latest changes; subscribe again"
        " without `after`"
    )
    return RequestError(RequestErrorCode.POSITION_LOST, message)


def personal_data_unreadable() -> RequestError:
    message = "the personal data cannot be read now: the operator finds the cause in the API's log"
    return RequestError(RequestErrorCode.PERSONAL_DATA_UNREADABLE, message)


def forbidden(message: str) -> RequestError:
    return RequestError(RequestErrorCode.FORBIDDEN, message)


def as_json(code: RequestErrorCode, message: str) -> dict[str, object]:
    """Return the body of an error response that GraphQL did not produce."""
    return {"errors": [{"message": message, "extensions": {"code": code.value}}]}


class PresentErrors(MaskErrors):
    """Pass every error of a response or of a stream through present().

    Without introspection, no message suggests a name of the schema. The option of graphql-core
    covers validation only. It does not cover the values of variables or fields without a selection.
    """

    def __init__(self, *, introspection: bool) -> None:
        super().__init__()
        self._introspection = introspection

    def anonymise_error(self, error: GraphQLError) -> GraphQLError:
        presented = present(error)
        if not self._introspection:
            presented.message = _SUGGESTION.sub("", presented.message)
        return presented


def present(error: GraphQLError) -> GraphQLError:
    cause = error.original_error
    if isinstance(cause, RequestError) or isinstance(error, RequestError):
        return error
    if cause is None or isinstance(cause, GraphQLError):
        return _replace(error, RequestErrorCode.BAD_USER_INPUT, _without_values(error.message))
    if isinstance(cause, MissingQueryError):
        return _replace(error, RequestErrorCode.BAD_USER_INPUT, "the query is missing")
    if isinstance(cause, CannotGetOperationTypeError):
        reason = cause.as_http_error_reason()
        return _replace(error, RequestErrorCode.BAD_USER_INPUT, reason)
    return _unavailable(error, cause) if is_unavailable(cause) else _internal(error, cause)


def _unavailable(error: GraphQLError, cause: Exception) -> GraphQLError:
    if isinstance(cause, OutcomeUnknown):
        log.warning("outcome unknown: %s", _shown(cause))
        return _replace(error, RequestErrorCode.OUTCOME_UNKNOWN, _OUTCOME_UNKNOWN)
    log.warning("unavailable: %s", _shown(cause))
    unchanged = " and has changed nothing" if isinstance(cause, Unavailable) else ""
    message = f"the service is temporarily unavailable{unchanged}: try again"
    return _replace(error, RequestErrorCode.UNAVAILABLE, message)


def is_unavailable(cause: BaseException) -> bool:
    """Return whether a server does not answer, or cannot do its work now."""
    if isinstance(cause, DBAPIError):
        known = cause.connection_invalidated or isinstance(cause, OperationalError | InterfaceError)
        driver = None if cause.orig is None else cause.orig.__cause__
        return known or (driver is not None and is_database_away(driver))
    return isinstance(cause, Unavailable | PoolTimeoutError) or is_database_away(cause)


def _internal(error: GraphQLError, cause: Exception) -> GraphQLError:
    correlation_id = _logged(cause)
    message = f"internal error: report the id {correlation_id} to the operator"
    return _replace(error, RequestErrorCode.INTERNAL, message, correlationId=correlation_id)


def _logged(fault: Exception) -> str:
    """Log a fault of Waybill; return the id by which an operator finds it."""
    correlation_id = str(uuid4())
    # The message of the fault may quote a customer's input, so the log omits it.
    stack = "".join(traceback.format_tb(fault.__traceback__))
    log.error("internal error %s: %s\n%s", correlation_id, type(fault).__name__, stack)
    return correlation_id


def _shown(cause: Exception) -> str:
    """Return what the log may hold of a cause. The messages of Waybill's own errors name no one."""
    return str(cause) if isinstance(cause, Unavailable) else type(cause).__name__


def _without_values(message: str) -> str:
    """Remove the values that graphql-core quotes from variables, which may hold addresses."""
    head, colon, fault = message.partition(": ")
    if not re.match(r"Variable '\$\w+' has invalid value", head):
        return message
    return head + colon + re.split(r": |, found", fault)[0]


def _replace(
    error: GraphQLError, code: RequestErrorCode, message: str, **extensions: str
) -> GraphQLError:
    return GraphQLError(
        message,
        nodes=error.nodes,
        source=error.source,
        positions=error.positions,
        path=error.path,
        extensions={"code": code.value, **extensions},
    )
