"""A list is a table for people and one JSON document for scripts, page by page."""

from __future__ import annotations

import json

from cli.paging import MAX_PAGE
from tests.support.scripted_api import Json, connection, data, scripted_api
from tests.unit.cli.running import TOKEN, Waybill

PLACED = "2026-01-31T10:30:00+01:00"


def an_order(number: str, **changes: object) -> Json:
    return {
        "number": number,
        "status": "PLACED",
        "total": {"amount": 123456, "currency": "EUR"},
        "payment": None,
        "shipment": {"status": "CREATED"},
        "placedAt": PLACED,
        "needsAttention": False,
        **changes,
    }


FIRST, SECOND = an_order("W-1"), an_order("W-22", needsAttention=True)


def test_a_piped_list_is_aligned_text_and_says_that_there_is_more(waybill: Waybill) -> None:
    with scripted_api(data(connection([FIRST, SECOND], more=True, cursor="c-2"))) as api:
        ended = waybill("orders", "list", at=api)
    assert (ended.code, ended.out.splitlines()) == (
        0,
        [
            "NUMBER  STATUS  TOTAL         PAYMENT  SHIPMENT  PLACED                ATTENTION",
            "W-1     PLACED  1,234.56 EUR  -        CREATED   2026-01-31 09:30:00Z  -",
            "W-22    PLACED  1,234.56 EUR  -        CREATED   2026-01-31 09:30:00Z  needed",
        ],
    )
    assert ended.err == "waybill: there are more orders: pass --all, or --after c-2\n"


def test_a_list_in_json_is_one_document_with_the_place_to_continue(waybill: Waybill) -> None:
    with scripted_api(data(connection([FIRST], more=True, cursor="c-1"))) as api:
        ended = waybill("orders", "list", "--json", "--first", "1", "--after", "c-0", at=api)
    assert json.loads(ended.out) == {"items": [FIRST], "hasNextPage": True, "endCursor": "c-1"}
    assert (ended.code, ended.err) == (0, "")
    assert api.variables == [{"first": 1, "after": "c-0", "filter": {}}]
    assert api.authorizations == [f"Bearer {TOKEN}"]


def test_all_pages_are_read_in_their_order_and_shown_once(waybill: Waybill) -> None:
    pages = (
        connection([FIRST], more=True, cursor="c-1"),
        connection([SECOND], more=True, cursor="c-2"),
        connection([]),
    )
    with scripted_api(*map(data, pages)) as api:
        ended = waybill("orders", "list", "--all", "--json", at=api)
    assert json.loads(ended.out) == {
        "items": [FIRST, SECOND],
        "hasNextPage": False,
        "endCursor": "c-2",
    }
    assert [(v["first"], v["after"]) for v in api.variables] == [
        (MAX_PAGE, None),
        (MAX_PAGE, "c-1"),
        (MAX_PAGE, "c-2"),
    ]


def test_an_empty_list_prints_nothing_but_a_message(waybill: Waybill) -> None:
    with scripted_api(data(connection([]))) as api:
        ended = waybill("orders", "list", at=api)
    assert (ended.code, ended.out, ended.err) == (0, "", "waybill: there are no orders\n")


def test_the_conditions_of_a_list_become_its_filter(waybill: Waybill) -> None:
    with scripted_api(data(connection([]))) as api:
        waybill(
            *("orders", "list", "--status", "placed", "--status", "SHIPPED", "--customer", "ada"),
            *("--since", "2026-01-31", "--parked", "--json"),
            at=api,
        )
    assert api.variables[0]["filter"] == {
        "status": ["PLACED", "SHIPPED"],
        "customerId": "ada",
        "placedAt": {"from": "2026-01-31T00:00:00+00:00"},
        "needsAttention": True,
    }


def test_control_characters_of_a_value_do_not_reach_the_terminal(waybill: Waybill) -> None:
    letter = {
        "id": "1",
        "group": "mailer",
        "state": "DEAD",
        "stream": "order-1",
        "eventType": "Evil\x1b]0;title\x07\u202e",
        "attempts": 8,
        "cause": "two\nlines",
        "lastFailedAt": None,
    }
    with scripted_api(data(connection([letter]))) as api:
        table = waybill("dead-letters", "list", at=api)
        document = waybill("dead-letters", "list", "--json", at=api)
    assert r"Evil\x1b]0;title\x07\u202e" in table.out
    assert r"two\nlines" in table.out
    assert len(table.out.splitlines()) == 2
    assert json.loads(document.out)["items"] == [letter]


def test_a_letter_is_found_on_a_later_page(waybill: Waybill) -> None:
    with scripted_api(
        data(connection([{"id": "1"}], more=True, cursor="1")),
        data(connection([{"id": "2", "group": "mailer"}])),
    ) as api:
        found = waybill("dead-letters", "show", "2", "--json", at=api)
    assert (found.code, json.loads(found.out)) == (0, {"id": "2", "group": "mailer"})


def test_a_letter_that_is_on_no_page_is_not_found(waybill: Waybill) -> None:
    with scripted_api(data(connection([{"id": "1"}]))) as api:
        ended = waybill("dead-letters", "show", "7", at=api)
    assert (ended.code, ended.out) == (4, "")
    assert ended.err.startswith("waybill: NOT_FOUND: there is no dead letter with this id.")


def test_objects_that_are_null_are_not_found(waybill: Waybill) -> None:
    for arguments in (
        ("stock", "show", "x"),
        ("products", "show", "x"),
        ("webhooks", "show", "x"),
        ("sagas", "show", "x"),
    ):
        with scripted_api(data(None)) as api:
            ended = waybill(*arguments, at=api)
        assert (ended.code, ended.out) == (4, ""), arguments
    with scripted_api(data([])) as api:
        assert waybill("projections", "show", "x", at=api).code == 4
