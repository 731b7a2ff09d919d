"""The market: tables, what was known when, the opportunity panel, description and simulation."""

from __future__ import annotations

__all__: list[str] = []
