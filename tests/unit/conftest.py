from __future__ import annotations

from hypothesis import HealthCheck, settings

# How fast an example runs says how busy the machine is, and nothing of our code.
settings.register_profile(
    "unit", deadline=None, suppress_health_check=[HealthCheck.too_slow], print_blob=True
)
settings.load_profile("unit")
