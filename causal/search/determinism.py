"""What a test says about a column that another column determines, such as a region beside its city.

Given the city, the region is independent of everything, so every edge of the region would go, also where the region
is the cause. Answering "says nothing" keeps all of them, also those that only stand in for the city's. The question is
turned round instead: does the city still matter once the region is known? If it does, the region stands in for it and
its edge may go; if not, the region carries the dependence and keeps its edge. Luo's (2006) association-set search and
the D-separation of Geiger, Verma & Pearl (1990) were considered: the first needs thresholds on predicted accuracy, the
second the graph that is being looked for.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

__all__ = ["ask_the_other_way"]

DEPENDENT = 0.01

Booleans = NDArray[np.bool_]
Floats = NDArray[np.float64]
Integers = NDArray[np.intp]


def ask_the_other_way(
    test: Callable[[Integers, Integers, Integers], Floats],
    determines: Booleans,
    triples: tuple[Integers, Integers, Integers],
    values: Floats,
) -> Floats:
    """Answer the tests in which the one column conditioned on determines an end.

    Parameters
    ----------
    test : callable
        From columns of shapes (M,), (M,) and (M, 1) to p-values.
    determines : ndarray of bool, shape (d, d)
        ``[c, a]``: column c determines column a, and is not determined by it.
    triples : tuple of ndarray of int, shapes (N,), (N,) and (N, k)
        The tests asked for. Sets of more than one column are left alone: they may determine a common effect, whose
        edges must stay.
    values : ndarray of float, shape (N,)
        Their p-values so far; left unchanged.

    Returns
    -------
    ndarray of float, shape (N,)
        With 1 where the end stands in for what determines it, and 0 where it does not.
    """
    first, second, given = triples
    if given.shape[1] != 1 or not determines.any():
        return values
    middle = given[:, 0]
    result = values.copy()
    decided = np.flatnonzero(determines[middle, first] | determines[middle, second])
    stands_in = np.ones(len(decided), dtype=bool)
    for end, other in ((first, second), (second, first)):
        rows = np.flatnonzero(determines[middle[decided], end[decided]])
        if not len(rows):
            continue
        asked = decided[rows]
        still = test(middle[asked], other[asked], end[asked, None]) <= DEPENDENT
        stands_in[rows] &= still & ~determines[end[asked], other[asked]]
    result[decided] = stands_in
    return result
