"""The search of causal-learn on the same correlations, as a cross-check of our own.

Hides how knowledge is passed to that library and how its graph is read. Only its skeleton and separating sets are
taken: its orientation can return a directed cycle and passes over required edges in silence.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from causal.independence import BlockTest
from causal.meek import Rules
from causal.moments import Moments
from causal.skeleton import Skeleton

__all__ = ["search_with_causal_learn"]

Floats = NDArray[np.float64]


def search_with_causal_learn(moments: Moments, rules: Rules, alpha: float) -> Skeleton:
    """Return the skeleton that causal-learn's PC-stable finds with our test.

    Parameters
    ----------
    moments : Moments
        Correlations of d columns.
    rules : Rules
        Required edges are added and pairs keep to the tiers in our own orientation afterwards; the library
        itself searches without knowledge.
    alpha : float
        Level of each test.
    """
    from causallearn.utils.cit import CIT_Base
    from causallearn.utils.PCUtils import SkeletonDiscovery

    width = len(rules.tiers)
    ours = BlockTest(moments)

    class Adapter(CIT_Base):  # type: ignore[misc]
        """Our test behind the library's interface."""

        method = "block"

        def __init__(self) -> None:
            super().__init__(np.empty((2, width)))

        def __call__(self, first: int, second: int, given: Any = None) -> float:
            held = np.array([sorted(given)] if given else [[]], dtype=np.intp)
            pair = np.array([first], dtype=np.intp), np.array([second], dtype=np.intp)
            return float(ours.p_values(*pair, held)[0])

    found = SkeletonDiscovery.skeleton_discovery(
        np.empty((2, width)), alpha, Adapter(), stable=True, verbose=False, show_progress=False
    )
    adjacent = np.asarray(found.G.graph) != 0
    return _read_separators(found, adjacent, ours)


def _read_separators(found: Any, adjacent: NDArray[np.bool_], ours: BlockTest) -> Skeleton:
    skeleton = Skeleton(adjacent | adjacent.T, {}, {})
    for a, b in np.argwhere(np.triu(~skeleton.adjacent, 1)):
        listed = found.sepset[a, b]
        separator = tuple(int(c) for c in listed[0]) if listed else ()
        held = np.array([separator], dtype=np.intp).reshape(1, -1)
        skeleton.separators[(int(a), int(b))] = separator
        ends = np.array([a], dtype=np.intp), np.array([b], dtype=np.intp)
        skeleton.strength[(int(a), int(b))] = float(ours.p_values(*ends, held)[0])
    return skeleton
