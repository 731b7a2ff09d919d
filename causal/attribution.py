"""What each cause contributes to the outcome of a row: do-Shapley values (Jung et al. 2022).

    v(S) = E[Y | do(X_S = x_S)],   phi_k = mean over random orders of v(before k and k) - v(before k)

They attribute the outcome in the world, not the output of a predictor: a consequence of the outcome gets exactly 0 and
a cause that works through others its full share, where SHAP values of a model give the first a third of everything and
the second nearly nothing. Hides how the values are found: in closed form where all equations are linear, by enumerating
irreducible coalitions where they are few, by random orders with a stated standard error elsewhere.

SHAP with interventional expectations (Janzing 2020) was considered: it asks what the *model* would say if its inputs
were set. Causal Shapley values (Heskes 2020) need the same draws as here and attribute the predictor.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from causal.contributions.coalitions import Coalitions, TooManyCoalitions, find_coalitions
from causal.contributions.hiddencauses import ConfoundedEquations, check_graph, check_hidden_causes
from causal.contributions.shares import Shares, closed_form, is_linear, link_of, sampled, summed
from causal.contributions.valuation import row_values
from causal.encoding import FrameError, require_columns
from causal.graph import CausalGraph
from causal.scm import StructuralModel

__all__ = ["Attribution", "ConfoundedEquations", "TooManyCoalitions", "attribute_outcome"]

Floats = NDArray[np.float64]
Method = Literal["auto", "linear", "enumeration", "permutation"]
METHODS = ("auto", "linear", "enumeration", "permutation")
SCALES = ("outcome", "link")
ENUMERATED = 4_096
ENUMERATED_WITH_TREES = 128
LEAST_RESIDUAL = 1e-6


@dataclass(frozen=True, eq=False)
class Attribution:
    """Contributions of causes to an outcome, row by row.

    Parameters
    ----------
    outcome : str
    features : tuple of str
        Every node but the outcome; what is no cause of it contributes exactly 0.
    values : ndarray of float, shape (n, d)
        do-Shapley values in units of the scale; a row sums to its prediction less the base.
    standard_error : ndarray of float, shape (n, d)
        Of the values, from the draws alone; 0 in closed form. It knows nothing of how sure the equations are.
    base : float
        Mean outcome when nothing is set.
    prediction : ndarray of float, shape (n,)
        Mean outcome given all of the row's causes.
    routes : mapping of (cause, next node) to ndarray of float, shape (n,)
        Share of a cause that passes through each of its arrows; empty unless asked for.
    method : {"linear", "enumeration", "permutation"}
    scale : {"outcome", "link"}
        Units of the outcome, or log-odds (of a 0 / 1 outcome) and logs (of a count).
    coalitions, draws : int
        Irreducible coalitions that were valued (0 in closed form), and worlds or orders that were drawn.
    residual : float
        Largest difference between a row's sum and the prediction of the fitted model, which is computed another way.
    """

    outcome: str
    features: tuple[str, ...]
    values: Floats
    standard_error: Floats
    base: float
    prediction: Floats
    routes: Mapping[tuple[str, str], Floats]
    method: str
    scale: str
    coalitions: int
    draws: int
    residual: float
    index: pd.Index = field(default_factory=lambda: pd.RangeIndex(0), repr=False)

    @property
    def direct(self) -> Floats:
        """Share that passes through the arrow from the cause to the outcome itself, shape (n, d)."""
        found = np.zeros_like(self.values)
        for (cause, effect), share in self._asked_routes().items():
            if effect == self.outcome:
                found[:, self.features.index(cause)] = share
        return found

    @property
    def mediated(self) -> Floats:
        """Share that passes through other nodes, shape (n, d)."""
        return np.asarray(self.values - self.direct)

    def to_frame(self) -> pd.DataFrame:
        """Return the values as a frame, one column for each feature and the rows' own index."""
        return pd.DataFrame(self.values, columns=list(self.features), index=self.index)

    def importance(self) -> pd.Series[float]:
        """Mean absolute value of each feature over the rows, largest first."""
        return self.to_frame().abs().mean().sort_values(ascending=False, kind="stable")

    def _asked_routes(self) -> Mapping[tuple[str, str], Floats]:
        if not self.routes and self.values.any():
            raise FrameError("the routes were not asked for; call attribute_outcome(..., routes=True)")
        return self.routes


