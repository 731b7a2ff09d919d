"""The average effect of a contact by any set of columns, on a thinned panel: what audits and bounds are made of.

Hides how a panel becomes the arguments of `causal.estimate_effect`: any contact against none, whole customers drawn
where there are many rows, the overlap population (where contact and none are both likely). The model's own effects are
not used here, so an audit does not repeat the model's mistake.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from types import SimpleNamespace

import numpy as np
import pandas as pd

from causal.encoding import FrameError
from causal.estimation import estimate_effect
from causal.estimators.effect import Effect
from graphrec.market.panel import Panel

__all__ = ["Averages", "thin_panel"]

_CONTACT, _NONE = "contact", "none"


@dataclass(frozen=True, eq=False)
class Averages:
    """A thinned panel that can be asked for average effects.

    Attributes
    ----------
    frame : pandas.DataFrame
        Covariates, mediators, consequences, ``contacted`` ("contact" or "none") and ``outcome``.
    weights, clusters : numpy.ndarray, shape (n,)
    """

    frame: pd.DataFrame
    weights: np.ndarray
    clusters: np.ndarray

    def effect(self, columns: Sequence[str], rng: np.random.Generator, *, level: float = 0.95) -> Effect | None:
        """Mean effect of a contact in the overlap population, or None where there is no overlap."""
        estimand = SimpleNamespace(
            treatment="contacted", outcome="outcome", adjustment_set=tuple(columns), method="adjustment"
        )
        return self.by(estimand, rng, target="ato", level=level)

    def by(
        self, estimand: SimpleNamespace, rng: np.random.Generator, *, target: str | None = None, level: float = 0.95
    ) -> Effect | None:
        """Mean effect by any estimand of the columns ``contacted`` and ``outcome``."""
        try:
            found = estimate_effect(
                self.frame,
                estimand,
                [_CONTACT],
                target,  # type: ignore[arg-type]
                weights=self.weights,
                clusters=self.clusters,
                level=level,
                rng=rng,
                control=_NONE,
            )
        except FrameError:  # no overlap, or nothing to compare
            return None
        return found if isinstance(found, Effect) else next(iter(found.values()))


def thin_panel(
    panel: Panel, rng: np.random.Generator, *, extra: pd.DataFrame | None = None, maximum_rows: int = 12_000
) -> Averages:
    """The panel as averages are taken on it.

    Parameters
    ----------
    panel : Panel
    rng : numpy.random.Generator
        Draws customers where there are more rows than ``maximum_rows``.
    extra : pandas.DataFrame, optional
        More columns, row by row.
    """
    names = [*panel.covariates, *panel.mediators, *panel.consequences]
    frame = panel.frame[list(dict.fromkeys(names))]
    if extra is not None:
        frame = frame.assign(**{str(name): extra[name].to_numpy() for name in extra.columns})
    contacted = np.where(panel.contacted, _CONTACT, _NONE)
    frame = frame.assign(contacted=contacted, outcome=panel.frame[panel.outcome].to_numpy(np.float64))
    weights, clusters = panel.weights, panel.clusters
    if len(frame) > maximum_rows:
        customers, position = np.unique(clusters, return_inverse=True)
        order = rng.permutation(len(customers))
        count = int(np.searchsorted(np.cumsum(np.bincount(position)[order]), maximum_rows))
        kept = np.isin(position, order[: max(count, 30)])
        frame, weights, clusters = frame[kept], weights[kept], clusters[kept]
    return Averages(frame.reset_index(drop=True), weights, clusters)
