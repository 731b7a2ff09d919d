"""Benchmarks: each prints our figure beside a peer's, measured in the same run (``python -m benchmarks.NAME``)."""

from __future__ import annotations

__all__: list[str] = []
