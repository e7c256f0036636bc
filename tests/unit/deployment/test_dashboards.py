"""Check the dashboards of deploy/grafana. No Grafana runs here, so its rules are stated."""

from __future__ import annotations

import re
from itertools import combinations
from math import inf
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
import yaml

from tests.unit.deployment.alerts import ALERTS, RULES, limits
from tests.unit.deployment.dashboard import Dashboard, GridPos, ListVariable, Panel, TextPanel

ROOT = Path(__file__).parents[3]
GRAFANA = ROOT / "deploy" / "grafana"
OPERATIONS = ROOT / "docs" / "OPERATIONS.md"
SERVICES = yaml.safe_load((ROOT / "docker-compose.yml").read_text())["services"]
METRICS = ROOT / "docs" / "METRICS.md"
FILES = sorted((GRAFANA / "dashboards").glob("*.json"))
DASHBOARDS = {path.stem: Dashboard.model_validate_json(path.read_bytes()) for path in FILES}

RUNBOOK = re.compile(r"`docs/OPERATIONS\.md#([\w-]+)`")
HISTOGRAM_PART = re.compile(r"_(bucket|count|sum)$")
VARIABLE = re.compile(r"\$\{?(\w+)\}?")

by_name = pytest.mark.parametrize("name", DASHBOARDS)


def provisioned(kind: str) -> dict[str, Any]:
    (path,) = (GRAFANA / "provisioning" / kind).iterdir()
    read: dict[str, Any] = yaml.safe_load(path.read_text())
    return read


def named_alerts(panel: Panel) -> list[str]:
    return RUNBOOK.findall(panel.description)


def overlap(one: GridPos, other: GridPos) -> bool:
    return (
        one.x < other.x + other.w
        and other.x < one.x + one.w
        and one.y < other.y + other.h
        and other.y < one.y + one.h
    )


def test_there_is_a_dashboard_for_each_part() -> None:
    assert set(DASHBOARDS) == {
        *("overview", "sagas", "event-store", "bus", "postgresql", "temporal"),
    }


def test_every_dashboard_has_a_uid_and_a_title_of_its_own() -> None:
    assert [dashboard.uid for dashboard in DASHBOARDS.values()] == [
        f"waybill-{name}" for name in DASHBOARDS
    ]
    assert len({dashboard.title for dashboard in DASHBOARDS.values()}) == len(DASHBOARDS)


@by_name
def test_the_panels_are_numbered_in_their_order(name: str) -> None:
    ids = [panel.id for panel in DASHBOARDS[name].panels]

    assert ids == list(range(1, len(ids) + 1))


@by_name
def test_no_panel_overlaps_another_one_or_leaves_the_grid(name: str) -> None:
    panels = DASHBOARDS[name].panels

    assert [p.title for p in panels if p.grid_pos.x + p.grid_pos.w > 24] == []
    assert [
        (one.title, other.title)
        for one, other in combinations(panels, 2)
        if overlap(one.grid_pos, other.grid_pos)
    ] == []


@by_name
def test_no_two_panels_of_a_dashboard_have_the_same_title(name: str) -> None:
    titles = [panel.title for panel in DASHBOARDS[name].panels]

    assert len(set(titles)) == len(titles)


@by_name
def test_every_datasource_is_provisioned_with_its_type(name: str) -> None:
    sources = {(s["type"], s["uid"]) for s in provisioned("datasources")["datasources"]}
    dashboard = DASHBOARDS[name]

    used = [
        *(panel.datasource for panel in dashboard.charts),
        *(annotation.datasource for annotation in dashboard.annotations.list),
        *(v.datasource for v in dashboard.templating.list if isinstance(v, ListVariable)),
    ]

    assert {(source.type, source.uid) for source in used} <= sources


@by_name
def test_a_dashboard_defines_exactly_the_variables_that_it_uses(name: str) -> None:
    dashboard = DASHBOARDS[name]
    texts = [
        *(target.model_dump_json() for panel in dashboard.charts for target in panel.targets),
        *(p.options.content for p in dashboard.panels if isinstance(p, TextPanel)),
    ]

    used = {variable for text in texts for variable in VARIABLE.findall(text)}

    assert {v for v in used if not v.startswith("__")} == {
        variable.name for variable in dashboard.templating.list
    }
    assert {v for v in used if v.startswith("__")} <= {"__rate_interval"}


@by_name
def test_every_link_leads_to_a_dashboard(name: str) -> None:
    dashboard = DASHBOARDS[name]
    paths = {f"/d/{other.uid}" for other in DASHBOARDS.values() if other is not dashboard}

    assert {link.url for panel in dashboard.charts for link in panel.links} <= paths
    assert [menu.tags for menu in dashboard.links] == [dashboard.tags]


def test_the_overview_links_to_every_other_dashboard() -> None:
    links = {link.url for panel in DASHBOARDS["overview"].charts for link in panel.links}

    assert links == {f"/d/{d.uid}" for name, d in DASHBOARDS.items() if name != "overview"}


