"""Training rows, and how a panel becomes them: the join of design matrix, channels, weights and outcome.

Hides the order in which a panel's columns become arrays, so that every learner (ours and the rivals) gets exactly
the same rows and differs only in what it may see and what it does with it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from graphrec.learning.design import Design, fit_design
from graphrec.market.panel import Panel
from graphrec.market.tables import DataError
from ontology import load_ontology

__all__ = ["TrainingRows", "training_rows"]

_FEW_COLUMNS = 12
_MODIFYING_CLASSES = ("Trait", "OfferContext", "CustomerState", "ContactHistory", "ServiceHistory")


@dataclass(frozen=True, eq=False)
class TrainingRows:
    """Rows of a panel as arrays.

    Attributes
    ----------
    matrix : numpy.ndarray, shape (n, p)
        Standardised covariates.
    names : tuple of str
        Names of the matrix columns.
    channel : numpy.ndarray, shape (n,), int64
        0 for no contact, 1.. for `channels`.
    channels : tuple of str
        Names of the channels.
    outcome, weights, clusters : numpy.ndarray, shape (n,)
        0/1 outcome; sampling weight; customer.
    modifiers : numpy.ndarray, shape (p,), bool
        Columns by whose value the effect may differ freely; the effect differs by the others through f only.
    logged : numpy.ndarray, shape (n,), optional
        Probability of what the row received, as the policy logged it; nan where it did not.
    slot : numpy.ndarray, shape (n,), int64, optional
        Position in `slots` of a contacted row's slot; -1 where it is unknown, and for controls.
    slots : tuple of str
        Names of the slots; empty where there are none.
    """

    matrix: np.ndarray
    names: tuple[str, ...]
    channel: np.ndarray
    channels: tuple[str, ...]
    outcome: np.ndarray
    weights: np.ndarray
    clusters: np.ndarray
    modifiers: np.ndarray
    logged: np.ndarray | None = None
    slot: np.ndarray | None = None
    slots: tuple[str, ...] = ()

    @property
    def contacted(self) -> np.ndarray:
        """True for contacted rows."""
        return self.channel > 0


def training_rows(panel: Panel, columns: Sequence[str]) -> tuple[TrainingRows, Design]:
    """Arrays of a panel and the transformation that made them.

    Raises
    ------
    DataError
        The outcome is unknown in a row or happens to the contacted only, or nobody was contacted.
    """
    outcome = panel.frame[panel.outcome].to_numpy(np.float64)
    if not np.isfinite(outcome).all():
        gaps = int((~np.isfinite(outcome)).sum())
        raise DataError(f"outcome {panel.outcome!r} is unknown in {gaps:,} rows; leave them out first")
    _check_outcome(panel, outcome)
    design = fit_design(panel.frame, columns)
    treatment = panel.frame[panel.treatment]
    channels = tuple(c for c in panel.channels if (treatment == c).any())
    if not channels:
        raise DataError("no row of the panel was contacted: there is nothing to learn an effect from")
    codes = {channel: i + 1 for i, channel in enumerate(channels)} | {panel.control: 0}
    channel = treatment.astype(str).map(codes).to_numpy(np.int64)
    slots = panel.slots
    rows = TrainingRows(
        matrix=design.transform(panel.frame),
        names=design.names,
        channel=channel,
        channels=channels,
        outcome=outcome,
        weights=panel.weights,
        clusters=panel.clusters,
        modifiers=_modifiers(panel, design),
        logged=panel.frame["propensity"].to_numpy(np.float64) if "propensity" in panel.frame else None,
        slot=pd.Index(slots).get_indexer(pd.Index(panel.frame["slot"])) if slots else None,
        slots=slots,
    )
    return rows, design


def _check_outcome(panel: Panel, outcome: np.ndarray) -> None:
    """Refuse an outcome that only a contact makes possible: there is nothing to compare it with."""
    control, contacted = outcome[~panel.contacted], outcome[panel.contacted]
    if len(control) and len(contacted) and not control.any() and contacted.any():
        raise DataError(
            f"outcome is 0 for every row without contact and not for every other: {panel.outcome!r} is known for the "
            "contacted only, like a redemption or an open, and has no uplift; use the purchase itself, lengthen "
            "horizon_days, or use coarser offers"
        )


def _modifiers(panel: Panel, design: Design) -> np.ndarray:
    """Matrix columns by which the effect may differ freely.

    Who somebody is (traits), what is offered, how tired of contacts and how well served somebody is. What somebody
    bought before speaks through the organic outcome; as free modifiers those many correlated counts mostly add noise.
    A table of few columns is used whole.
    """
    onto = load_ontology()
    names = [panel.roles.get(source, "") for source in design.sources]
    if len(set(design.sources)) <= _FEW_COLUMNS:
        return np.ones(len(names), dtype=bool)

    def modifies(name: str) -> bool:
        if name in ("immutable", ""):
            return True
        return any(onto.is_a(name, ancestor) for ancestor in _MODIFYING_CLASSES)

    return np.array([modifies(name) for name in names], dtype=bool)
