"""An order is explained where the API has the document for it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from cli import documents
from tests.support.scripted_api import Json, data, scripted_api
from tests.unit.cli.running import Waybill

EUR = "EUR"


def an_explanation() -> Json:
    total = {"amount": 500, "currency": EUR}
    return {
        "orderId": "o-1",
        "number": "W-NZCPARBRQ5",
        "status": "CONFIRMED",
        "waitsFor": [
            {"waitsFor": "DISPATCH", "since": "2026-01-31T09:30:00Z", "until": None}
            | {"text": "The carrier has to collect the parcel."}
        ],
        "parked": [],
        "workflows": [{"workflowId": "order-o-1", "status": "RUNNING", "url": None}],
        "traceIds": ["abc"],
        "money": {"total": total, "authorized": total, "captured": None, "refunded": None},
        "stock": [],
        "timeline": [
            {"at": "2026-01-31T09:30:00Z", "kind": "EVENT", "text": "OrderCreated"}
            | {"positionNumber": 7},
            {"at": "2026-01-31T09:30:01Z", "kind": "WEBHOOK", "text": "paid\x1b"},
        ],
        "isCut": False,
        "positionNumber": 9,
    }


@pytest.fixture
def _with_document(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Give the program a document `Explain`, whether or not the API has one."""
    (tmp_path / "Explain.graphql").write_text("query Explain($orderId: ID!) { explain }")
    monkeypatch.setattr(documents, "FOLDER", tmp_path)


@pytest.mark.usefixtures("_with_document")
def test_an_explanation_shows_what_the_order_waits_for_and_its_timeline(waybill: Waybill) -> None:
    with scripted_api(data(an_explanation())) as api:
        ended = waybill("orders", "explain", "o-1", at=api)
    assert (ended.code, ended.err) == (0, "")
    assert ended.out.splitlines() == [
        "Order:       W-NZCPARBRQ5",
        "Id:          o-1",
        "Status:      CONFIRMED",
        "Position:    9",
        "Total:       5.00 EUR",
        "Authorized:  5.00 EUR",
        "Workflows:   order-o-1 (RUNNING)",
        "Traces:      abc",
        "",
        "Waits",
        "WAITS FOR  SINCE                 UNTIL  MEANING",
        "DISPATCH   2026-01-31 09:30:00Z  -      The carrier has to collect the parcel.",
        "",
        "Timeline",
        "AT                    POSITION  KIND     WHAT",
        "2026-01-31 09:30:00Z  7         EVENT    OrderCreated",
        r"2026-01-31 09:30:01Z  -         WEBHOOK  paid\x1b",
    ]


@pytest.mark.usefixtures("_with_document")
def test_an_explanation_in_json_is_that_of_the_document(waybill: Waybill) -> None:
    with scripted_api(data(an_explanation())) as api:
        ended = waybill("orders", "explain", "o-1", "--json", at=api)
    assert (ended.code, json.loads(ended.out)) == (0, an_explanation())
    assert api.variables == [{"orderId": "o-1"}]


def test_a_build_without_the_document_sends_nothing(
    waybill: Waybill, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(documents, "FOLDER", tmp_path)
    with scripted_api(data(an_explanation())) as api:
        ended = waybill("orders", "explain", "o-1", at=api)
    assert (ended.code, ended.out, api.paths) == (2, "", [])
    assert ended.err == ("waybill: this build has no document Explain: use `waybill orders show`\n")