@by_name
def test_every_target_of_a_panel_has_its_own_letter(name: str) -> None:
    letters = [[target.ref_id for target in chart.targets] for chart in DASHBOARDS[name].charts]

    assert [several for several in letters if several != sorted(set(several))] == []


@by_name
def test_every_series_of_a_graph_has_a_name(name: str) -> None:
    graphs = [chart for chart in DASHBOARDS[name].charts if chart.type != "stat"]

    assert [g.title for g in graphs if not all(t.legend_format for t in g.metrics)] == []


@by_name
def test_every_label_in_the_name_of_a_series_is_kept_by_its_expression(name: str) -> None:
    lost = [
        (chart.title, label)
        for chart in DASHBOARDS[name].charts
        for target in chart.metrics
        for label in re.findall(r"{{(\w+)}}", target.legend_format)
        if "by (" in target.expr and label not in labels_kept_by(target.expr)
    ]

    assert lost == []


def labels_kept_by(expression: str) -> set[str]:
    lists = re.findall(r"by \(([^)]*)\)", expression)
    return {label.strip() for several in lists for label in several.split(",")}


@by_name
def test_every_description_says_what_is_normal(name: str) -> None:
    assert [c.title for c in DASHBOARDS[name].charts if "Normal: " not in c.description] == []


@by_name
def test_the_steps_of_a_threshold_rise(name: str) -> None:
    for chart in DASHBOARDS[name].charts:
        values = [-inf if step.value is None else step.value for step in chart.steps]

        assert values == sorted(set(values))
        assert values[:1] in ([], [-inf])


@by_name
def test_only_a_panel_with_a_runbook_turns_red(name: str) -> None:
    red = [chart for chart in DASHBOARDS[name].charts if red_from(chart)]

    assert [chart.title for chart in red if not named_alerts(chart)] == []


@by_name
def test_every_runbook_belongs_to_an_alert(name: str) -> None:
    named = {alert for chart in DASHBOARDS[name].charts for alert in named_alerts(chart)}

    assert named <= ALERTS.keys()


@by_name
def test_a_panel_turns_red_where_its_alert_fires(name: str) -> None:
    wrong = {
        chart.title: red_from(chart)
        for chart in DASHBOARDS[name].charts
        if red_from(chart) - {x for alert in named_alerts(chart) for x in limits(ALERTS[alert])}
    }

    assert wrong == {}


def red_from(chart: Panel) -> set[float]:
    """Return the values from which, or below which, the panel is red."""
    values = [step.value for step in chart.steps]
    red = [i for i, step in enumerate(chart.steps) if step.color == "red"]
    return {v for i in red if (v := values[i + 1] if values[i] is None else values[i]) is not None}


def test_every_alert_is_on_a_panel() -> None:
    shown = {
        name for d in DASHBOARDS.values() for panel in d.charts for name in named_alerts(panel)
    }

    assert ALERTS.keys() - shown == set()


def test_every_record_on_a_panel_is_a_rule() -> None:
    records = {rule["record"] for rule in RULES if "record" in rule}
    used = {
        record
        for dashboard in DASHBOARDS.values()
        for chart in dashboard.charts
        for target in chart.metrics
        for record in re.findall(r"waybill:[\w:]+", target.expr)
    }

    assert used
    assert used <= records


@by_name
def test_every_runbook_is_a_heading_of_the_operations_page(name: str) -> None:
    headings = re.findall(r"^#+ (.+)$", OPERATIONS.read_text(), re.MULTILINE)
    named = {alert for chart in DASHBOARDS[name].charts for alert in named_alerts(chart)}

    assert named <= {heading.lower().replace(" ", "-") for heading in headings}


@by_name
def test_every_metric_of_waybill_on_a_panel_is_in_the_table_of_metrics(name: str) -> None:
    listed = set(re.findall(r"^\| `(waybill_\w+)`", METRICS.read_text(), re.MULTILINE))
    expressions = [target.expr for chart in DASHBOARDS[name].charts for target in chart.metrics]
    used = {metric for text in expressions for metric in re.findall(r"\bwaybill_\w+", text)}

    assert {m for m in used if m not in listed and HISTOGRAM_PART.sub("", m) not in listed} == set()


def test_no_change_in_the_browser_is_saved() -> None:
    (provider,) = provisioned("dashboards")["providers"]

    assert provider["allowUiUpdates"] is False


def test_docker_compose_mounts_the_folders_that_grafana_reads() -> None:
    (provider,) = provisioned("dashboards")["providers"]

    assert {
        f"./deploy/grafana/dashboards:{provider['options']['path']}:ro",
        "./deploy/grafana/provisioning:/etc/grafana/provisioning:ro",
    } <= set(SERVICES["grafana"]["volumes"])


def test_every_source_is_a_service_of_docker_compose() -> None:
    urls = {source["url"] for source in provisioned("datasources")["datasources"]}

    assert urls == {"http://prometheus:9090", "http://jaeger:16686"}
    assert {urlsplit(url).hostname for url in urls} <= SERVICES.keys()
