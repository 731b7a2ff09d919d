"""The room behind `graphrec.decisions.prescription`: levers, moves, evidence of a move, promises, words."""

from __future__ import annotations

__all__: list[str] = []
