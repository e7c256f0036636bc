"""The role `head`: announce the safe head of the log."""

from __future__ import annotations

from collections.abc import Awaitable

from eventstore.head import HeadAnnouncer
from roles.job import Job, Parts


def run_head(parts: Parts) -> Awaitable[object]:
    return HeadAnnouncer(parts.pool).run()


JOB = Job(run=run_head)
