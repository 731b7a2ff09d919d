"""What customers' events say about them: one table of definitions, and the expressions that compute it.

The door is `graphrec.market.features`.
"""

from __future__ import annotations

__all__: list[str] = []
