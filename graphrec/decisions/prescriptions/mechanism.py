"""What can still respond to a decision: the levers of a table and the equations of what follows from them.

Hides the reading of a causal graph at the moment of decision. Everything known before the decision has happened and
does not respond, whatever arrows lead into it; only mediators and the outcome do. Their equations get the graph's
parents and every column of an earlier tier that the ontology allows: a spurious early parent costs nothing, a missing
confounder a fifth of the value. The effect of a contact comes from the effect model, never from these equations.

Moves are chosen with the rows of some customers and promised with those of others, each time by a smooth surface of
the outcome (`causal.estimators.surface`) over what the equations of the outcome depend on. Equations alone were used
first: chosen on half of 5,000 rows they realised .71 to .98 of the oracle on three markets, the surfaces .83 to .98.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from pandas.api.types import is_numeric_dtype

from causal.estimators.surface import fit_surface
from causal.graph import CausalGraph
from causal.identification import NotIdentifiable, identify
from causal.knowledge import Knowledge
from causal.scm import StructuralModel, fit_scm
from graphrec.decisions.prescriptions.decision import Decision
from graphrec.decisions.prescriptions.weighing import Weighing
from ontology.domain import Ontology
from ontology.levers import Lever

__all__ = ["Mechanism", "find_mechanism", "widen"]

Ints = NDArray[np.int64]

_ROWS = 24_000
_PROMISE_SHARE = 0.4
"""Of the customers; on half and half .84 of the oracle was realised where three fifths choose .85."""


_MOST_OUTSIDE = 0.5
"""Share of a lever's values outside the range of its class from which on the unit is doubted."""


@dataclass(frozen=True, eq=False)
class Mechanism:
    """Levers other than the contact, with equations for what they set off.

    Attributes
    ----------
    levers : tuple of Lever
        Those with an identifiable directed path to the outcome.
    blocked : mapping of str to str
        Every other column to the reason why it is not moved.
    choice, promise : Weighing or None
        Fitted on different customers: one to choose moves with, one to say what they bring. None without levers.
    graph : CausalGraph
        The graph behind them, fully directed.
    decision : Decision
        The table.
    fresh : numpy.ndarray of int
        Rows of the customers that promise.
    """

    levers: tuple[Lever, ...]
    blocked: Mapping[str, str]
    choice: Weighing | None
    promise: Weighing | None
    graph: CausalGraph
    decision: Decision
    fresh: Ints


def find_mechanism(decision: Decision, graph: CausalGraph, onto: Ontology, rng: np.random.Generator) -> Mechanism:
    """Sort the columns of a table into levers and the rest, and fit what follows from the levers.

    Parameters
    ----------
    decision : Decision
        Rows the equations are fitted on; at most 24,000, whole customers.
    graph : CausalGraph
        Over the table's columns; nodes that the table lacks count as not observed.
    onto : Ontology
        Says which columns are levers and which arrows are possible.
    rng : numpy.random.Generator
        Draws the customers of each fold.
    """
    directed = graph.consensus or CausalGraph(graph.nodes, graph.edges)
    blocked = {**onto.blocked(decision.roles), **_without_role(decision)}
    levers = []
    for lever in onto.levers(decision.roles):
        reason = _other_unit(decision, lever) or _obstacle(decision, graph, directed, lever.column)
        if lever.column == decision.treatment:
            continue
        if reason:
            blocked[lever.column] = reason
        else:
            levers.append(lever)
    nobody = np.empty(0, dtype=np.int64)
    if not levers:
        return Mechanism((), blocked, None, None, directed, decision, nobody)
    names = [lever.column for lever in levers]
    knowledge = Knowledge(**onto.knowledge(decision.roles))
    behind = _decision_graph(decision, directed, knowledge, names)
    draw_rng, choice_rng, promise_rng = rng.spawn(3)
    first, fresh = _folds(decision.clusters, draw_rng)
    choice = _weigh(decision, behind, names, first, None, choice_rng)
    promise = _weigh(decision, behind, names, fresh, choice, promise_rng)
    return Mechanism(tuple(levers), blocked, choice, promise, directed, decision, fresh)


def _weigh(
    decision: Decision,
    behind: CausalGraph,
    levers: list[str],
    rows: Ints,
    earlier: Weighing | None,
    rng: np.random.Generator,
) -> Weighing:
    """Equations and surface on the rows of one fold."""
    frame = decision.variables.iloc[rows]
    equations = fit_scm(frame, behind, rng=rng)
    surface = fit_surface(
        frame,
        decision.outcome,
        _adjusted(decision, equations, levers),
        levers,
        clusters=decision.clusters[rows],
        earlier=None if earlier is None else earlier.surface,
    )
    return Weighing(equations, surface, decision.outcome)


def _adjusted(decision: Decision, equations: StructuralModel, levers: list[str]) -> list[str]:
    """Levers and every column before the decision that what responds to them depends on."""
    responding = equations.descendants(levers)
    asked = {parent for node in responding for parent in equations.equations[node].parents} | set(levers)
    return [column for column in decision.given if column in asked]


def _without_role(decision: Decision) -> dict[str, str]:
    return {
        column: f"{column} has no role, so nobody said that it may be moved"
        for column in decision.variables.columns
        if column not in decision.roles
    }


