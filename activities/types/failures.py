"""The failure types of activities, by which a workflow decides."""

from __future__ import annotations

from typing import Final

PROVIDER_REFUSED: Final = "PROVIDER_REFUSED"
"""The failure type of an activity that a provider has refused."""
PROVIDER_PAUSED: Final = "PROVIDER_PAUSED"
"""The provider is down for everybody, and its calls wait. The first detail is its name."""
NO_ANSWER: Final = "NO_ANSWER"
"""The failure type of an activity that did not end in its time; a later attempt may succeed."""
PROVIDER_UNAVAILABLE: Final = "PROVIDER_UNAVAILABLE"
"""The failure type of an activity that a provider gave no state; a later attempt may succeed."""
DATABASE_UNAVAILABLE: Final = "DATABASE_UNAVAILABLE"
"""The failure type of an activity that PostgreSQL did not serve; a later attempt may succeed."""
