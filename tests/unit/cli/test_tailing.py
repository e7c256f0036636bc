"""The tail of the log has each event once, whatever happens to the API."""

from __future__ import annotations

import json
from itertools import islice

import pytest

from cli.client import Client
from cli.errors import Refused, Unreachable
from cli.tailing import Search, follow
from cli.target import Target
from tests.support.scripted_api import (
    Json,
    Reply,
    ScriptedApi,
    connection,
    data,
    request_error,
    scripted_api,
)
from tests.unit.cli.running import TOKEN, Waybill

AWAY = Reply("<html>Bad gateway</html>", 502)


def an_event(number: int) -> Json:
    return {
        "position": f"p-{number}",
        "positionNumber": number,
        "recordedAt": "2026-01-31T09:30:00Z",
        "type": "OrderCancelled",
        "stream": "order-1",
        "actor": "operator:eve",
        "data": {"order_id": "1"},
    }


def page(*numbers: int, more: bool = False) -> Reply:
    cursor = f"p-{numbers[-1]}" if numbers else ""
    return data(connection([an_event(n) for n in numbers], more=more, cursor=cursor))


def following(api: ScriptedApi, count: int, pauses: list[float]) -> list[int]:
    client = Client(Target(api.url, TOKEN))
    events = follow(client, Search(), "p-0", 1.0, pauses.append)
    return [event["positionNumber"] for event in islice(events, count)]


def test_each_event_comes_once_and_full_pages_are_read_without_a_pause() -> None:
    pauses: list[float] = []
    with scripted_api(page(1, 2, more=True), page(3), page(), page(4)) as api:
        assert following(api, 4, pauses) == [1, 2, 3, 4]
    assert [v["after"] for v in api.variables] == ["p-0", "p-2", "p-3", "p-3"]
    assert pauses == [1.0, 1.0]


def test_the_tail_continues_after_the_last_event_when_the_api_is_back(
    capsys: pytest.CaptureFixture[str],
) -> None:
    pauses: list[float] = []
    unavailable = request_error("UNAVAILABLE", "try again", 503)
    with scripted_api(page(1), AWAY, Reply(), unavailable, page(2)) as api:
        assert following(api, 2, pauses) == [1, 2]
    assert [v["after"] for v in api.variables] == ["p-0", *["p-1"] * 4]
    assert pauses == [1.0, 0.2, 0.5, 1.0]
    assert capsys.readouterr().err.count("Trying again ...") == 1


def test_an_api_that_is_away_at_first_ends_the_tail() -> None:
    with scripted_api(AWAY) as api, pytest.raises(Unreachable):
        following(api, 1, [])
    assert len(api.paths) == 1


def test_a_replica_that_is_behind_is_asked_again_for_half_a_minute() -> None:
    behind = request_error("BAD_USER_INPUT", "after: the log has not come this far")
    pauses: list[float] = []
    with scripted_api(page(1), behind, behind, page(2)) as api:
        assert following(api, 2, pauses) == [1, 2]

    pauses.clear()
    with scripted_api(page(1), behind) as api, pytest.raises(Refused) as refused:
        following(api, 2, pauses)
    assert refused.value.code == "BAD_USER_INPUT"
    assert 30 < sum(pauses[1:]) < 36


def test_a_token_that_expires_ends_the_tail() -> None:
    expired = request_error("UNAUTHENTICATED", "the token has expired", 401)
    with scripted_api(page(1), expired) as api, pytest.raises(Refused) as refused:
        following(api, 2, [])
    assert refused.value.code == "UNAUTHENTICATED"
    assert len(api.paths) == 2


def test_a_page_of_the_log_is_one_line_of_json_for_each_event(waybill: Waybill) -> None:
    with scripted_api(page(1, 2, more=True)) as api:
        ended = waybill("events", "tail", "--first", "2", "--json", at=api)
    assert [json.loads(line) for line in ended.out.splitlines()] == [an_event(1), an_event(2)]
    assert ended.err == "waybill: there are more events: pass --all, or --after p-2\n"
    assert api.variables == [{"stream": None, "types": None, "first": 2, "after": None}]


def test_an_event_for_people_is_one_line(waybill: Waybill) -> None:
    with scripted_api(page(1)) as api:
        ended = waybill("events", "tail", "--stream", "order-1", "--type", "OrderCancelled", at=api)
    assert ended.out == (
        "2026-01-31 09:30:00Z          1  OrderCancelled  order-1  operator:eve  "
        '{"order_id": "1"}\n'
    )
    assert api.variables[0]["types"] == ["OrderCancelled"]


def test_all_events_are_read_to_the_end_of_the_log(waybill: Waybill) -> None:
    with scripted_api(page(1, more=True), page(2, more=True), page(3)) as api:
        ended = waybill("events", "tail", "--all", "--after", "start", at=api)
    assert len(ended.out.splitlines()) == 3
    assert [v["after"] for v in api.variables] == [None, "p-1", "p-2"]
    assert (ended.code, ended.err) == (0, "")


def test_now_is_where_the_least_delayed_projection_is(waybill: Waybill) -> None:
    lags = [None, {"position": "p-7", "events": 3}, {"position": "p-9", "events": 0}]
    projections = data([{"lag": lag} for lag in lags])
    with scripted_api(projections, page(10)) as api:
        waybill("events", "tail", "--after", "now", at=api)
    assert api.variables[-1]["after"] == "p-9"
