"""`waybill orders explain` prints what the API tells of one order."""

from __future__ import annotations

import json

from tests.support.scripted_api import data, scripted_api
from tests.unit.cli.explanations import an_explanation
from tests.unit.cli.running import Waybill


def test_an_explanation_shows_the_state_before_the_timeline(waybill: Waybill) -> None:
    with scripted_api(data(an_explanation())) as api:
        ended = waybill("orders", "explain", "o1", at=api)
    assert (ended.code, ended.err) == (0, "")
    lines = ended.out.splitlines()
    assert lines[0] == "Order W-1 (o1) is CONFIRMED"
    assert lines.index("Money (EUR, minor units)") < lines.index("Timeline (UTC)")


def test_an_explanation_in_json_is_that_of_the_document(waybill: Waybill) -> None:
    with scripted_api(data(an_explanation())) as api:
        ended = waybill("orders", "explain", "o1", "--json", at=api)
    assert (ended.code, json.loads(ended.out)) == (0, an_explanation())
    assert api.variables == [{"orderId": "o1"}]