def attribute_outcome(
    model: StructuralModel,
    rows: pd.DataFrame,
    outcome: str,
    *,
    graph: CausalGraph | None = None,
    scale: Literal["outcome", "link"] = "outcome",
    method: Method = "auto",
    tolerance: float = 0.02,
    routes: bool = False,
    rng: int | np.random.Generator | None = None,
) -> Attribution:
    """Attribute the expected outcome of rows to their causes.

    Parameters
    ----------
    model : StructuralModel
        From :func:`causal.fit_scm`.
    rows : DataFrame, n rows
        Holds every cause of the outcome, without gaps.
    outcome : str
        A number, count or 0 / 1 node with parents.
    graph : CausalGraph, optional
        The graph the model was fitted along. Needed to see latent common causes (bidirected edges), which the
        equations do not keep; without it there are assumed to be none.
    scale : {"outcome", "link"}
        Attribute the mean outcome, or its log-odds (0 / 1) or log (count), which is linear more often.
    method : {"auto", "linear", "enumeration", "permutation"}
        "auto" takes the closed form where it holds, enumerates where the irreducible coalitions are few, and draws
        random orders elsewhere (pairs of an order and its reverse).
    tolerance : float
        Draws are added until the root mean square of the standard errors is at most this share of the standard
        deviation of the predictions, or 8,192 worlds or orders are reached; read :attr:`Attribution.standard_error`.
    routes : bool
        Split each value by the arrow that the cause acts through (not with "permutation").
    rng : int, Generator or None
        Draws the worlds and orders.

    Returns
    -------
    Attribution

    Raises
    ------
    FrameError
        The outcome is a category or has no causes, a cause has a gap, the graph is of other data, or the method does
        not fit.
    NotIdentifiable
        A latent common cause leaves the value of a coalition undetermined; with the witness.

    Notes
    -----
    Assumes the graph: a missing common cause biases the values and nothing here can show it. Nodes without parents are
    drawn together, so dependence among them is kept and attributed to whichever is set.

    References
    ----------
    Jung et al. (2022), On measuring causal contributions via do-interventions, ICML. Janzing, Minorics & Blöbaum
    (2020), Feature relevance quantification in explainable AI: a causal problem, AISTATS.

    Examples
    --------
    >>> from causal import fit_scm
    >>> draw = np.random.default_rng(0)
    >>> mail = draw.normal(size=150)
    >>> visit = 2 * mail + 0.1 * draw.normal(size=150)
    >>> spend = 3 * visit + 0.1 * draw.normal(size=150)
    >>> ticket = spend + draw.normal(size=150)
    >>> frame = pd.DataFrame({"mail": mail, "visit": visit, "spend": spend, "ticket": ticket})
    >>> graph = CausalGraph(list(frame), [("mail", "visit"), ("visit", "spend"), ("spend", "ticket")])
    >>> row = pd.DataFrame({"mail": [1.0], "visit": [2.0], "spend": [7.0], "ticket": [9.0]})
    >>> found = attribute_outcome(fit_scm(frame, graph, rng=0), row, "spend", graph=graph)
    >>> found.method, found.to_frame().round(0).iloc[0].to_dict()
    ('linear', {'mail': 3.0, 'visit': 3.0, 'ticket': 0.0})
    """
    for what, given, allowed in (("method", method, METHODS), ("scale", scale, SCALES)):
        if given not in allowed:
            raise FrameError(f"{what} is {given!r}; choose one of {list(allowed)}")
    causes = _checked(model, outcome, rows, tolerance)
    linear = is_linear(model, outcome, causes, scale == "link")
    if method == "linear" and not linear:
        raise FrameError(f"the equations above {outcome!r} are not linear on this scale; use method='auto'")
    parents = {node: model.equations[node].parents for node in (*causes, outcome) if node in model.equations}
    chosen, coalitions = _choose(method, linear, model, causes, outcome, parents)
    if graph is not None:
        known = check_graph(model, graph)
        asked = [frozenset({cause}) for cause in causes] if coalitions is None else coalitions.members
        check_hidden_causes(known, outcome, asked, chosen == "linear")
    if routes and chosen == "permutation":
        raise FrameError("routes need method='linear' or 'enumeration'; this graph has too many coalitions for them")
    values = row_values(model, rows, causes)
    stream = np.random.default_rng(rng)
    link = scale == "link"
    if chosen == "linear":
        shares = closed_form(model, outcome, causes, values, link)
    elif coalitions is not None and chosen == "enumeration":
        shares = summed(model, outcome, coalitions, values, link, tolerance, routes, stream)
    else:
        shares = sampled(model, outcome, causes, parents, values, link, tolerance, stream)
    return _finish(model, rows, outcome, causes, shares, chosen, scale)


