"""Pairs that may cause each other in neither direction and still depend on each other.

Hides how a search that knows only causes leaves room for a latent common cause: such a pair may be joined during the
search, so that its dependence does not have to be explained by other edges, and the edge becomes bidirected at the
end. Searching among graphs with latent causes (FCI, GFCI) was considered; it gives up most directions for the few
pairs that knowledge singles out anyway.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from causal.search.meek import Rules
from causal.search.scores import Score

__all__ = ["allow_latent", "split_latent"]

Booleans = NDArray[np.bool_]

BETTER = 1e-7


def allow_latent(rules: Rules) -> Rules:
    """Return rules under which the pairs forbidden in both directions may be joined, along the tiers."""
    against_tiers = rules.tiers[:, None] > rules.tiers[None, :]
    both = rules.forbidden & rules.forbidden.T
    np.fill_diagonal(both, False)
    return replace(rules, forbidden=rules.forbidden & (~both | against_tiers))


def split_latent(score: Score, directed: Booleans, rules: Rules) -> tuple[Booleans, Booleans]:
    """Take the edges that stand for a latent common cause out of a graph.

    Parameters
    ----------
    score : Score
        Of the search that found the graph.
    directed : ndarray of bool, shape (d, d)
        A graph under :func:`allow_latent`.
    rules : Rules
        The knowledge itself.

    Returns
    -------
    directed : ndarray of bool, shape (d, d)
        Within the knowledge; the ends of a latent cause keep only the parents they need without each other.
    latent : ndarray of bool, shape (d, d)
        Symmetric.
    """
    stand_in = directed & rules.forbidden
    if not stand_in.any():
        return directed, np.zeros_like(directed)
    parents = (directed & ~stand_in).T.copy()
    rows = np.flatnonzero(stand_in.any(axis=0))
    while len(rows):
        change = np.where(parents[rows], score.toggle(rows, parents[rows], removals=True), -np.inf)
        worst = change.argmax(axis=1)
        useless = change[np.arange(len(rows)), worst] > BETTER
        rows, worst = rows[useless], worst[useless]
        parents[rows, worst] = False
    latent = stand_in | stand_in.T
    _turn_to_colliders(score, parents, latent, rules)
    return parents.T.copy(), latent


def _turn_to_colliders(score: Score, parents: Booleans, latent: Booleans, rules: Rules) -> None:
    """Turn ``b -> c`` to ``c -> b`` where ``a <-> b`` and nothing but b joins a and c, although they are unrelated.

    Only edges are turned whose two directions say the same without the latent cause (same other parents).
    """
    for a, b in np.argwhere(latent).tolist():
        adjacent = parents | parents.T | latent
        for c in np.flatnonzero(parents[:, b] & ~adjacent[a]).tolist():
            others = parents[c].copy()
            others[b] = False
            if c == a or rules.forbidden[c, b] or rules.required[b, c] or (others != parents[b]).any():
                continue
            related = score.toggle(np.array([a]), parents[[a]])[0, c]
            unrelated = score.toggle(np.array([c]), others[None])[0, a] if np.isneginf(related) else related
            if -np.inf < unrelated <= 0.0:
                parents[c, b], parents[b, c] = False, True
