"""Operations are counted by their field and by how they ended, never by what a client chose."""

from __future__ import annotations

from prometheus_client import Histogram

from observability.work import GRAPHQL_SECONDS, HTTP_SECONDS
from tests.support.api_client import Api
from tests.support.api_inputs import a_waiting_order, line

Counts = dict[tuple[str, ...], float]


def counts(histogram: Histogram) -> Counts:
    return {
        tuple(sample.labels.values()): sample.value
        for metric in histogram.collect()
        for sample in metric.samples
        if sample.name.endswith("_count")
    }


def added(before: Counts, histogram: Histogram) -> Counts:
    after = counts(histogram)
    return {key: n - before.get(key, 0) for key, n in after.items() if n != before.get(key, 0)}


async def test_an_order_is_counted_as_accepted_or_as_refused(api: Api) -> None:
    ada, before = api.viewer(), counts(GRAPHQL_SECONDS)

    assert (await ada.run("PlaceOrder", input=a_waiting_order()))["userErrors"] == []
    unknown = a_waiting_order(lines=[line("no-such-cup")])
    assert (await ada.run("PlaceOrder", input=unknown))["userErrors"] != []

    assert added(before, GRAPHQL_SECONDS) == {
        ("placeOrder", "ok"): 1,
        ("placeOrder", "refused"): 1,
    }


async def test_a_name_that_a_client_chooses_is_in_no_label(api: Api) -> None:
    ada, before = api.viewer(), counts(GRAPHQL_SECONDS)
    for query in (
        "query customer4711 { customer4711 }",
        "query customer4711 { customer4711: __typename }",
        "not a document of customer4711",
        "{ a: products(first: 1) { edges { cursor } } b: __typename }",
    ):
        await ada.ask(query)

    found = added(before, GRAPHQL_SECONDS)
    assert not any("4711" in value for labels in found for value in labels)
    assert {labels[0] for labels in found} == {"invalid", "introspection", "several"}


async def test_a_path_is_counted_by_its_route(api: Api) -> None:
    before = counts(HTTP_SECONDS)
    for path in ("/unsubscribe/token-4711", "/no/such/path/4711", "/healthz"):
        await api.http.get(path)

    found = added(before, HTTP_SECONDS)
    assert ("/healthz", "2xx") in found
    assert ("none", "4xx") in found
    assert {labels[0] for labels in found} == {"/healthz", "none", "/unsubscribe/{token}"}
