"""Learners of what a contact changes, one file each: structured, T, X, DR, inverse propensity, and two rankings."""

from __future__ import annotations

__all__: list[str] = []
