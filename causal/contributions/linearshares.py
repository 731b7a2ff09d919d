"""do-Shapley values of linear equations in closed form: one matrix, read off the paths of the graph.

Hides the algebra. With ``X_j = a_j + sum_i B_ij X_i + noise``, a path of ``m`` arrows from i to the outcome with the
product ``w`` of its slopes counts in a coalition if i is set and no node inside the path is. The Shapley value of that
game gives ``w (x_i - mu_i) / m`` to i and takes ``w (x_i - mu_i) / (m (m - 1))`` from each inner node, whose own
deviation already holds it. Paths of equal length add up to powers of B, so no coalition and no path is listed: the cost
is ``d^3`` times the square of the longest path, for any number of causes.

Enumerating coalitions and multiplying (one matrix as well) was considered; it needs the irreducible coalitions, of
which a graph of forty causes has too many.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

__all__ = ["LinearRoutes", "linear_routes"]

Floats = NDArray[np.float64]


class LinearRoutes:
    """Matrices that turn deviations from the mean into do-Shapley values, by the arrow that a cause acts through.

    Parameters
    ----------
    features : tuple of str
        Causes of the outcome.
    routes : mapping of (cause, next node) to ndarray of float, shape (number of features,)
        ``deviations @ vector`` is the share of the cause that passes through the arrow.
    """

    def __init__(self, features: tuple[str, ...], routes: dict[tuple[str, str], Floats]) -> None:
        self.features = features
        self.routes = routes

    @property
    def matrix(self) -> Floats:
        """``deviations @ matrix.T`` are the do-Shapley values, shape (number of features, number of features)."""
        total = np.zeros((len(self.features), len(self.features)))
        for (cause, _), vector in self.routes.items():
            total[self.features.index(cause)] += vector
        return total


def linear_routes(features: Sequence[str], outcome: str, slopes: dict[tuple[str, str], float]) -> LinearRoutes:
    """Work out the routes of linear equations.

    Parameters
    ----------
    features : sequence of str
        Causes of the outcome.
    outcome : str
    slopes : mapping of (cause, effect) to float
        Slope of every arrow between them.

    Examples
    --------
    >>> found = linear_routes(["mail", "visit"], "buy", {("mail", "visit"): 2.0, ("visit", "buy"): 3.0})
    >>> found.matrix.tolist()  # mail: half of 6; visit: 3 of its own deviation, less half of what mail brought
    [[3.0, 0.0], [-3.0, 3.0]]
    """
    names = tuple(features)
    place = {name: number for number, name in enumerate((*names, outcome))}
    step = np.zeros((len(place), len(place)))
    for (cause, effect), slope in slopes.items():
        step[place[cause], place[effect]] = slope
    powers = [np.eye(len(place))]
    while len(powers) <= len(names) + 1 and powers[-1].any():
        powers.append(powers[-1] @ step)
    last = place[outcome]
    routes: dict[tuple[str, str], Floats] = {}
    for (cause, effect), slope in slopes.items():
        k = place[cause]
        vector = np.zeros(len(place))
        for later, power in enumerate(powers):  # `later` arrows from the effect to the outcome
            way = slope * power[place[effect], last]
            if way == 0.0:
                continue
            m = later + 1
            vector[k] += way / m
            for earlier, before in enumerate(powers[1:], start=1):
                vector -= way * before[:, k] / ((earlier + m) * (earlier + m - 1))
        routes[cause, effect] = vector[:-1]
    return LinearRoutes(names, routes)
