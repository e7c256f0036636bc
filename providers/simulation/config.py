"""The configuration of a simulator."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class SimulatorConfig:
    port: int
    file: Path
    """The SQLite file of its records."""
    api_key: str
    webhook_url: str
    """The URL of the webhooks; empty means that none are sent."""
    webhook_secret: str
    hang_seconds: float
    """The time that an answer hangs to make a client time out; longer than a client waits."""
    hold_seconds: float = 7 * 24 * 3600
    """The time for which a payment's hold lasts."""

    @property
    def base_url(self) -> str:
        return f"http://127.0.0.1:{self.port}"
