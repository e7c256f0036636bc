"""Every label of every metric is bounded, and none may hold the id of a customer or an order."""

from __future__ import annotations

import subprocess
import sys

import pytest
from prometheus_client import CollectorRegistry, Counter
from prometheus_client.metrics import MetricWrapperBase

from domain.ids import order_id_for
from observability import health, metrics, work
from stack.processes import ROOT
from tools.metric_labels import LABELS, refusals
from tools.metrics_catalogue import described

REGISTRIES = (health.REGISTRY, metrics.REGISTRY, work.REGISTRY)
ORDER = str(order_id_for("customer-7", "key"))
IDS = {
    "an order": ORDER,
    "a workflow": f"order-{ORDER}",
    "a workflow of an area": f"payment-{ORDER}",
    "a customer": "customer-4711",
    "a customer by number": "20260118",
    "an address": "jane@example.com",
    "an order in a group": f"group {ORDER}",
    "a customer in a route": "/customers/20260118",
}
PAIRS = [(metric, label) for metric, labels in LABELS.items() for label in labels]


def labels_of(*registries: CollectorRegistry) -> dict[str, set[str]]:
    """Return the names of the labels of each metric, also of one that has no series yet."""
    collectors = {each for registry in registries for each in registry._collector_to_names}
    found = [each for each in collectors if isinstance(each, MetricWrapperBase)]
    return {each._name: set(each._labelnames) for each in found if each._labelnames}


def test_every_label_of_every_metric_has_a_bound() -> None:
    assert labels_of(*REGISTRIES) == {name: set(labels) for name, labels in LABELS.items()}


@pytest.mark.parametrize("what", IDS)
@pytest.mark.parametrize(("metric", "label"), PAIRS)
def test_no_label_may_hold_an_id(metric: str, label: str, what: str) -> None:
    assert not LABELS[metric][label].permits(IDS[what])


def test_a_label_for_a_customers_id_is_refused() -> None:
    registry = CollectorRegistry()
    Counter("waybill_orders", "Orders by customer.", ["customer_id"], registry=registry)

    assert labels_of(registry) == {"waybill_orders": {"customer_id"}}
    assert "waybill_orders" not in LABELS
    (refusal,) = refusals("waybill_orders", {"customer_id": "customer-4711"})
    assert refusal.startswith('waybill_orders has the label customer_id="customer-4711", which ')


def test_a_value_that_is_not_among_the_permitted_ones_is_refused() -> None:
    assert refusals("waybill_sagas", {"saga": "order", "outcome": "completed"}) == []
    assert len(refusals("waybill_sagas", {"saga": "order", "outcome": ORDER})) == 1
    assert len(refusals("waybill_sagas", {"saga": "order", "customer": "x"})) == 1


def refused_series() -> list[str]:
    return [
        refusal
        for each in described()
        for sample in each.metric.samples
        for refusal in refusals(
            each.metric.name, {k: v for k, v in sample.labels.items() if k != "le"}
        )
    ]


def test_the_first_series_of_a_process_are_permitted() -> None:
    program = f"from {__name__} import refused_series; print(refused_series())"
    ran = subprocess.run(  # noqa: S603 - our own interpreter, without the series of other tests
        [sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert ran.stdout == "[]\n"
