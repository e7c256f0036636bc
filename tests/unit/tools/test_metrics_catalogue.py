"""docs/METRICS.md lists every metric, and no page or rule names one that does not exist."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import yaml

from tools.check_metrics.expressions import PROMETHEUS, expressions, metric_of, selectors
from tools.generated_blocks import filled
from tools.metrics_catalogue import FILE, blocks, names

ROOT = Path(__file__).parents[3]
PAGES = sorted([ROOT / "README.md", *ROOT.glob("docs/**/*.md"), *ROOT.glob("deploy/**/*.*")])
NAMED = re.compile(r"\bwaybill_[a-z_]*[a-z]\b(?![*:_@-])")
RUNBOOK = ROOT / "docs" / "OPERATIONS.md"
NO_METRICS = re.compile(
    r"waybill_((append|api|projections|owner|reader|migration|monitoring)(_login)?|purpose|key)$"
)
"""The roles of PostgreSQL and the label of a refund at Stripe have the same form."""
RECORDED = re.compile(r"waybill:")


def alerts() -> dict[str, dict[str, object]]:
    files = sorted(PROMETHEUS.glob("rules/*.yml"))
    rules = [
        rule
        for file in files
        for group in yaml.safe_load(file.read_text())["groups"]
        for rule in group["rules"]
    ]
    return {rule["alert"]: rule for rule in rules if "alert" in rule}


def cases() -> dict[str, set[bool]]:
    """Return for each alert whether its cases expect that it fires."""
    found: dict[str, set[bool]] = {}
    for file in sorted(PROMETHEUS.glob("tests/*.yml")):
        for case in yaml.safe_load(file.read_text())["tests"]:
            for at in case["alert_rule_test"]:
                found.setdefault(at["alertname"], set()).add(bool(at["exp_alerts"]))
    return found


def test_the_table_of_the_metrics_is_the_one_of_the_code() -> None:
    page = FILE.read_text()
    assert page == filled(page, blocks())


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_a_page_names_only_metrics_that_exist(page: Path) -> None:
    text = page.read_text()
    bases = {name.removesuffix("_bucket") for name in names()}
    assert {
        name
        for name in NAMED.findall(text)
        if name not in names() | bases and not NO_METRICS.match(name)
    } == set()


def test_every_selector_of_ours_names_a_metric_or_a_record_that_exists() -> None:
    records = {e.where.rpartition(": ")[2] for e in expressions() if RECORDED.search(e.where)}
    unknown = [
        (expression.where, selector)
        for expression in expressions()
        for selector in selectors(expression.text)
        if (name := metric_of(selector)).startswith("waybill") and name not in names() | records
    ]
    assert unknown == []


def test_each_alert_has_a_heading_in_the_runbook_and_each_heading_an_alert() -> None:
    section = RUNBOOK.read_text().partition("\n## Alerts\n")[2].partition("\n## ")[0]
    headings = re.findall(r"^### (\S+)$", section, re.MULTILINE)
    assert sorted(headings) == sorted(alerts())


def test_each_alert_names_its_severity_its_summary_and_its_heading() -> None:
    for name, rule in alerts().items():
        annotations = rule["annotations"]
        assert isinstance(annotations, dict)
        assert annotations["summary"]
        assert annotations["runbook"] == f"docs/OPERATIONS.md#{name.lower()}"
        assert rule["labels"] in ({"severity": "page"}, {"severity": "ticket"})


def test_each_alert_has_a_case_where_it_fires_and_one_where_it_is_silent() -> None:
    assert cases() == {name: {True, False} for name in alerts()}
