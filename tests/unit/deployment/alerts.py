"""The alerts of deploy/prometheus, and the values at which they fire."""

from __future__ import annotations

import re
from math import prod
from pathlib import Path
from typing import Any

import yaml

_FILES = sorted((Path(__file__).parents[3] / "deploy" / "prometheus" / "rules").glob("*.yml"))
RULES: list[dict[str, Any]] = [
    rule
    for path in _FILES
    for group in yaml.safe_load(path.read_text())["groups"]
    for rule in group["rules"]
]
ALERTS: dict[str, str] = {rule["alert"].lower(): rule["expr"] for rule in RULES if "alert" in rule}
"""The expression of each alert, by the anchor of its runbook."""

_NUMBER = r"\d+(?:\.\d+)?"
_COMPARISON = re.compile(rf"(?:>=?|==)\s*({_NUMBER}(?: \* {_NUMBER})*)")


def limits(expression: str) -> set[float]:
    """Return the values from which a panel of this alert is red.

    A count that must not be over 0 is red from 1, and a check that must not be 0 is red below 1.
    Where an objective's budget burns, `14.4 * 0.001`, a panel shows the errors or the burn rate.
    """
    found: set[float] = set()
    for comparison in _COMPARISON.findall(expression):
        factors = [float(factor) for factor in comparison.split(" * ")]
        found |= {round(prod(factors), 9) or 1.0, factors[0] or 1.0}
    return found
