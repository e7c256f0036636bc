from __future__ import annotations

from hypothesis import HealthCheck, settings

# How fast an example runs says how busy the machine is, and nothing of the domain.
settings.register_profile(
    "domain", deadline=None, suppress_health_check=[HealthCheck.too_slow], print_blob=True
)
settings.load_profile("domain")
