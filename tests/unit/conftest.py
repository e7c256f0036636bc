from __future__ import annotations

from hypothesis import HealthCheck, settings

# The speed of an example depends on the load of the machine, and not on the code.
settings.register_profile(
    "unit", deadline=None, suppress_health_check=[HealthCheck.too_slow], print_blob=True
)
settings.load_profile("unit")
