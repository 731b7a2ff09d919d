"""Who the customers are: segments of habits, with how sure each is and what it is called.

The door is `graphrec.segment_customers`. `eventsources` reads events, `habitmeasures` turns them into measured habits,
`mixture` and `clustercount` find the segments, `trustworthiness` says from how many events on they can be trusted.
"""

from __future__ import annotations

__all__: list[str] = []
