"""The ways in which a command fails, each with its exit code."""

from __future__ import annotations

from collections.abc import Sequence
from enum import IntEnum

from cli.advice import ADVICE


class ExitCode(IntEnum):
    """The exit codes on which scripts branch. A code is never given another meaning."""

    OK = 0
    REFUSED = 1
    USAGE = 2
    UNREACHABLE = 3
    NOT_FOUND = 4
    INTERRUPTED = 130
    BROKEN_PIPE = 141


class CommandFailed(Exception):
    """The command has failed. Its message is one line that says what to do."""

    exit_code = ExitCode.REFUSED


class WrongUsage(CommandFailed):
    """The command cannot be run with these options."""

    exit_code = ExitCode.USAGE


class Unreachable(CommandFailed):
    """The service does not answer, or not as Waybill does."""

    exit_code = ExitCode.UNREACHABLE


class Declined(CommandFailed):
    """The operator did not confirm the change."""


class NotReady(CommandFailed):
    """The service answers, and cannot do its work."""


class Refused(CommandFailed):
    """The service has refused the request, with a code."""

    def __init__(self, code: str, message: str, field: Sequence[str] = ()) -> None:
        self.code, self.message, self.field = code, message, tuple(field)
        at = f" (field {'.'.join(self.field)})" if self.field else ""
        advice = f". {ADVICE[code]}" if code in ADVICE else ""
        super().__init__(f"{code}: {message.rstrip('.')}{at}{advice}")


class NotFound(Refused):
    """The service knows no such object, or does not show it to this caller."""

    exit_code = ExitCode.NOT_FOUND


class Unavailable(Refused):
    """The service answers, and a server that it needs does not."""

    exit_code = ExitCode.UNREACHABLE


def refusal(code: str, message: str, field: Sequence[str] = ()) -> Refused:
    """Return the error of this code."""
    kinds: dict[str, type[Refused]] = {
        "NOT_FOUND": NotFound,
        "OUTCOME_UNKNOWN": Unavailable,
        "UNAVAILABLE": Unavailable,
    }
    return kinds.get(code, Refused)(code, message, field)
