"""The refusals of a simulator."""

from __future__ import annotations

import json

from providers.simulation.store import Answer


class Refusal(Exception):
    """A request that is refused: nothing of it is written.

    `kept` is true when the work had started, so that the idempotency key remembers the refusal. A
    request that was wrong from the start leaves its key unused. `code` is None where the provider
    gives none.
    """

    def __init__(
        self, status: int, code: str | None, message: str, *, kept: bool = False, **facts: str
    ) -> None:
        super().__init__(message)
        error = {"message": message, "type": "invalid_request_error", **facts}
        if code is not None:
            error["code"] = code
        self.answer = Answer(status, json.dumps({"error": error}))
        self.kept = kept
