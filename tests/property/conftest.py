"""Hypothesis without a deadline: the machine is shared."""

from __future__ import annotations

from hypothesis import HealthCheck, settings

settings.register_profile("repeg", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("repeg")
