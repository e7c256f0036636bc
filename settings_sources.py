"""Find variables that begin with WAYBILL_ and are not a setting."""

from __future__ import annotations

import logging
from collections.abc import Collection, Iterable
from difflib import get_close_matches
from functools import cache
from typing import Final

logger = logging.getLogger("waybill.settings")

PREFIX: Final = "WAYBILL_"
OF_COMPOSE: Final = frozenset(
    {
        "WAYBILL_POSTGRES_PASSWORD",
        "WAYBILL_DATABASE_PASSWORD",
        "WAYBILL_API_DATABASE_PASSWORD",
        "WAYBILL_PROJECTIONS_DATABASE_PASSWORD",
        "WAYBILL_MIGRATION_DATABASE_PASSWORD",
        "WAYBILL_TEMPORAL_DATABASE_PASSWORD",
        "WAYBILL_MONITORING_DATABASE_PASSWORD",
        "WAYBILL_GRAFANA_PASSWORD",
    }
)
"""docker-compose.yml takes these from the same `.env`; no process reads them."""

OF_THE_COMMAND_LINE: Final = frozenset({"WAYBILL_URL", "WAYBILL_TOKEN"})
"""The program `waybill` reads these; it has no settings."""


def warn_of_unknown(given: Iterable[str], fields: Collection[str]) -> None:
    """Log a warning for each WAYBILL_ variable that is not a setting, in any case."""
    known = {f"{PREFIX}{field.upper()}" for field in fields}
    for name in sorted({name.upper() for name in given} - known - OF_COMPOSE - OF_THE_COMMAND_LINE):
        if name.startswith(PREFIX):
            _warn(name, *get_close_matches(name, known, n=1))


@cache
def _warn(name: str, closest: str = "") -> None:
    """Warn once in each process."""
    advice = f"did you mean {closest}?" if closest else "see .env.example for all settings"
    logger.warning("%s is not a setting and has no effect: %s", name, advice)
