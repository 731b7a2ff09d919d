"""What a customer's chance to buy, uncontacted, owes to each of its causes, along the recommender's own graph.

Hides the way from a panel's graph to one that can be attributed: the contact is held at none, so its arrows go; what
the panel does not hold and what comes between is projected away (Verma & Pearl 1990), which may leave hidden common
causes, and they may lead to a refusal. The equations are fitted on rows that were not contacted.

The recommender's own organic outcome was considered as the last equation: it predicts better, from more columns, but
not from those that the graph calls causes, so its values would not be the graph's.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from causal.encoding import FrameError
from causal.graph import CausalGraph
from causal.graphs.districts import project
from causal.identification import NotIdentifiable
from graphrec.learning.design import Design, fit_design
from graphrec.market.panel import Panel

if TYPE_CHECKING:
    from causal.attribution import Attribution
    from graphrec.decisions.recommender import Recommender

__all__ = ["CausalView", "attribute_appetite", "organic_graph"]

_ROWS = 8_000
_TOLERANCE = 0.05


@dataclass(frozen=True, eq=False)
class CausalView:
    """Contributions of causes to the log-odds of buying without a contact, or why there are none.

    Attributes
    ----------
    attribution : Attribution or None
    refusal : str
        Why there is none; empty where there is one.
    """

    attribution: Attribution | None
    refusal: str = ""


def attribute_appetite(
    model: Recommender, rows: pd.DataFrame, rng: int | np.random.Generator | None = None
) -> CausalView:
    """Attribute the organic outcome of rows to their causes.

    Parameters
    ----------
    model : Recommender
        Fitted.
    rows : pandas.DataFrame
        Covariates, such as those of `graphrec.decisions.explanation.customer_rows`; gaps count as the panel's typical
        value.
    rng : int, Generator or None
        Draws the rows that are fitted on (8,000 at most), and worlds and orders.

    Returns
    -------
    CausalView
        With a refusal where the graph does not let the contributions be told.
    """
    from causal.attribution import attribute_outcome  # loads lightgbm
    from causal.scm import fit_scm

    panel = model.panel
    graph = organic_graph(panel, model.graph)
    if graph is None or not graph.parents(panel.outcome):
        return CausalView(None, f"the causal graph holds no cause of {panel.outcome} among what is known beforehand")
    refusal = _hidden_causes(graph, panel.outcome)
    if refusal:
        return CausalView(None, refusal)
    draw_rng, fit_rng, share_rng = np.random.default_rng(rng).spawn(3)
    kept = np.flatnonzero(~panel.contacted)
    if len(kept) > _ROWS:
        kept = np.sort(draw_rng.choice(kept, size=_ROWS, replace=False))
    causes = [node for node in graph.nodes if node != panel.outcome]
    variables = panel.variables[[*causes, panel.outcome]].iloc[kept]
    design = fit_design(variables, causes)
    frame = _straightened(variables, design)
    frame[panel.outcome] = (variables[panel.outcome] > 0).astype(np.float64)
    try:
        scm = fit_scm(frame, graph, panel.weights[kept], fit_rng)
        asked = _straightened(_filled(rows, variables[causes]), design)
        found = attribute_outcome(
            scm, asked, panel.outcome, graph=graph, scale="link", tolerance=_TOLERANCE, rng=share_rng
        )
    except (NotIdentifiable, FrameError) as error:
        return CausalView(None, str(error))
    return CausalView(found)


def organic_graph(panel: Panel, graph: CausalGraph) -> CausalGraph | None:
    """The graph of the outcome and its causes among the covariates while nobody is contacted; None without the outcome.

    Parameters
    ----------
    panel : Panel
    graph : CausalGraph
        Over the panel's variables; its consensus is used.
    """
    directed = graph.consensus
    if directed is None or panel.outcome not in graph.nodes:
        return None
    known = {*panel.covariates, panel.outcome}
    nodes = [node for node in directed.nodes if node != panel.treatment]
    edges = [pair for pair in directed.edges if panel.treatment not in pair]
    hidden = [pair for pair in graph.bidirected_edges if panel.treatment not in pair]
    mixed = project(CausalGraph(nodes, edges, (), hidden), [node for node in nodes if node not in known])
    kept = mixed.within(mixed.ancestors([panel.outcome]))
    return CausalGraph(
        kept.nodes,
        [(parent, node) for node in kept.nodes for parent in kept.parents[node]],
        (),
        {(min(node, other), max(node, other)) for node in kept.nodes for other in kept.spouses[node]},
    )


def _hidden_causes(graph: CausalGraph, outcome: str) -> str:
    """Why single causes already cannot be told, asked before anything is fitted; empty where they can."""
    from causal.contributions.hiddencauses import check_hidden_causes

    try:
        check_hidden_causes(graph, outcome, [frozenset({c}) for c in graph.nodes if c != outcome], linear=True)
    except NotIdentifiable as error:
        return str(error)
    return ""


def _straightened(frame: pd.DataFrame, design: Design) -> pd.DataFrame:
    """Heavy-tailed columns as log(1 + x), numbers kept within those seen: to set the one is to set the other."""
    columns: dict[str, Any] = {str(name): column for name, column in frame.items()}
    for code in design.columns:
        if not code.levels:
            values = frame[code.name].to_numpy(np.float64)
            values = np.log1p(np.maximum(values, 0.0)) if code.logarithm else values
            low, high = (code.mean + code.scale * end for end in (code.low, code.high))
            columns[code.name] = pd.Series(np.clip(values, low, high), index=frame.index)
    return pd.DataFrame(columns, index=frame.index)


def _filled(rows: pd.DataFrame, usual: pd.DataFrame) -> pd.DataFrame:
    """Rows with gaps, and words never seen, replaced by what is typical."""
    columns: dict[str, Any] = {}
    for name in usual.columns:
        column, typical = rows[name], usual[name]
        if pd.api.types.is_numeric_dtype(typical):
            columns[name] = column.astype(np.float64).fillna(float(typical.median()))
        else:
            text = column.astype("str").where(column.notna(), "missing")
            columns[name] = text.where(text.isin(typical.astype("str").unique()), str(typical.mode().iloc[0]))
    return pd.DataFrame(columns, index=rows.index)
