"""Personal data: the key, erasure, consent, retention and what may leave the house. The door is
`graphrec.market.privacy`."""

from __future__ import annotations

__all__: list[str] = []
