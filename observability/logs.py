"""Set up the log of a process: one line of JSON in production, and of text in development.

A line names the order, the workflow and the trace that it belongs to, where there are any. Every
logger of the process writes so, those of libraries as well. No line should hold personal data or a
secret. A last filter blanks what looks like one.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, Final

import structlog
from structlog.typing import EventDict, Processor

from kit.faults import causes, one_line
from observability import trace

Context = Callable[[], Mapping[str, str]]
"""Return what the line belongs to: names and ids."""
IsAway = Callable[[BaseException], bool]
"""Return whether the error means that a server does not answer."""

CHATTY: Final = ("httpx", "httpcore", "stripe", "uvicorn.access")
"""They log every request, with its URL."""

_RETRIED: Final = ("temporalio.", "nats.")
"""The loggers of libraries that log what they try again. Temporal keeps the stack trace of a
failure; NATS reports a lost connection to its client as well."""
_BLANKED: Final = (
    (re.compile(r"[\w.+-]+@[\w-]+(?:\.[\w-]+)+"), "[address]"),
    (re.compile(r"(?i)\bbearer\s+\S+"), "Bearer [token]"),
    (re.compile(r"\beyJ[\w-]+\.[\w-]+\.[\w-]*"), "[token]"),
    (re.compile(r"\bwhsec_\S+|\bsk_(?:test|live)_\w+"), "[secret]"),
    (re.compile(r"(://[^/\s:@]+:)[^/\s@]+@"), r"\1[secret]@"),
)


def set_up_logs(
    level: str = "INFO",
    *,
    as_json: bool = False,
    is_away: IsAway = lambda _: False,
    contexts: Sequence[Context] = (),
) -> None:
    """Write the lines of every logger to standard error. A second call replaces the first."""
    handler = logging.StreamHandler()
    handler.setFormatter(formatter(as_json=as_json, is_away=is_away, contexts=contexts))
    logging.basicConfig(level=level, handlers=[handler], force=True)
    for chatty in CHATTY:
        logging.getLogger(chatty).setLevel(logging.WARNING)


def formatter(
    *, as_json: bool, is_away: IsAway = lambda _: False, contexts: Sequence[Context] = ()
) -> logging.Formatter:
    render: Processor = structlog.processors.JSONRenderer() if as_json else _as_text
    return structlog.stdlib.ProcessorFormatter(
        foreign_pre_chain=[
            _brief(is_away),
            structlog.processors.format_exc_info,
            _identified([_of_trace, *contexts]),
            _blanked,
        ],
        processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, render],
    )


def _brief(is_away: IsAway) -> Processor:
    """Write one line instead of a traceback when a server is away or Temporal tries again."""

    def brief(_: object, __: str, line: EventDict) -> EventDict:
        error = line["exc_info"][1] if line.get("exc_info") else None
        if error is None:
            line.pop("exc_info", None)
        elif line["_record"].name.startswith(_RETRIED) or is_away(error):
            del line["exc_info"]
            line["event"] += f": {' <- '.join(map(one_line, causes(error)))}"
        return line

    return brief


def _identified(contexts: Sequence[Context]) -> Processor:
    """Put time, level and logger before the message, and behind it what the line belongs to."""

    def identified(_: object, __: str, line: EventDict) -> EventDict:
        record: logging.LogRecord = line["_record"]
        head = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname,
            "logger": record.name,
        }
        for context in contexts:
            line.update(context())
        return {**head, **line}

    return identified


def _of_trace() -> Mapping[str, str]:
    traceparent = trace.current()
    return {} if traceparent is None else {"trace_id": traceparent.split("-")[1]}


def _blanked(_: object, __: str, line: EventDict) -> EventDict:
    for key, value in line.items():
        if isinstance(value, str):
            line[key] = blanked(value)
    return line


def blanked(text: str) -> str:
    """Return the text without what looks like an address, a token or a password."""
    for pattern, instead in _BLANKED:
        text = pattern.sub(instead, text)
    return text


def _as_text(_: object, __: str, line: EventDict) -> str:
    head = f"{line.pop('time')} {line.pop('level')} {line.pop('logger')} {line.pop('event')}"
    traceback = line.pop("exception", None)
    named: Mapping[str, Any] = line
    text = " ".join([head, *(f"{name}={value}" for name, value in named.items())])
    return text if traceback is None else f"{text}\n{traceback}"