def _checked(model: StructuralModel, outcome: str, rows: pd.DataFrame, tolerance: float) -> tuple[str, ...]:
    """Return the causes of the outcome, causes before effects."""
    if outcome not in model.kinds:
        raise FrameError(f"{outcome!r} is no node of the model; nodes are {list(model.order)}")
    if model.kinds[outcome] == "category":
        raise FrameError(f"{outcome!r} is a category, which has no mean; attribute a 0 / 1 column of one level")
    if outcome not in model.equations:
        raise FrameError(f"{outcome!r} has no causes in this graph, so there is nothing to attribute")
    if not 0 < tolerance < 1:
        raise FrameError(f"tolerance is {tolerance}; give a share between 0 and 1, such as 0.02")
    seen = {outcome}
    for node in reversed(model.order):
        if node in seen and node in model.equations:
            seen.update(model.equations[node].parents)
    causes = tuple(node for node in model.order if node in seen and node != outcome)
    require_columns(rows, causes)
    if not len(rows):
        raise FrameError("there are no rows to attribute")
    return causes


def _choose(
    method: Method,
    linear: bool,
    model: StructuralModel,
    causes: tuple[str, ...],
    outcome: str,
    parents: Mapping[str, tuple[str, ...]],
) -> tuple[str, Coalitions | None]:
    if method == "linear" or (method == "auto" and linear):
        return "linear", None
    if method == "permutation":
        return "permutation", None
    trees = getattr(model.equations[outcome], "trees", None) is not None
    most = ENUMERATED_WITH_TREES if trees and method == "auto" else ENUMERATED
    try:
        return "enumeration", find_coalitions(causes, outcome, parents, most)
    except TooManyCoalitions:
        if method == "enumeration":
            raise
        return "permutation", None


def _finish(
    model: StructuralModel,
    rows: pd.DataFrame,
    outcome: str,
    causes: tuple[str, ...],
    shares: Shares,
    method: str,
    scale: str,
) -> Attribution:
    features = tuple(node for node in model.order if node != outcome)
    place = [features.index(cause) for cause in causes]
    values, errors = np.zeros((len(rows), len(features))), np.zeros((len(rows), len(features)))
    values[:, place], errors[:, place] = shares.values, shares.standard_error
    prediction = shares.base + values.sum(axis=1)
    mean = np.asarray(model.equations[outcome].mean(rows), dtype=np.float64)
    shown = link_of(model, outcome)(prediction) if scale == "link" else prediction
    residual = float(np.abs(shown - mean).max())
    if residual > LEAST_RESIDUAL * max(1.0, float(np.abs(mean).max())):
        raise ArithmeticError(
            f"contributions to {outcome} miss the model's prediction by {residual:.2g}: its equations do not give the "
            "same mean for the same parents; report this with the model"
        )
    return Attribution(
        outcome, features, values, errors, shares.base, prediction, shares.routes, method, scale, shares.coalitions,
        shares.draws, residual, rows.index,
    )  # fmt: skip
