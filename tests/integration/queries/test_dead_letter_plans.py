"""A page of 100,000 dead letters is read off an index, and costs a constant number of
statements."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
from sqlalchemy.ext.asyncio import AsyncEngine

from kit.engine import create_engine
from queries.dead_letters import DeadLetterFilter, DeadLetterQueries, DeadLetterState
from queries.keyset import PageRequest
from stack.postgres import connected
from tests.integration.queries.statements import counted, explained
from tests.integration.queries.test_order_search_plans import most_rows, plan_of

DEAD, WAITING = DeadLetterState.DEAD, DeadLetterState.WAITING
FILL = """
    INSERT INTO eventstore.dead_letter
        (group_name, key, message_id, event_type, origin, headers, body, state, attempts, cause,
         first_failed_at)
    SELECT CASE WHEN n <= 50000 THEN 'mailer' ELSE 'search' END, 'order-' || n % 1000,
           gen_random_uuid(), 'OrderShipped', 'WAYBILL/' || n, '{}', repeat('x', 1000)::bytea,
           CASE WHEN n % 5000 = 0 THEN 'dead' ELSE 'waiting' END, 0, NULL,
           CASE WHEN n % 5000 = 0 THEN now() END
    FROM generate_series(1, 100000) AS n
"""
MAX_READ = 25
"""The letters that a page of 20 may read: few of the same group in another state."""
SEARCHES = {
    "all": (DeadLetterFilter(), 40),
    "group": (DeadLetterFilter(group="search"), 40),
    "state": (DeadLetterFilter(state=DEAD), 20),
    "both": (DeadLetterFilter(group="search", state=DEAD), 10),
    "both, with many": (DeadLetterFilter(group="search", state=WAITING), 40),
    "none of a group": (DeadLetterFilter(group="other"), 0),
}


@pytest.fixture(scope="module")
async def filled(module_owner_url: str) -> None:
    async with connected(module_owner_url) as owner:
        await owner.execute(FILL)
        await owner.execute("VACUUM ANALYZE eventstore.dead_letter")


@pytest.fixture
async def engine(filled: None, module_api_url: str) -> AsyncIterator[AsyncEngine]:  # noqa: ARG001 - before it
    engine = create_engine(module_api_url)
    yield engine
    await engine.dispose()


@pytest.mark.parametrize("search", SEARCHES)
@pytest.mark.parametrize("is_backward", [False, True])
@pytest.mark.parametrize("is_generic", [False, True])
async def test_a_page_is_read_off_an_index(
    engine: AsyncEngine, search: str, *, is_backward: bool, is_generic: bool
) -> None:
    wanted, expected = SEARCHES[search]
    letters = DeadLetterQueries(engine)
    with counted(engine) as statements:
        first = await letters.page(wanted, PageRequest(20, is_backward))
        edge = [each.id for each in first.items][0 if is_backward else -1 :][:1]
        bound = {"before" if is_backward else "after": edge[0]} if edge else {}
        second = await letters.page(wanted, PageRequest(20, is_backward, **bound))

    found = [each.id for page in (first, second) for each in page.items]
    assert len(set(found)) == expected
    assert len(statements) == (5 if edge else 4)
    for statement in statements:
        if "dead_letter_action" in statement[0]:
            assert "dead_letter_action_letter_idx" in await explained(engine, statement)
            continue
        plan = await plan_of(engine, statement, generic=is_generic)
        of_letters = [node for node in plan if node.get("Relation Name") == "dead_letter"]
        assert not [node for node in of_letters if node["Node Type"] == "Seq Scan"]
        assert not [node for node in plan if "Sort" in node["Node Type"]]
        assert most_rows(of_letters) <= MAX_READ


async def test_the_figures_and_a_count_are_one_statement_over_an_index_alone(
    engine: AsyncEngine,
) -> None:
    letters = DeadLetterQueries(engine)
    with counted(engine) as statements:
        figures = await letters.figures()
        count = await letters.count(DeadLetterFilter(group="search", state=WAITING))

    assert [(each.group, each.state, each.letters) for each in figures] == [
        *(("mailer", DEAD, 10), ("mailer", WAITING, 49_990)),
        *(("search", DEAD, 10), ("search", WAITING, 49_990)),
    ]
    assert (count, len(statements)) == (49_990, 2)
    for statement in statements:
        plan = await plan_of(engine, statement, generic=False)
        scans = [node for node in plan if node.get("Relation Name") == "dead_letter"]
        assert [node["Node Type"] for node in scans] == ["Index Only Scan"]
