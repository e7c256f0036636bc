"""Each way to fail has its exit code and one line, and prints nothing on standard output."""

from __future__ import annotations

import pytest

from stack.ports import Ports
from tests.support.scripted_api import Reply, data, request_error, scripted_api, user_error
from tests.unit.cli.running import TOKEN, Waybill

CANCEL = ("orders", "cancel", "o-1", "--reason", "fraud", "--yes")


@pytest.mark.parametrize(
    ("reply", "code", "line"),
    [
        (
            user_error("ORDER_NOT_CANCELLABLE", "the parcel has left"),
            1,
            (
                "ORDER_NOT_CANCELLABLE: the parcel has left. Read its state with "
                "`waybill orders show ORDER`"
            ),
        ),
        (
            user_error("INVALID_INPUT", "it is too long.", "input", "orderId"),
            1,
            "INVALID_INPUT: it is too long (field orderId)",
        ),
        (
            user_error("NOT_FOUND", "you have no order with this id"),
            4,
            (
                "NOT_FOUND: you have no order with this id. Check the id or the number, and the "
                "deployment that --url names"
            ),
        ),
        (
            request_error("UNAUTHENTICATED", "the token has expired", 401),
            1,
            (
                "UNAUTHENTICATED: the token has expired. Pass a valid --token, or set "
                "WAYBILL_JWT_SECRET to the secret of this deployment"
            ),
        ),
        (
            request_error("FORBIDDEN", "this is for admins"),
            1,
            (
                "FORBIDDEN: this is for admins. The role of the token is not enough: try --role "
                "admin, or an admin's token"
            ),
        ),
        (
            request_error("UNAVAILABLE", "the service is temporarily unavailable: try again", 503),
            3,
            (
                "UNAVAILABLE: the service is temporarily unavailable: try again. "
                "Run the same command again: nothing is done twice"
            ),
        ),
        (
            request_error("RATE_LIMITED", "too many requests", 429, Retry_After="3600"),
            1,
            "RATE_LIMITED: too many requests. Wait as long as it says, and run the command again",
        ),
        (
            request_error("SOMETHING_NEW", "a later build says this\x1b[31m\nand that"),
            1,
            r"SOMETHING_NEW: a later build says this\x1b[31m\nand that",
        ),
        (Reply({"errors": [{"message": "no code"}]}), 1, "ERROR: no code"),
    ],
)
def test_a_refusal_is_one_line_with_its_code_and_what_to_do(
    waybill: Waybill, reply: Reply, code: int, line: str
) -> None:
    with scripted_api(reply) as api:
        ended = waybill(*CANCEL, at=api)
    assert (ended.code, ended.out, ended.err) == (code, "", f"waybill: {line}\n")


@pytest.mark.parametrize(
    "reply",
    [
        Reply("<html>Bad gateway</html>", 502),
        Reply("[1, 2]"),
        Reply("", 301, {"Location": "https://elsewhere.example"}),
    ],
    ids=["a page", "another JSON", "a redirect"],
)
def test_an_answer_that_is_not_waybills_says_which_address_to_check(
    waybill: Waybill, reply: Reply
) -> None:
    with scripted_api(reply) as api:
        ended = waybill("orders", "list", at=api)
    assert (ended.code, ended.out) == (3, "")
    assert ended.err == (
        f"waybill: {api.url} has answered {reply.status} without JSON: check that --url is "
        "Waybill's address, without /graphql\n"
    )
    assert len(api.paths) == 1


@pytest.mark.parametrize("body", [{}, {"data": None}, {"data": {}}, {"data": {"a": 1, "b": 2}}])
def test_an_answer_without_data_is_not_waybills(waybill: Waybill, body: object) -> None:
    with scripted_api(Reply(body)) as api:
        ended = waybill("orders", "list", at=api)
    assert (ended.code, ended.out) == (3, "")
    assert ended.err == (
        "waybill: the service has answered no data: check that --url is Waybill's address\n"
    )


