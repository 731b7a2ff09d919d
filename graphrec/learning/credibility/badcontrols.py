"""The audit of bad controls: which columns were kept out, and how wrong the effect would have been with them.

Hides the three estimates that are set side by side: naive, adjusted for what the model uses, and adjusted for that and
everything that was kept out. A descendant of the contact takes part of its effect away or turns its sign; a column is
rejected by the graph, by its class or for want of a date, never because of what it does to the figure.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd

from causal.estimators.effect import Effect
from graphrec.learning.adjustment import Adjustment
from graphrec.learning.credibility.averages import thin_panel
from graphrec.market.panel import Panel

__all__ = ["ControlAudit", "audit_controls"]

_MOST_ALONE = 3


@dataclass(frozen=True)
class ControlAudit:
    """What adjusting for rejected columns would have done.

    Attributes
    ----------
    rejected : mapping of str to str
        Column to the reason why it is kept out.
    naive, adjusted, careless : Effect or None
        Mean effect of a contact: without adjustment, adjusted for the model's columns, and for the rejected ones as
        well; None where it cannot be estimated for want of overlap.
    alone : mapping of str to Effect
        The adjusted effect with one rejected column added, for some of them.
    """

    rejected: Mapping[str, str]
    naive: Effect | None
    adjusted: Effect | None
    careless: Effect | None
    alone: Mapping[str, Effect]

    @property
    def flips(self) -> tuple[str, ...]:
        """Rejected columns that would have turned the sign, each interval clear of zero; "all of them" for all."""
        if self.adjusted is None or not _clear(self.adjusted):
            return ()
        sign = np.sign(self.adjusted.value)
        alone = [name for name, effect in self.alone.items() if _clear(effect) and np.sign(effect.value) != sign]
        together = self.careless is not None and _clear(self.careless) and np.sign(self.careless.value) != sign
        return (*alone, "all of them") if together else tuple(alone)

    @property
    def table(self) -> pd.DataFrame:
        """Columns estimate, value, low, high; one row for each estimate that could be made."""
        named = {"naive": self.naive, "adjusted": self.adjusted, "with all rejected columns": self.careless}
        named |= {f"with {name}": effect for name, effect in self.alone.items()}
        lines = [(name, e.value, *e.interval) for name, e in named.items() if e is not None]
        return pd.DataFrame(lines, columns=["estimate", "value", "low", "high"])

    @property
    def sentence(self) -> str:
        """What it means, in plain English."""
        if not self.rejected:
            return "No column had to be kept out."
        names = ", ".join(self.rejected)
        if self.adjusted is None:
            return f"Kept out: {names}. The average effect cannot be estimated for want of overlap."
        found = f"Kept out: {names}. The average effect is {_figure(self.adjusted)}"
        if self.careless is None:
            return f"{found}; with the rejected columns nobody is left to compare with."
        turned = self.flips
        told = f"; with the rejected columns it would be {_figure(self.careless)}"
        if turned:
            return f"{found}{told}. The sign turns with {', '.join(turned)}: a bad control."
        return f"{found}{told}."


def _clear(effect: Effect) -> bool:
    return effect.interval[0] > 0 or effect.interval[1] < 0


def _figure(effect: Effect) -> str:
    return f"{effect.value:+.4f} ({effect.interval[0]:+.4f} to {effect.interval[1]:+.4f})"


def audit_controls(
    panel: Panel,
    adjustment: Adjustment,
    *,
    extra: pd.DataFrame | None = None,
    rng: int | np.random.Generator | None = 0,
) -> ControlAudit:
    """Set the adjusted effect beside the one that careless adjustment would have given.

    Parameters
    ----------
    panel : Panel
    adjustment : Adjustment
        Columns of the model and those that the graph keeps out.
    extra : pandas.DataFrame, optional
        Columns that the panel left out (undated attributes), row by row; the reasons are the panel's.
    rng : int, Generator or None

    Notes
    -----
    Effects are means over the overlap population of any contact against none. Mediators of a market's panel, such as
    an opened message, exist for the contacted only: with them there may be nobody left to compare with.
    """
    thin_rng, fit_rng = np.random.default_rng(rng).spawn(2)
    rejected = _rejected(panel, adjustment, extra)
    averages = thin_panel(panel, thin_rng, extra=extra, maximum_rows=8_000)
    kept = list(adjustment.columns)
    adjusted = averages.effect(kept, fit_rng)
    usable = [name for name in rejected if averages.frame[name].nunique(dropna=False) > 1]
    careless = averages.effect([*kept, *usable], fit_rng) if usable else None
    alone = {name: averages.effect([*kept, name], fit_rng) for name in usable[:_MOST_ALONE]} if len(usable) > 1 else {}
    return ControlAudit(
        rejected,
        None if adjusted is None else adjusted.naive,
        adjusted,
        careless,
        {name: effect for name, effect in alone.items() if effect is not None},
    )


def _rejected(panel: Panel, adjustment: Adjustment, extra: pd.DataFrame | None) -> dict[str, str]:
    """Column to reason: by the graph, by class, for want of a date."""
    by_class = dict.fromkeys(panel.consequences, "it comes after the contact")
    by_class |= dict.fromkeys(panel.mediators, "it lies between contact and outcome")
    undated = {} if extra is None else {str(name): panel.left_out.get(str(name), "") for name in extra.columns}
    return {**adjustment.excluded, **undated, **by_class}
