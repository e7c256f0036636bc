"""Translate Temporal's errors into those that callers of the orchestrator handle."""

from __future__ import annotations

import asyncio
import math
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Final

from temporalio.api.errordetails.v1 import NamespaceNotFoundFailure
from temporalio.client import (
    Client,
    RPCTimeoutOrCancelledError,
    WorkflowFailureError,
    WorkflowUpdateFailedError,
)
from temporalio.exceptions import ActivityError, ApplicationError
from temporalio.service import RPCError, RPCStatusCode

from domain.errors import ErrorCode, Refused
from temporal.client import is_temporal_away

TIMEOUT_SECONDS: Final = 15.0
"""The time that a caller waits for a worker before OutcomeUnknown is raised."""
ANSWER_HOLDS_SECONDS: Final = 1.0
"""The time after an answer in which Temporal is not probed before a request."""
PROBE_TIMEOUT: Final = timedelta(seconds=2)

_REJECTED: Final = RPCStatusCode.RESOURCE_EXHAUSTED
"""Temporal has received the request, and has not taken it."""
_ENDED: Final = "AcceptedUpdateCompletedWorkflow"
"""The failure of an update whose workflow ended before the update did."""


class Unavailable(Exception):
    """The request has not reached a saga, and nothing was changed. The call may be repeated."""


class OutcomeUnknown(Unavailable):
    """The request may have reached a saga, which did not answer in time. A call that is repeated
    under the same idempotency key has no second effect."""


class NoSuchSaga(Exception):
    """No saga runs under this id: it never started, or it has ended."""


class Translation:
    """Use it as `async with translated():` around the calls of one client."""

    def __init__(self, client: Client) -> None:
        self._client = client
        self._answered_at = -math.inf

    @asynccontextmanager
    async def __call__(self) -> AsyncIterator[None]:
        await self._require_temporal()
        try:
            async with asyncio.timeout(TIMEOUT_SECONDS):
                yield
            self._answered_at = time.monotonic()
        except (WorkflowUpdateFailedError, WorkflowFailureError) as failed:
            raise _failure(failed.cause) from None
        except RPCTimeoutOrCancelledError:
            raise OutcomeUnknown("no worker answered in time") from None
        except RPCError as error:
            raise self._translated(error) from error
        except RuntimeError as error:  # the error of a client that was never connected
            if not is_temporal_away(error):
                raise
            raise Unavailable("Temporal does not answer; try again") from error
        except TimeoutError:
            raise OutcomeUnknown("no worker answered in time") from None

    async def _require_temporal(self) -> None:
        """Raise Unavailable while Temporal is away.

        The SDK repeats a request that fails. The last failure does not tell whether an earlier try
        has reached Temporal. While Temporal was away before the request, no try has.
        """
        if time.monotonic() < self._answered_at + ANSWER_HOLDS_SECONDS:
            return
        try:
            await self._client.service_client.check_health(timeout=PROBE_TIMEOUT)
        except (RPCError, RuntimeError) as error:
            raise Unavailable("Temporal does not answer; try again") from error
        self._answered_at = time.monotonic()

    def _translated(self, error: RPCError) -> Exception:
        if error.status is RPCStatusCode.NOT_FOUND and not _has_lost_namespace(error):
            return NoSuchSaga()
        if error.status is _REJECTED or not is_temporal_away(error):
            return Unavailable("Temporal does not take the request; try again")
        self._answered_at = -math.inf
        return OutcomeUnknown("Temporal does not answer")


def _has_lost_namespace(error: RPCError) -> bool:
    """Return whether Temporal knows no workflow at all, as after the loss of its database."""
    return any(each.Is(NamespaceNotFoundFailure.DESCRIPTOR) for each in error.grpc_status.details)


def _failure(cause: BaseException | None) -> Exception:
    """Return the refusal that an activity or a validator raised; unwrap its causes."""
    while isinstance(cause, ActivityError):
        cause = cause.cause
    if isinstance(cause, ApplicationError):
        if cause.type == _ENDED:
            return NoSuchSaga()
        if cause.type and cause.type in ErrorCode.__members__:
            field = cause.details[0] if cause.details else ()
            return Refused(ErrorCode(cause.type), cause.message, tuple(field))
    return OutcomeUnknown("the request failed")
