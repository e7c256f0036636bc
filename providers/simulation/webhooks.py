"""Webhooks: queued with the change they report, signed anew at each attempt."""

from __future__ import annotations

from collections.abc import Callable

import httpx

from providers.http import pooled_client
from providers.simulation.store import Job, Store

JOB = "webhook"
TIMEOUT_SECONDS = 5.0

Sign = Callable[[str, str], dict[str, str]]
"""Map (event id, body) to the headers that prove the sender and the time."""


class Webhooks:
    def __init__(self, store: Store, url: str, sign: Sign) -> None:
        self._store = store
        self._url = url
        self._sign = sign
        self._http = pooled_client(headers={"Content-Type": "application/json"})

    def tell(self, event_id: str, body: str) -> None:
        """Queue an event, within the transaction of the change it reports."""
        if self._url:
            self._store.add_job(JOB, event_id, body)

    async def deliver(self, job: Job) -> bool:
        headers = self._sign(job.subject, job.payload)
        try:
            answer = await self._http.post(
                self._url, content=job.payload, headers=headers, timeout=TIMEOUT_SECONDS
            )
        except httpx.HTTPError:
            return False
        return answer.is_success

    async def close(self) -> None:
        await self._http.aclose()
