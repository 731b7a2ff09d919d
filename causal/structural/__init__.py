"""Structural equations and the worlds they describe."""

__all__: list[str] = []
