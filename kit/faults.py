"""Write a fault in one line of a log."""

from __future__ import annotations

import traceback
from collections.abc import Iterator
from typing import Final

MAX_TEXT: Final = 300


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
