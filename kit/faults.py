"""Write a fault in one line of a log."""

from __future__ import annotations

import logging
import traceback
from collections.abc import Callable, Iterator
from typing import Final

MAX_TEXT: Final = 300

_RETRIED: Final = ("temporalio.", "nats.")
"""The loggers of libraries that log what they try again. Temporal keeps the stack trace of a
failure; NATS reports a lost connection to its client as well."""


def one_line(error: BaseException) -> str:
    """Return the type and the message of the fault, and of the first one in a group."""
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    text = " ".join(str(error).split())[:MAX_TEXT]
    return f"{type(error).__name__}: {text}" if text else type(error).__name__


def origin(error: BaseException) -> str:
    """Return the file and the line that raised it."""
    frames = traceback.extract_tb(error.__traceback__)
    return f"{frames[-1].filename}:{frames[-1].lineno}" if frames else "unknown place"


def causes(error: BaseException) -> Iterator[BaseException]:
    """Yield the error and what it was raised from, the outermost first."""
    cause: BaseException | None = error
    while cause is not None:
        yield cause
        cause = cause.__cause__


class BriefFormatter(logging.Formatter):
    """Write one line instead of a traceback when a server is away or Temporal tries again."""

    def __init__(self, is_away: Callable[[BaseException], bool]) -> None:
        super().__init__("%(asctime)s %(levelname)s %(name)s %(message)s")
        self._is_away = is_away

    def format(self, record: logging.LogRecord) -> str:
        error = record.exc_info[1] if record.exc_info else None
        if error is None or not self._is_brief(record, error):
            return super().format(record)
        text = f"{record.getMessage()}: {' <- '.join(map(one_line, causes(error)))}"
        brief = logging.makeLogRecord(record.__dict__ | {"msg": text, "args": ()})
        brief.exc_info = brief.exc_text = None
        return super().format(brief)

    def _is_brief(self, record: logging.LogRecord, error: BaseException) -> bool:
        return record.name.startswith(_RETRIED) or self._is_away(error)
