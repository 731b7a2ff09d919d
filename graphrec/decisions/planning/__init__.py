"""The room behind `graphrec.decisions.policy`: rules, candidates, prices, choice, randomisation."""

from __future__ import annotations

__all__: list[str] = []
