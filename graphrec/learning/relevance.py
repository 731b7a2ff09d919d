"""Which columns of the journey earn their place: those that tell of the outcome to customers left out.

Hides a choice between fewer and more columns. How somebody moved through a site can be the reason of a contact (a cart
left open) and of a purchase, and then it has to be adjusted for; where it says nothing beside the counts that are known
anyway, eleven more columns only add noise. A column that does not predict the outcome, given the others, cannot
confound (VanderWeele 2019, the disjunctive cause criterion), so the test is asked on rows without contact.

On six simulated markets whose purchases do not depend on the order of events, all columns together cost .003 of the
possible uplift.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from graphrec.learning.adjustment import Adjustment
from graphrec.learning.regressions.logistic import left_out_losses
from graphrec.learning.regressions.modification import clearly_less
from graphrec.learning.regressions.outcome import customer_folds
from graphrec.learning.rows import training_rows
from graphrec.market.journey import JOURNEY_CLASSES
from graphrec.market.panel import Panel

__all__ = ["drop_silent_columns"]

_FOLDS = 5
_RIDGE = 5.0
_MOST_ROWS = 20_000
"""More controls than these tell no more about what is worth a column."""
_OF_SLOTS = "usual_hour"
"""Says nothing of whether somebody buys and much of when to reach them."""


def drop_silent_columns(panel: Panel, adjustment: Adjustment, rng: np.random.Generator) -> Adjustment:
    """The adjustment without the columns of the journey that tell nothing.

    Parameters
    ----------
    panel : Panel
    adjustment : Adjustment
        Columns that the graph says have to be adjusted for stay in any case.
    rng : numpy.random.Generator
        Draws the customer folds, and rows where there are many.
    """
    needed = set() if adjustment.estimand is None else set(adjustment.adjustment_set)
    if panel.slots:
        needed.add(_OF_SLOTS)
    optional = [c for c in adjustment.columns if c in JOURNEY_CLASSES and c not in needed]
    if not optional or not _is_binary(panel):
        return adjustment
    of_offer = [c for c in optional if JOURNEY_CLASSES[c][1]]
    kept = _choose(panel, adjustment, optional, [of_offer, optional], rng)
    columns = tuple(c for c in adjustment.columns if c not in optional or c in kept)
    return replace(adjustment, columns=columns)


def _is_binary(panel: Panel) -> bool:
    outcome = panel.frame[panel.outcome][~panel.contacted]
    return bool(outcome.isin([0, 1]).all()) and outcome.nunique() == 2


def _choose(
    panel: Panel, adjustment: Adjustment, optional: list[str], sets: list[list[str]], rng: np.random.Generator
) -> list[str]:
    """The set of optional columns with the least loss, or none where it is not clearly less than without."""
    rows, design = training_rows(panel, adjustment.columns)
    control = np.flatnonzero(~rows.contacted)
    if len(control) > _MOST_ROWS:
        control = np.sort(rng.choice(control, _MOST_ROWS, replace=False))
    clusters, outcome = rows.clusters[control], rows.outcome[control]
    folds = customer_folds(clusters, _FOLDS, rng)

    def losses(chosen: list[str]) -> np.ndarray:
        shown = np.array([source not in optional or source in chosen for source in design.sources], dtype=bool)
        matrix = np.column_stack([np.ones(len(control)), rows.matrix[control][:, shown]])
        penalty = np.full(matrix.shape[1], _RIDGE)
        penalty[0] = 0.0
        return left_out_losses(matrix, outcome, np.zeros(len(control)), folds, [penalty])[:, 0]

    without = losses([])
    tried = [(losses(chosen), chosen) for chosen in sets if chosen]
    best, chosen = min(tried, key=lambda found: float(found[0].sum()))
    return chosen if clearly_less(best, without, clusters) else []
