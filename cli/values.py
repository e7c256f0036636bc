"""Write money, times and durations as people read them."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from cli.errors import WrongUsage
from kit.currencies import decimals_of

NOTHING: Final = "-"

_AGE: Final = re.compile(r"(\d{1,6})(s|m|h|d|w)", re.ASCII)
_UNITS: Final = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days", "w": "weeks"}
_DURATION: Final = re.compile(
    r"P(?:(?P<days>\d+)D)?(?:T(?:(?P<hours>\d+)H)?(?:(?P<minutes>\d+)M)?"
    r"(?:(?P<seconds>\d+(?:\.\d+)?)S)?)?",
    re.ASCII,
)
_INVISIBLE: Final = re.compile(
    "[\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069\ud800-\udfff]"
)


def visible(text: str) -> str:
    """Return the text without characters that could change what a terminal shows."""
    return _INVISIBLE.sub(lambda match: match[0].encode("unicode_escape").decode(), text)


def shown(value: object) -> str:
    """Return any value of an answer as one line."""
    match value:
        case None | "":
            return NOTHING
        case bool():
            return "yes" if value else "no"
        case _:
            return visible(str(value))


def money(amount: Mapping[str, Any] | None, currency: str | None = None) -> str:
    """Return the amount in its currency: 2580 of EUR is 25.80 EUR."""
    if amount is None:
        return NOTHING
    code = str(amount.get("currency") or currency or "")
    decimals = decimals_of(code)
    minor = int(amount["amount"])
    whole, part = divmod(abs(minor), 10**decimals)
    fraction = f".{part:0{decimals}}" if decimals else ""
    return visible(f"{'-' if minor < 0 else ''}{whole:,}{fraction} {code}".rstrip())


def moment(text: str | None) -> str:
    """Return the time in UTC, to the second."""
    if not text:
        return NOTHING
    try:
        return f"{datetime.fromisoformat(text).astimezone(UTC):%Y-%m-%d %H:%M:%S}Z"
    except ValueError:
        return visible(text)


def length(text: str | None) -> str:
    """Return a duration of ISO 8601 as people write it: P14DT2H is 14 days 2 h."""
    found = _DURATION.fullmatch(text or "")
    if found is None or not any(found.groups()):
        return shown(text)
    days = found["days"] and f"{found['days']} {'day' if found['days'] == '1' else 'days'}"
    parts = [days, *(_part(found[name], unit) for name, unit in _SMALL.items())]
    return " ".join(part for part in parts if part)


def age(seconds: float) -> str:
    """Return a number of seconds as people write it: 3 d 4 h, or 12 s."""
    whole = timedelta(seconds=round(seconds))
    minutes, rest = divmod(whole.seconds, 60)
    hours, minutes = divmod(minutes, 60)
    parts = [(whole.days, "d"), (hours, "h"), (minutes, "min"), (rest, "s")]
    named = [f"{count} {unit}" for count, unit in parts if count]
    return " ".join(named[:2]) or "0 s"


def since(text: str, now: datetime) -> str:
    """Return the time that the caller names: a date, a time, or an age such as 2h, as ISO 8601.

    A date without a time is its midnight, and a time without a zone is in UTC. Raises WrongUsage.
    """
    try:
        if ago := _AGE.fullmatch(text):
            return (now - timedelta(**{_UNITS[ago[2]]: int(ago[1])})).isoformat()
        found = datetime.fromisoformat(text)
    except (ValueError, OverflowError):
        raise WrongUsage(
            f"{text[:80]!r} is no time: pass an age such as 30m, 2h or 7d, or 2026-01-31, or "
            "2026-01-31T09:30:00Z"
        ) from None
    return (found if found.tzinfo else found.replace(tzinfo=UTC)).isoformat()


_SMALL: Final = {"hours": "h", "minutes": "min", "seconds": "s"}


def _part(count: str | None, unit: str) -> str:
    return f"{count} {unit}" if count else ""
