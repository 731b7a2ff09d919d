"""Events as they come: files of a shop's clickstream, generated or real, into one database.

`graphrec.market.clickstream.loading` is the door for files, `database` for what was loaded, `generation` for made-up
ones.
"""

from __future__ import annotations

__all__: list[str] = []
