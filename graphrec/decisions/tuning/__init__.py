"""The room behind `graphrec.tune`: which settings a market deserves, and whether tuning helped.

Hides the cut in time (`periods`), what is searched (`searchspace`), what a candidate is worth (`policyvalue`,
`tastevalue`), the study in SQLite (`trialbook`), and the choice of the winner (`winners`).
"""

from __future__ import annotations

__all__: list[str] = []
