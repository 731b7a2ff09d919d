"""Ways to explain a model's prediction, one in each module; `graphrec.decisions.explanation` is the door."""

from __future__ import annotations

__all__: list[str] = []
