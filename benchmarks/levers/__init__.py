"""What the prescription benchmark is made of: markets with levers, who advises, and what came of it."""

from __future__ import annotations

__all__: list[str] = []
