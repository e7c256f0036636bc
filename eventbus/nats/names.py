"""The names of the bus on NATS."""

from __future__ import annotations

from typing import Final

STREAM: Final = "WAYBILL"
SUBJECTS: Final = "waybill.events"
