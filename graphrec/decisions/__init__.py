"""What to do: recommendations, evidence, plans, explanations and prescriptions."""

from __future__ import annotations

__all__: list[str] = []
