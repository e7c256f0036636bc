"""An operator redrives a poison message by GraphQL, and a running consumer continues in order."""

from __future__ import annotations

from pathlib import Path
from uuid import uuid4

import pytest

from kit.eventually import eventually
from kit.pool import Pool
from stack.postgres import connected
from tests.support.api_client import Api, Json
from tests.support.bus_world import World, reserved
from tests.support.buses import BUSES
from tests.support.consuming import CREATE, versions
from tests.support.consuming_processes import consuming

ACTIONS = "SELECT letter_id, action, actor FROM eventstore.dead_letter_action"


@pytest.fixture(scope="module")
async def database(module_pool: Pool, module_owner_url: str) -> Pool:
    """The database of the API, with tables for effects."""
    async with connected(module_owner_url) as owner:
        await owner.execute(CREATE)
    return module_pool


@pytest.mark.parametrize("name", ["nats", "kafka"])
async def test_a_redriven_message_is_handled_before_the_later_ones_of_its_key(
    api: Api, database: Pool, module_database_url: str, name: str, tmp_path: Path
) -> None:
    operator, group = api.viewer("operator"), f"redriving-{name}"
    stream_id, other = f"order-{uuid4()}", f"order-{uuid4()}"

    async def shown(state: str) -> list[Json]:
        page = await operator.run("DeadLetters", group=group, state=state)
        return [edge["node"] for edge in page["edges"]]

    async with BUSES[name](tmp_path) as broker:
        bus = await broker.connect(database)
        world = World(database, bus, broker)
        settings = {**broker.settings, "WAYBILL_DATABASE_URL": module_database_url}
        await database.execute("INSERT INTO effects.poison VALUES ($1, 2)", stream_id)
        async with consuming(
            group, {**settings, "FAILS_ON_POISON": "1"}, tmp_path / "consumer.log"
        ):
            await world.publish(stream_id, *reserved(3))
            await eventually(lambda: shown("DEAD"), 60)
            await world.publish(stream_id, *reserved())
            await world.publish(other, *reserved())

            async def are_waiting() -> bool:
                return len(await shown("WAITING")) == 2

            await eventually(are_waiting)
            await eventually(lambda: _has(database, group, other, [1]))
            assert (await versions(database, group))[stream_id] == [1]
            [poison] = await shown("DEAD")
            assert (poison["stream"], poison["attempts"]) == (stream_id, 8)
            assert poison["cause"] == "ValueError"

            await database.execute("DELETE FROM effects.poison")
            answer = await operator.run("RedriveDeadLetter", id=poison["id"])
            assert (answer["action"]["kind"], answer["userErrors"]) == ("REDRIVEN", [])

            await eventually(lambda: _has(database, group, stream_id, [1, 2, 3, 4]))
            await world.publish(stream_id, *reserved())
            await eventually(lambda: _has(database, group, stream_id, [1, 2, 3, 4, 5]))
            again = await operator.run("RedriveDeadLetter", id=poison["id"])
            assert [error["code"] for error in again["userErrors"]] == ["NOT_FOUND"]
        await bus.close()
    assert (await operator.run("DeadLetters", group=group))["edges"] == []
    [action] = [tuple(row) for row in await database.fetch(ACTIONS) if row[0] == int(poison["id"])]
    assert action == (int(poison["id"]), "redriven", f"operator:{operator.sub}")


async def _has(pool: Pool, group: str, stream_id: str, expected: list[int]) -> bool:
    return (await versions(pool, group)).get(stream_id) == expected
