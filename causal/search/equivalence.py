"""From one directed acyclic graph to the class of graphs that data and knowledge cannot tell from it.

Hides the detour: colliders of the graph become separating sets, and the orientation that PC uses does the rest, so
every method ends with arrows that stand for the same thing (an MPDAG, Perković 2017).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from causal.search.meek import Rules
from causal.search.orientation import Pattern, extend, orient
from causal.search.skeleton import Skeleton

__all__ = ["equivalence_class", "orient_marks", "random_member"]

Booleans = NDArray[np.bool_]


def equivalence_class(directed: Booleans, latent: Booleans, rules: Rules) -> Pattern:
    """Return the graph of all that is common to the graphs equivalent to one, within what is known.

    Parameters
    ----------
    directed : ndarray of bool, shape (d, d)
        Acyclic, and within the knowledge.
    latent : ndarray of bool, shape (d, d)
        Symmetric: pairs that may cause each other in neither direction and depend on each other nevertheless.
    rules : Rules
    """
    into = directed | latent
    return orient_marks(into | into.T, into, rules)


def orient_marks(adjacent: Booleans, into: Booleans, rules: Rules) -> Pattern:
    """Orient adjacencies whose colliders are known.

    Parameters
    ----------
    adjacent : ndarray of bool, shape (d, d)
        Symmetric.
    into : ndarray of bool, shape (d, d)
        ``[a, b]``: the edge between the two has an arrowhead at b. Only the arrowheads that meet in a column, from
        columns that are not adjacent, are drawn, and only where knowledge permits; all else follows from them.
    rules : Rules
    """
    heads = into.astype(np.float32)
    meeting = (heads @ heads.T) > 0  # pairs without a common arrowhead have no collider to draw
    skeleton = Skeleton(adjacent, {}, {})
    for a, b in np.argwhere(np.triu(meeting & ~adjacent, 1)).tolist():
        shared = adjacent[a] & adjacent[b] & ~(into[a] & into[b])
        skeleton.separators[(a, b)] = tuple(np.flatnonzero(shared).tolist())
        skeleton.strength[(a, b)] = 1.0
    return orient(skeleton, rules)


def random_member(directed: Booleans, rules: Rules, rng: np.random.Generator, labels: NDArray[np.intp]) -> Booleans:
    """Return another graph of the class of one.

    Parameters
    ----------
    directed : ndarray of bool, shape (d, d)
    rules : Rules
    rng : Generator
    labels : ndarray of int, shape (d,)
        Columns in an order that does not depend on how the table lists them; random numbers are dealt out along it.
    """
    preference = np.empty(directed.shape)
    preference[np.ix_(labels, labels)] = rng.random(directed.shape)
    pattern = equivalence_class(directed, np.zeros_like(directed), rules)
    return extend(pattern, rules, preference).directed
