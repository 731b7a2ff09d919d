"""In which unit a figure is printed: points of a chance, purchase lines, or the outcome's own.

Hides how the unit follows from the outcome.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from graphrec.report.wording import POINTS, RAW, Unit, plain

if TYPE_CHECKING:
    from causal.ladder import Ladder
    from graphrec.report.contents import Findings

__all__ = ["ladder_unit", "outcome_unit"]

_LINES = Unit(1.0, "lines", "purchase lines of the offer for each contact", significant=2, fewest=2)


def outcome_unit(findings: Findings) -> Unit:
    """Percentage points where the outcome is bought or not, raw figures elsewhere."""
    if findings.model is None:
        return POINTS
    panel = findings.model.panel
    return POINTS if panel.frame[panel.outcome].isin([0, 1]).all() else RAW


def ladder_unit(findings: Findings, ladder: Ladder) -> Unit:
    """Unit of a ladder, which may be of another outcome than the model: counts thin evenly in samples of receipts."""
    outcome = ladder.naive.outcome
    if outcome == "lines":
        return _LINES
    if findings.model is not None and outcome == findings.model.panel.outcome:
        return outcome_unit(findings)
    return Unit(1.0, "", f"units of {plain(outcome)}")
