from __future__ import annotations

import base64
import os
from typing import Final

import pytest

from eventstore.privacy.errors import UnknownKey
from eventstore.privacy.keyring import Keyring, key_id_of
from eventstore.privacy.rotation import Progress, count, rotate
from kit.pool import Pool
from tests.integration.privacy.conftest import Log, created
from tests.support.forks import ran
from tests.support.keys import a_vault

OLD: Final = os.urandom(32)
NEW: Final = os.urandom(32)
BEFORE: Final = Keyring(OLD, setting="master_key")
DURING: Final = Keyring(NEW, [OLD], setting="master_key")
AFTER: Final = Keyring(NEW, setting="master_key")


@pytest.fixture
async def log(log: Log, pool: Pool) -> Log:
    """A log of five customers, whose keys are under the old master key."""
    log.vault = a_vault(pool, BEFORE)
    for number in range(5):
        await log.place(f"o-{number}", f"customer-{number}")
    return log


async def test_every_key_is_rewrapped_and_opens_what_it_sealed(log: Log, pool: Pool) -> None:
    assert [progress async for progress in rotate(pool, DURING, page=2)] == [
        Progress(rewrapped=2, failed=0),
        Progress(rewrapped=4, failed=0),
        Progress(rewrapped=5, failed=0),
    ]
    assert await count(pool, AFTER) == (5, 5)
    for number in range(5):
        opened = await a_vault(pool, AFTER).open(await log.placed(f"o-{number}"))
        assert opened == created(f"o-{number}", f"customer-{number}")


async def test_the_retired_key_opens_nothing(log: Log, pool: Pool) -> None:
    _ = [progress async for progress in rotate(pool, DURING)]
    with pytest.raises(UnknownKey):
        await a_vault(pool, BEFORE).open(await log.placed("o-1"))


async def test_a_stopped_rotation_continues_with_the_remaining_keys(log: Log, pool: Pool) -> None:
    rotation = rotate(pool, DURING, page=2)
    assert await anext(rotation) == Progress(rewrapped=2, failed=0)
    await rotation.aclose()

    assert await count(pool, AFTER) == (2, 5)
    assert [p async for p in rotate(pool, DURING)] == [Progress(rewrapped=3, failed=0)]
    assert [p async for p in rotate(pool, DURING)] == []
    assert await a_vault(pool, AFTER).open(await log.placed("o-4")) == created("o-4", "customer-4")


async def test_the_service_continues_while_keys_are_rewrapped(log: Log, pool: Pool) -> None:
    log.vault = a_vault(pool, DURING)
    rotation = rotate(pool, DURING, page=2)
    await anext(rotation)
    await log.place("o-new", "customer-new")
    for order_id, customer_id in (("o-0", "customer-0"), ("o-4", "customer-4")):
        assert await log.vault.open(await log.placed(order_id)) == created(order_id, customer_id)
    _ = [progress async for progress in rotation]

    assert await count(pool, AFTER) == (6, 6)


async def test_a_key_erased_during_a_rotation_stays_erased(log: Log, pool: Pool) -> None:
    rotation = rotate(pool, DURING, page=1)
    await anext(rotation)
    for number in range(5):
        await log.erase(f"customer-{number}")
    _ = [progress async for progress in rotation]

    assert await count(pool, AFTER) == (0, 0)


async def test_a_key_whose_master_key_is_not_given_is_left_and_named(log: Log, pool: Pool) -> None:
    (progress,) = [progress async for progress in rotate(pool, AFTER)]
    assert (progress.rewrapped, progress.failed) == (0, 5)
    (cause,) = progress.causes
    assert key_id_of(OLD) in cause
    assert await a_vault(pool, BEFORE).open(await log.placed("o-1")) == created("o-1", "customer-1")


async def test_the_command_prints_its_result(log: Log, database_url: str) -> None:
    del log
    code, printed = await run(database_url, NEW, OLD)
    assert code == 0
    assert printed.splitlines() == [
        "5 keys rewrapped ...",
        f"5 keys rewrapped, 0 failed; 5 of 5 are under master key {key_id_of(NEW)}",
    ]
    code, printed = await run(database_url, NEW, OLD)
    assert (code, printed.splitlines()[-1].split(";")[0]) == (0, "0 keys rewrapped, 0 failed")


async def test_the_command_fails_while_a_key_is_left(log: Log, database_url: str) -> None:
    del log
    code, printed = await run(database_url, NEW)
    assert code == 1
    assert "add it to WAYBILL_RETIRED_MASTER_KEYS" in printed
    assert "0 keys rewrapped, 5 failed; 0 of 5" in printed


async def run(database_url: str, key: bytes, *retired: bytes) -> tuple[int | None, str]:
    current, *others = (base64.b64encode(key).decode() for key in (key, *retired))
    keys = {"WAYBILL_MASTER_KEY": current, "WAYBILL_RETIRED_MASTER_KEYS": ",".join(others)}
    environment = {**os.environ, "WAYBILL_DATABASE_URL": database_url, **keys}
    ended = await ran("-m", "eventstore.privacy", "rotate", environment=environment)
    return ended.code, ended.printed
