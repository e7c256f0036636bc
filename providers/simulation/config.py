"""What a simulator is started with."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class SimulatorConfig:
    port: int
    file: Path
    """Its books."""
    api_key: str
    webhook_url: str
    """Empty: tells nobody."""
    webhook_secret: str
    hang_seconds: float
    """How long an answer hangs that is made to time out; more than a client waits."""

    @property
    def base_url(self) -> str:
        return f"http://127.0.0.1:{self.port}"
