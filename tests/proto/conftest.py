# No deadline: a busy machine is no defect, and a test that asserts time fails on it.
from __future__ import annotations

from hypothesis import HealthCheck, settings

settings.register_profile("proto", deadline=None, max_examples=150, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("proto")
