"""What the uplift benchmark is made of: its markets, the rivals, yardsticks and tables."""

from __future__ import annotations

__all__: list[str] = []
