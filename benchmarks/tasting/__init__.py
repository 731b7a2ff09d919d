"""What the accuracy benchmark is made of: public sets, LightGCN of three libraries, and how lists are judged."""

from __future__ import annotations

__all__: list[str] = []