def test_a_service_that_is_away_is_unreachable(waybill: Waybill) -> None:
    url = f"http://127.0.0.1:{Ports.one_more()}"
    ended = waybill("--url", url, "--token", TOKEN, "orders", "list")
    assert (ended.code, ended.out) == (3, "")
    assert (
        ended.err
        == f"waybill: {url} does not answer ([Errno 111] Connection refused): check --url\n"
    )


def test_a_connection_that_is_closed_is_unreachable(waybill: Waybill) -> None:
    with scripted_api(Reply()) as api:
        ended = waybill("orders", "list", at=api)
    assert (ended.code, ended.out) == (3, "")
    assert ended.err.startswith(f"waybill: {api.url} does not answer (")


def test_a_service_that_hangs_is_given_up_after_the_timeout(waybill: Waybill) -> None:
    with scripted_api(Reply(hangs=True)) as api:
        ended = waybill("--timeout", "0.2", *CANCEL, at=api)
    assert (ended.code, ended.out) == (3, "")
    assert ended.err == (
        f"waybill: {api.url} has not answered within 0.2 s: check it with `waybill health`, or "
        "pass a larger --timeout. A change may have happened: run the same command again, it does "
        "nothing twice\n"
    )


def test_a_limit_that_ends_in_time_is_waited_for(waybill: Waybill) -> None:
    limited = request_error("RATE_LIMITED", "too many requests", 429, Retry_After="0")
    with scripted_api(limited, limited, data([])) as api:
        ended = waybill("projections", "list", "--json", at=api)
    assert (ended.code, ended.out, ended.err) == (0, '{\n  "items": []\n}\n', "")
    assert len(api.requests) == 3


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("orders", "list", "--since", "soon"), "'soon' is no time: pass an age such as 30m"),
        (("orders", "list", "--first", "0"), "Invalid value for '--first'"),
        (("orders", "list", "--first", "101"), "Invalid value for '--first'"),
        (("orders", "list", "--status", "GONE"), "Invalid value for '--status'"),
        (("orders", "nonsense"), "No such command 'nonsense'"),
        (("orders", "show"), "Missing argument 'ORDER'"),
        (("orders", "cancel", "o-1", "--yes"), "Missing option '--reason'"),
        (("sagas", "retry", "o-1"), "Missing option '--reason'"),
        (("events", "tail", "--follow", "--all"), "--all ends at the end of the log"),
        (("notices", "list", "--which", "some"), "Invalid value for '--which'"),
        (("--role", "admin", "orders", "list"), "--role and --sub are for a token"),
    ],
)
def test_wrong_usage_sends_nothing(waybill: Waybill, arguments: tuple[str, ...], says: str) -> None:
    with scripted_api(data([])) as api:
        ended = waybill(*arguments, at=api)
    assert (ended.code, ended.out, api.paths) == (2, "", [])
    assert says in ended.err
    assert TOKEN not in ended.err


@pytest.mark.parametrize("url", ["waybill.example", "ftp://a.example", "http://", "http://[", "x"])
def test_an_address_that_is_none_is_refused(waybill: Waybill, url: str) -> None:
    ended = waybill("--url", url, "--token", TOKEN, "orders", "list")
    assert (ended.code, ended.out) == (2, "")
    assert ended.err == "waybill: --url: pass an address such as https://waybill.example\n"


def test_a_token_that_could_break_a_header_is_refused_and_not_printed(waybill: Waybill) -> None:
    ended = waybill(
        "--url", "http://127.0.0.1:9", "--token", "secret\nX-Other: 1", "orders", "list"
    )
    assert (ended.code, ended.out) == (2, "")
    assert "secret" not in ended.err


def test_a_change_without_a_terminal_needs_yes_and_sends_nothing(waybill: Waybill) -> None:
    with scripted_api(data({})) as api:
        ended = waybill("dead-letters", "redrive", "17", at=api)
    assert (ended.code, ended.out, api.paths) == (2, "", [])
    assert ended.err == ("waybill: there is no terminal to confirm the change at: pass --yes\n")
