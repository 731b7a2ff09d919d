"""The search methods behind one interface: a prepared table in, a partly directed graph and what to say about it out.

Hides which parts each method is put together from, and what of the search on all rows its bootstraps may reuse.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from causal.encoding import FrameError
from causal.graph import Note
from causal.search.equivalence import equivalence_class
from causal.search.latentpairs import allow_latent, split_latent
from causal.search.meek import Rules
from causal.search.orientation import Pattern, orient
from causal.search.scores import gaussian_score
from causal.search.searchtable import SearchTable
from causal.search.skeleton import find_skeleton

if TYPE_CHECKING:
    from causal.search.ordersearch import Ordering

__all__ = ["Findings", "search_boss", "search_lingam", "search_pc", "soft_notes"]

MAX_DEPTH = 5
START_DEPTH = 2
PATIENCE, FOLLOWING = 3, 2
SURE = 3.0
NEUTRAL = 0.5

Booleans = NDArray[np.bool_]
Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Findings:
    """What a method found in all rows.

    Parameters
    ----------
    pattern : Pattern
    again : callable
        The same search under other row weights, shape (n,).
    notes : tuple of Note
        What the method has to say.
    best : Ordering, optional
        The graph that the pattern stands for, where the method ends with one.
    """

    pattern: Pattern
    again: Callable[[Floats], Pattern]
    notes: tuple[Note, ...] = ()
    best: Ordering | None = None


def search_pc(table: SearchTable) -> Findings:
    """PC-stable: an edge stays where no set of columns separates its ends (Colombo & Maathuis 2014)."""

    def search(weights: Floats) -> Pattern:
        return orient(find_skeleton(table.test(weights), table.rules, table.alpha, MAX_DEPTH), table.rules)

    return Findings(search(table.weights), search)


def search_boss(table: SearchTable) -> Findings:
    """BOSS: the graph of the best order of the columns by score (Andrews et al. 2023)."""
    from causal.search.ordersearch import search_order

    relaxed = allow_latent(table.rules)
    score = table.score(table.weights, relaxed)
    arrows = _tested_arrows(table, relaxed)
    best = search_order(score, relaxed, patience=PATIENCE if arrows is None else FOLLOWING, member=arrows)

    def again(weights: Floats) -> Pattern:
        """Start from the order of all rows: a bootstrap seldom moves more than a few columns."""
        score = table.score(weights, relaxed)
        found = search_order(score, relaxed, best.order, patience=0)
        return equivalence_class(*split_latent(score, found.directed, table.rules), table.rules)

    pattern = equivalence_class(*split_latent(score, best.directed, table.rules), table.rules)
    return Findings(pattern, again, best=best)


def _tested_arrows(table: SearchTable, rules: Rules) -> Booleans | None:
    """Return the arrows that a shallow PC draws between categories, for the order search to start from.

    Scores of categories have many local optima. Following these arrows found a better one, or the same one sooner, on
    each of five published networks; among numbers the search needs no such help.
    """
    if table.blocks.distinct is None:
        return None
    return orient(find_skeleton(table.test(table.weights), rules, table.alpha, START_DEPTH), rules).directed


def search_lingam(table: SearchTable) -> Findings:
    """DirectLiNGAM: causes come first by the shape of the noise (Shimizu et al. 2011)."""
    if table.numbers is None:
        raise FrameError("method 'lingam' needs columns of numbers with more than two values; use 'boss' or 'pc'")

    pattern, best = _orient_by_shape(table, table.weights)
    return Findings(pattern, lambda weights: _orient_by_shape(table, weights)[0], best=best)


def _orient_by_shape(table: SearchTable, weights: Floats) -> tuple[Pattern, Ordering]:
    """Return the class of the graph that the order by shape gives, with the arrows that the shape is sure of."""
    from causal.search.nongaussian import exogenous_order
    from causal.search.ordersearch import must_precede, pick_parents
    from causal.search.shapes import shape_leads

    assert table.numbers is not None
    relaxed = allow_latent(table.rules)
    moments = table.moments(weights, plain=True)
    score = gaussian_score(moments, relaxed)
    order = exogenous_order(table.numbers, weights, must_precede(relaxed))
    best = pick_parents(score, relaxed, order)
    directed, latent = split_latent(score, best.directed, table.rules)
    pattern = equivalence_class(directed, latent, table.rules)
    leads = shape_leads(table, weights, directed, pattern.undirected & directed)
    sure = {pair: z for pair, z in leads.items() if z > SURE}
    forbidden = table.rules.forbidden.copy()
    for a, b in sure:
        forbidden[b, a] = True
    result = equivalence_class(directed, latent, replace(table.rules, forbidden=forbidden))
    for pair, z in sure.items():
        result.reasons[pair] = f"the shape of the noise (z = {z:.1f})"
    return result, best


def soft_notes(table: SearchTable, method: str) -> tuple[Note, ...]:
    """Return a note on what a method makes of the soft confidence, if there is any."""
    rules = table.rules
    soft = (rules.prior != NEUTRAL) & ~rules.required & ~rules.forbidden
    if not soft.any():
        return ()
    told = {
        "boss": "their log-odds are added to the score of every graph that holds the edge",
        "lingam": "their log-odds are added to the score that picks the parents, and do not move the order",
    }
    said = told.get(method, f"{method!r} does not weigh them in its search; use 'boss' for that")
    columns = tuple(table.names[i] for i in np.flatnonzero(soft.any(axis=0) | soft.any(axis=1)))
    also = "Where the data leave a direction open, they decide it in the consensus."
    return (Note("soft", columns, f"{int(soft.sum())} confidences below certainty: {said}. {also}"),)
