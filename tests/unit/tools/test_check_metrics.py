"""`make check-metrics` finds every selector of the rules and dashboards."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tools.check_metrics import __main__ as check_metrics
from tools.check_metrics import expressions
from tools.check_metrics.elsewhere import exporter_of
from tools.check_metrics.expressions import filled, metric_of, panels, rules, selectors
from tools.check_metrics.prometheus import rewritten


def test_every_selector_of_an_expression_is_found_once() -> None:
    assert selectors(
        'histogram_quantile(0.9, sum by (le) (rate(a_bucket{x="1"}[5m] offset 1h)))'
        ' / on (b) (c or absent(up{job="d"})) > 0.1 and topk(3, a_bucket{x="1"})'
    ) == ['a_bucket{x="1"}', "c", 'up{job="d"}']


def test_a_selector_keeps_each_of_its_matchers() -> None:
    (found,) = selectors('a{x=~"b|c", y!="d", z!~"e.*"}')
    assert {'x=~"b|c"', 'y!="d"', 'z!~"e.*"'} == set(found[2:-1].split(","))
    assert metric_of(found) == "a"


def test_what_is_no_promql_is_refused() -> None:
    with pytest.raises(ValueError, match="unclosed"):
        selectors("sum(rate(a[5m])")


def test_a_variable_of_grafana_stands_for_every_value() -> None:
    text = 'rate(a{x=~"$instance", y=~"${pool:regex}"}[$__rate_interval])'
    assert filled(text) == 'rate(a{x=~".*", y=~".*"}[5m])'


def test_the_queries_of_nested_panels_are_found_with_their_titles(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    panel = {"title": "Latency", "targets": [{"expr": "a"}, {"expr": "b"}]}
    board = {"title": "Board", "panels": [{"title": "Row", "panels": [panel]}]}
    (tmp_path / "board.json").write_text(json.dumps(board))
    monkeypatch.setattr(expressions, "DASHBOARDS", tmp_path)

    assert [(found.where, found.text) for found in panels()] == [
        ("dashboards/board.json: Latency", "a"),
        ("dashboards/board.json: Latency", "b"),
    ]


def test_every_rule_is_found_and_its_selectors_are_ours() -> None:
    names = {metric_of(s) for rule in rules() for s in selectors(rule.text)}
    assert {"waybill_parked_sagas", "up", "temporal_worker_task_slots_available"} <= names
    assert [name for name in names if exporter_of(name)] == []


def test_the_jobs_of_our_configuration_get_the_targets_of_the_check() -> None:
    config = rewritten({"waybill-api": ["a:1"], "waybill-worker": ["b:2", "c:3"], "other": ["d:4"]})
    assert [(job["job_name"], job["static_configs"]) for job in config["scrape_configs"]] == [
        ("waybill-api", [{"targets": ["a:1"]}]),
        ("waybill-worker", [{"targets": ["b:2", "c:3"]}]),
    ]


def test_without_prometheus_one_line_names_the_package(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("PATH", "")
    with pytest.raises(SystemExit) as ended:
        check_metrics.main()

    assert ended.value.code == 2
    assert capsys.readouterr().err == (
        "check-metrics: prometheus and promtool missing: install Debian's package `prometheus`"
        " (apt-get install --no-install-recommends prometheus)\n"
    )
