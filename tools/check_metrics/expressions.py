"""Find every PromQL expression of the rules and the dashboards, and the selectors in each."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import promql_parser
import yaml

DEPLOY: Final = Path(__file__).parents[2] / "deploy"
PROMETHEUS: Final = DEPLOY / "prometheus"
DASHBOARDS: Final = DEPLOY / "grafana" / "dashboards"

_TIMES: Final = {"__rate_interval": "5m", "__interval": "1m", "__range": "1h"}
"""The values that Grafana gives to these variables. Any other one stands for `.*`."""
_VARIABLE: Final = re.compile(r"\$(?:\{(\w+)(?::\w+)?\}|(\w+))")


@dataclass(frozen=True, slots=True)
class Expression:
    where: str
    text: str


def expressions() -> list[Expression]:
    return [*rules(), *panels()]


def rules() -> Iterator[Expression]:
    for file in sorted(PROMETHEUS.glob("rules/*.yml")):
        for group in yaml.safe_load(file.read_text())["groups"]:
            for rule in group["rules"]:
                name = rule.get("alert") or rule["record"]
                yield Expression(f"rules/{file.name}: {name}", rule["expr"])


def panels() -> Iterator[Expression]:
    for file in sorted(DASHBOARDS.glob("*.json")):
        for title, text in _queries(json.loads(file.read_text()), ""):
            yield Expression(f"dashboards/{file.name}: {title}", text)


def _queries(value: Any, title: str) -> Iterator[tuple[str, str]]:  # noqa: ANN401 - any JSON
    """Yield each `expr`, at any depth, with the title of the panel around it."""
    if isinstance(value, list):
        for item in value:
            yield from _queries(item, title)
    elif isinstance(value, dict):
        title = str(value.get("title") or value.get("name") or title)
        if isinstance(value.get("expr"), str):
            yield title, value["expr"]
        for item in value.values():
            yield from _queries(item, title)


def selectors(expression: str) -> list[str]:
    """Return the selectors of an expression, each once. Raises ValueError if it is no PromQL."""
    return list(dict.fromkeys(_selectors(promql_parser.parse(filled(expression)))))


def filled(expression: str) -> str:
    """Return the expression with a value for each variable of Grafana."""
    return _VARIABLE.sub(lambda found: _TIMES.get(found[1] or found[2], ".*"), expression)


def metric_of(selector: str) -> str:
    return re.split(r"[{\s]", selector, maxsplit=1)[0]


def _selectors(node: Any) -> Iterator[str]:  # noqa: ANN401 - the library has a class for each kind
    if isinstance(node, promql_parser.VectorSelector):
        yield _plain(node)
        return
    children = [
        getattr(node, name, None)
        for name in ("lhs", "rhs", "expr", "param", "vector_selector", "args")
    ]
    for child in children:
        for each in child if isinstance(child, list) else [child]:
            if each is not None:
                yield from _selectors(each)


def _plain(selector: promql_parser.VectorSelector) -> str:
    """Return the selector without its offset: which series it means does not depend on that."""
    text = f"{selector.name or ''}{{{_matchers(selector)}}}"
    return text.removesuffix("{}")


def _matchers(selector: promql_parser.VectorSelector) -> str:
    found = re.search(r"\{(.*)\}", promql_parser.VectorSelector.prettify(selector), re.DOTALL)
    return " ".join(found[1].split()) if found else ""
