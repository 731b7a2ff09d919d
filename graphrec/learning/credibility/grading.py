"""The best grade of advice through each channel, and the reason why it is not better.

Hides the order in which doubts count: no effect claimed, drawn by lot, not identifiable, no overlap, no graph, a failed
or missing check, few contacts. Few contacts count however they were drawn: a lot among five customers says nothing. A
randomised, B adjusted by a graph and not refuted, C by the model only, X refused.
"""

from __future__ import annotations

import numpy as np

from graphrec.learning.adjustment import Adjustment
from graphrec.learning.credibility.comparability import Comparability
from graphrec.learning.credibility.falsification import NegativeControl
from graphrec.market.panel import Panel

__all__ = ["grade_channels"]

_RANDOMISED_SHARE = 0.95


def grade_channels(
    panel: Panel,
    channels: tuple[str, ...],
    adjustment: Adjustment,
    check: NegativeControl,
    comparability: Comparability,
    claims_effect: bool,
) -> dict[str, tuple[str, str]]:
    """Grade and reason of each channel; the reason is empty for A and B."""
    shared = _shared_doubt(adjustment, check, claims_effect)
    found = {}
    for channel in channels:
        if claims_effect and _randomised(panel, channel) >= _RANDOMISED_SHARE:
            few = comparability.few(channel)
            found[channel] = few if few[0] > "B" else ("A", "")
            continue
        found[channel] = max(shared, comparability.cap(channel), key=lambda doubt: doubt[0])
    return found


def _randomised(panel: Panel, channel: str) -> float:
    """Share of the channel's contacts that were drawn by lot."""
    if "randomised" not in panel.frame:
        return 0.0
    rows = (panel.frame[panel.treatment] == channel).to_numpy()
    return float(panel.frame["randomised"].to_numpy(bool)[rows].mean()) if rows.any() else float(np.False_)


def _shared_doubt(adjustment: Adjustment, check: NegativeControl, claims_effect: bool) -> tuple[str, str]:
    """What limits every channel that was not drawn by lot."""
    if not claims_effect:
        return "X", "the model ranks by a probability of buying, which is no effect of a contact"
    if not adjustment.identified:
        return "X", str(adjustment.refusal)
    if adjustment.estimand is None:
        return "C", "no causal graph chose the columns"
    return ("B", "") if check.passed else ("C", check.sentence)
