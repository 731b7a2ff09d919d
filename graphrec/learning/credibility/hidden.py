r"""What a cause that nobody recorded could do to the effects, and how far the intervals have to be widened for it.

Hides how one bound for the average becomes one for each row. The omitted-variable bound of `causal.doubts.omission`
(Chernozhukov et al. 2022) says how far a hidden cause as strong as the strongest column could move the average effect
of a contact. A cause that moves log-odds moves a probability by p (1 - p), so a row's share of the bound is that of its
p (1 - p); an amount takes the bound as it is. Where the graph offers the front-door only, the average effect through
the mediators is given with its interval, and nothing by customer.

Alternative considered: Rosenbaum's Gamma and the marginal sensitivity model (Tan 2006; Kallus & Zhou 2021), whose
strength has no measure in the data; here it is read off a column that people know.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from types import SimpleNamespace
from typing import Any

import numpy as np

from causal.doubts.omission import omitted_variable_bound
from causal.encoding import FrameError
from causal.estimators.effect import Effect
from causal.graph import CausalGraph
from causal.identification import NotIdentifiable, identify
from graphrec.learning.adjustment import Adjustment
from graphrec.learning.credibility.averages import thin_panel
from graphrec.market.panel import Panel

__all__ = ["HiddenCause", "bound_hidden_cause", "front_door_average"]


@dataclass(frozen=True)
class HiddenCause:
    """What a cause outside the columns could do.

    Attributes
    ----------
    strength : float
        Strength of the assumed cause as a multiple of the strongest column's bias.
    strongest : str
        The column it is measured by.
    bias : float
        The most that a cause as strong as that column could have moved the average effect.
    average : float
        The average effect in the overlap population.
    interval : tuple of float
        Its confidence interval, widened by ``strength`` times the bias.
    robustness : float
        Share of the outcome's and of the contact's remaining variation that a cause must explain to make the average 0.
    spread : float
        Mean p (1 - p) of the contacted, by which a row's part of the bias is scaled; 0 for an amount.
    """

    strength: float
    strongest: str
    bias: float
    average: float
    interval: tuple[float, float]
    robustness: float
    spread: float

    def margin(self, p_organic: np.ndarray, p_contact: np.ndarray) -> np.ndarray:
        """Half-width to add to the interval of each row's effect; the shape of its arguments."""
        bias = self.strength * self.bias
        if self.spread <= 0:
            return np.full(np.shape(p_contact), bias)
        middle = (np.asarray(p_organic) + np.asarray(p_contact)) / 2
        return np.asarray(bias * middle * (1 - middle) / self.spread)

    @property
    def survives(self) -> bool:
        """Whether the widened interval of the average excludes zero."""
        return self.interval[0] > 0 or self.interval[1] < 0

    @property
    def sentence(self) -> str:
        """What it means, in plain English."""
        low, high = self.interval
        times = "as strong as" if self.strength == 1 else f"{self.strength:g} times as strong as"
        ends = f"{low:+.4f} to {high:+.4f}"
        word = "still excludes zero" if self.survives else "holds zero: the effect is fragile"
        moved = f"could move the average effect by {self.strength * self.bias:.4f}"
        return f"A hidden cause {times} {self.strongest} {moved}; its interval of {ends} then {word}."

    def to_dict(self) -> dict[str, Any]:
        """Plain data for JSON."""
        return {**asdict(self), "interval": list(self.interval)}

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> HiddenCause:
        """Rebuild from `to_dict`."""
        low, high = data["interval"]
        return cls(**{**data, "interval": (low, high)})


def bound_hidden_cause(
    panel: Panel, adjustment: Adjustment, strength: float, rng: int | np.random.Generator | None = 0
) -> HiddenCause | None:
    """Bound the bias by a cause as strong as the strongest column, times ``strength``.

    Parameters
    ----------
    panel : Panel
    adjustment : Adjustment
    strength : float
        Above 0.
    rng : int, Generator or None

    Returns
    -------
    HiddenCause or None
        None where the average effect cannot be estimated, or there is no column to measure by.

    Notes
    -----
    Assumes that what was not recorded is no stronger than ``strength`` times the strongest thing that was. No data can
    show that.
    """
    thin_rng, fit_rng, bound_rng = np.random.default_rng(rng).spawn(3)
    averages = thin_panel(panel, thin_rng, maximum_rows=8_000)
    effect = averages.effect(adjustment.columns, fit_rng)
    if effect is None or not adjustment.columns:
        return None
    try:
        found = omitted_variable_bound(
            averages.frame, effect, weights=averages.weights, clusters=averages.clusters, rng=bound_rng
        )
    except FrameError:
        return None
    outcome = averages.frame["outcome"].to_numpy(np.float64)
    binary = bool(np.isin(outcome, (0.0, 1.0)).all())
    rate = float(outcome[(averages.frame["contacted"] == "contact").to_numpy()].mean())
    low, high = effect.interval
    bias = strength * found.bias
    return HiddenCause(
        strength,
        found.strongest,
        found.bias,
        effect.value,
        (low - bias, high + bias),
        found.robustness,
        rate * (1 - rate) if binary else 0.0,
    )


def front_door_average(panel: Panel, graph: CausalGraph, rng: int | np.random.Generator | None = 0) -> Effect | None:
    """Average effect of a contact through mediators, where the graph gives it by the front-door only; else None.

    Notes
    -----
    Needs that the mediators carry the whole effect and that nothing hidden drives both them and the contact or the
    outcome. It is an average: whom a contact persuades is not learned, so every row stays graded X.
    """
    held = {*panel.covariates, *panel.mediators, *panel.consequences, panel.treatment, panel.outcome}
    try:
        estimand = identify(graph, panel.treatment, panel.outcome, latent=[n for n in graph.nodes if n not in held])
    except NotIdentifiable:
        return None
    if estimand.method != "front-door":
        return None
    thin_rng, fit_rng = np.random.default_rng(rng).spawn(2)
    question = SimpleNamespace(
        treatment="contacted",
        outcome="outcome",
        adjustment_set=tuple(estimand.adjustment_set),
        method="front-door",
        mediators=tuple(estimand.mediators),
    )
    return thin_panel(panel, thin_rng).by(question, fit_rng)
