"""The role `projections`: keep following projections up to date, and rebuild read models."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from eventstore.postgres import PostgresEventStore
from eventstore.privacy.search_key import SETTING, SearchKey
from kit.pool import create_pool
from kit.tasks import together
from observability.pools import PoolUse, watch
from projections.follower import Follower, Terms
from projections.order_contacts import OrderContacts
from projections.rebuild.assistants import Assistants
from projections.rebuild.runner import Rebuilder
from projections.registry import FOLLOWING
from roles.job import Job, Parts
from settings import DatabaseRole, Settings

PROJECTIONS_POOL_SIZE: Final = 6 + 4 * len(FOLLOWING)
"""A follower that leads uses four connections, and a rebuild six."""


async def run_projections(parts: Parts) -> None:
    """Keep the following projections up to date, and make the rebuilds that are asked for."""
    url, terms = parts.settings.url_of(DatabaseRole.PROJECTIONS), Terms()
    search_key = SearchKey.of(parts.settings)
    contacts = OrderContacts(parts.pool, parts.store, parts.vault, search_key)
    async with await create_pool(url, size=PROJECTIONS_POOL_SIZE, transaction_seconds=0) as pool:
        watch("projections", lambda: PoolUse(pool.used, pool.waiting, pool.size))
        store = PostgresEventStore(pool)
        followers = [Follower(pool, store, projection, terms) for projection in FOLLOWING]
        await together(
            Rebuilder(pool, Assistants.of(url)).run(),
            contacts.run(),
            *(follower.run() for follower in followers),
        )


def _required(_: Settings) -> Sequence[str]:
    return (SETTING,)


def _check_settings(settings: Settings) -> None:
    SearchKey.of(settings)


JOB = Job(run=run_projections, required=_required, check_settings=_check_settings)