def _obstacle(decision: Decision, graph: CausalGraph, directed: CausalGraph, column: str) -> str | None:
    """Why a column that may be moved is no lever here; None where it is one."""
    if decision.fixed and column in decision.fixed:
        return decision.fixed[column]
    if column in decision.between:
        return f"{column} is part of the contact and chosen with it"
    if column in decision.after:
        return f"{column} is recorded after the outcome"
    if column not in graph.nodes:
        return f"the causal graph does not know {column}"
    if decision.outcome not in _responding(decision, directed, [column]):
        return f"the causal graph holds no path from {column} to {decision.outcome} that starts at the decision"
    if decision.variables[column].nunique() < 2:
        return f"{column} has one value in these data, so nothing can be learned about moving it"
    way = {column, *_responding(decision, directed, [column])}
    hidden = [pair for pair in graph.in_order(graph.bidirected_edges) if way.issuperset(pair)]
    if hidden:
        return f"its effect cannot be told (grade X): {hidden[0][0]} and {hidden[0][1]} have a hidden common cause"
    absent = [node for node in graph.nodes if node not in decision.variables.columns]
    try:
        identify(graph, column, decision.outcome, latent=absent)
    except NotIdentifiable as refusal:
        return f"its effect cannot be told (grade X): {refusal}"
    return None


def _other_unit(decision: Decision, lever: Lever) -> str | None:
    """Why a lever seems to be recorded in another unit than its class; None where most of its values are in range.

    Values of zero are left out: they are the same in every unit. A few values out of range are errors or exceptions,
    and moves keep inside the range anyhow.
    """
    low, high = lever.minimum, lever.maximum
    column = decision.variables[lever.column]
    if (low is None and high is None) or not is_numeric_dtype(column):
        return None
    seen = column.to_numpy(np.float64)
    seen = seen[np.isfinite(seen) & (seen != 0)]
    outside = (seen < (-np.inf if low is None else low)) | (seen > (np.inf if high is None else high))
    if len(seen) == 0 or outside.mean() <= _MOST_OUTSIDE:
        return None
    bounds = [f"from {low:g}" if low is not None else "", f"to {high:g}" if high is not None else ""]
    unit = f" ({lever.unit})" if lever.unit else ""
    return (
        f"{lever.column} is recorded from {column.min() + 0.0:g} to {column.max() + 0.0:g}, but the ontology's class "
        f"{lever.class_name} goes {' '.join(filter(None, bounds))}{unit}: it seems to be in another unit; convert the "
        "column, or give the class its range in the ontology"
    )


def _responding(decision: Decision, directed: CausalGraph, start: Iterable[str]) -> list[str]:
    """Mediators and outcome that columns reach through each other, the contact held, in node order."""
    after = {*decision.between, decision.outcome}
    seen: set[str] = set()
    pending = [column for column in start if column in directed.nodes]
    while pending:
        for following in directed.children(pending.pop()):
            if following in after and following not in seen:
                seen.add(following)
                pending.append(following)
    return [node for node in directed.nodes if node in seen]


def widen(graph: CausalGraph, knowledge: Knowledge, nodes: Iterable[str], earlier: Iterable[str]) -> CausalGraph:
    """Give nodes every allowed parent of an earlier tier.

    Parameters
    ----------
    graph : CausalGraph
        Fully directed.
    knowledge : Knowledge
        Tiers and forbidden edges.
    nodes : iterable of str
        Nodes that get more parents.
    earlier : iterable of str
        Columns that may become parents.

    Returns
    -------
    CausalGraph
        A supergraph; without hidden common causes it says the same about effects and forgives missing edges.
    """
    tiers, names = knowledge.tiers, list(earlier)
    more = [
        (cause, node)
        for node in nodes
        for cause in names
        if cause in tiers and node in tiers and tiers[cause] < tiers[node] and not knowledge.forbids(cause, node)
    ]
    return CausalGraph(graph.nodes, {*graph.edges, *more})


def _decision_graph(decision: Decision, directed: CausalGraph, knowledge: Knowledge, levers: list[str]) -> CausalGraph:
    """Arrows into levers (what is usual for whom) and into what follows from them; nothing else moves any more."""
    known = [node for node in directed.nodes if node in decision.variables.columns]
    before = [node for node in known if node in decision.before]
    between = [node for node in known if node in decision.between]
    responding = _responding(decision, directed, levers)
    kept = [
        (cause, node)
        for cause, node in directed.in_order(directed.edges)
        if (node in levers and cause in before)
        or (node in responding and cause in (*before, *between, decision.treatment))
    ]
    contact = [decision.treatment] if decision.treatment else []
    nodes = [*before, *contact, *between, decision.outcome]
    confounded = {node for pair in directed.bidirected_edges for node in pair}  # may be colliders of hidden causes
    return widen(CausalGraph(nodes, kept), knowledge, responding, [c for c in before if c not in confounded])


def _folds(clusters: NDArray[np.generic], rng: np.random.Generator) -> tuple[Ints, Ints]:
    """Rows to choose with and rows to promise with: different customers, whole ones."""
    customers, position, size = np.unique(clusters, return_inverse=True, return_counts=True)
    order = rng.permutation(len(customers))
    kept = order[np.cumsum(size[order]) <= _ROWS] if len(clusters) > _ROWS else order
    cut = max(1, int(len(kept) * _PROMISE_SHARE))
    return np.flatnonzero(np.isin(position, kept[cut:])), np.flatnonzero(np.isin(position, kept[:cut]))
