"""What a causal graph says of data that it was not told: independences that can be tested.

Hides which independences are asked and how many tests are allowed for. Each missing edge implies that its two ends
are independent given the parents of the later one (ordered Markov property, Pearl 2009, sec. 1.2); every one of them is
tested with the partial-correlation test of :mod:`causal.search.independence`, with the correction of Holm 1979.
Comparing with graphs whose nodes are permuted (Eulig et al. 2023) was considered: it says whether a graph is better
than chance, not which of its missing edges is wrong.
"""

from __future__ import annotations

from itertools import combinations
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from causal.encoding import FrameError, require_columns
from causal.estimators.sample import read_clusters, read_weights
from causal.graph import CausalGraph
from causal.graphs.separation import directed_view
from causal.search.independence import BlockTest
from causal.search.moments import effective_sizes, encode_blocks, measure_moments

__all__ = ["check_implications", "implied_independences"]

Integers = NDArray[np.intp]


def implied_independences(graph: CausalGraph) -> list[tuple[str, str, tuple[str, ...]]]:
    """Return what the graph says is independent: (first, second, given), one per missing edge that implies one.

    Examples
    --------
    >>> implied_independences(CausalGraph("abc", [("a", "b"), ("b", "c")]))
    [('a', 'c', ('b',))]
    """
    directed = graph.consensus
    if directed is None:
        raise FrameError("the graph leaves directions open and has no consensus; state them as knowledge")
    view = directed_view(directed)
    found = []
    for first, second in combinations(directed.topological_order(), 2):
        given = directed.parents(second)
        if first not in given and not directed.adjacent(first, second) and view.separated(first, second, given):
            found.append((first, second, given))
    return found


def check_implications(
    frame: pd.DataFrame,
    graph: CausalGraph,
    weights: str | ArrayLike | None = None,
    clusters: str | ArrayLike | None = None,
) -> pd.DataFrame:
    """Test every independence that a graph implies.

    Parameters
    ----------
    frame : DataFrame, n rows
        Holds every node of the graph.
    graph : CausalGraph
    weights, clusters : as in :func:`causal.estimate_effect`

    Returns
    -------
    DataFrame
        Columns first, second, given, p_value and adjusted (Holm's), the most doubtful first.
    """
    implied = implied_independences(graph)
    names = list(dict.fromkeys(name for first, second, given in implied for name in (first, second, *given)))
    require_columns(frame, names)
    if not implied:
        return pd.DataFrame(columns=["first", "second", "given", "p_value", "adjusted"])
    blocks = encode_blocks(frame[names])
    row_weights = read_weights(frame, weights)
    groups = None if clusters is None else np.asarray(read_clusters(frame, clusters), dtype=np.intp)
    sizes = effective_sizes(blocks, row_weights, groups)
    test = BlockTest(measure_moments(blocks, row_weights, sizes))
    place = {name: number for number, name in enumerate(names)}
    p_values = [_ask(test, place, *statement) for statement in implied]
    table = pd.DataFrame(implied, columns=["first", "second", "given"]).assign(p_value=p_values)
    table = table.sort_values("p_value", kind="stable", ignore_index=True)
    steps = len(table) - np.arange(len(table))
    return table.assign(adjusted=np.minimum(np.maximum.accumulate(table["p_value"].to_numpy() * steps), 1.0))


def _ask(test: BlockTest, place: dict[str, int], first: str, second: str, given: tuple[str, ...]) -> float:
    held: Any = np.array([[place[name] for name in given]], dtype=np.intp)
    ends = [np.array([place[name]], dtype=np.intp) for name in (first, second)]
    return float(test.p_values(ends[0], ends[1], held)[0])
