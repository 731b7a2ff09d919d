"""What the discovery benchmarks share: tables with a known graph, the searches compared, distances, logged runs."""

from __future__ import annotations

__all__: list[str] = []
