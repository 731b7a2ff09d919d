"""Advice in words, one module for each language; `graphrec.decisions.sentences.telling` is the door."""

from __future__ import annotations

__all__: list[str] = []
