"""Searches of causal-learn on the same correlations, as a cross-check of our own.

Hides how that library is called and how its graphs are read. Its PC can return a directed cycle and passes over
required edges in silence; its GES and GRaSP take no knowledge at all. So only adjacencies, separating sets and marks
are taken, and our own orientation brings them to the nearest graph that knowledge permits.
"""

from __future__ import annotations

import contextlib
import io
from typing import Any

import numpy as np
from numpy.typing import NDArray

from causal.encoding import FrameError
from causal.graph import Note
from causal.search.equivalence import orient_marks
from causal.search.meek import Rules
from causal.search.orientation import Pattern, orient
from causal.search.searches import Findings
from causal.search.searchtable import SearchTable
from causal.search.skeleton import IndependenceTest, Skeleton

__all__ = ["adapt_test", "search_peer_ges", "search_peer_grasp", "search_peer_pc"]

BIC = 0.5

Booleans = NDArray[np.bool_]
Floats = NDArray[np.float64]


def adapt_test(test: IndependenceTest, width: int) -> Any:
    """Return our test behind the interface of causal-learn's tests, for d columns."""
    from causallearn.utils.cit import CIT_Base

    class Adapter(CIT_Base):  # type: ignore[misc]
        """One p-value at a time."""

        method = "block"

        def __init__(self) -> None:
            super().__init__(np.empty((2, width)))

        def __call__(self, first: int, second: int, given: Any = None) -> float:
            held = np.array([sorted(given)] if given else [[]], dtype=np.intp)
            pair = np.array([first], dtype=np.intp), np.array([second], dtype=np.intp)
            return float(test.p_values(*pair, held)[0])

    return Adapter()


def search_peer_pc(table: SearchTable) -> Findings:
    """PC-stable as causal-learn runs it, with our tests; it searches without knowledge."""

    def search(weights: Floats) -> Pattern:
        return orient(_peer_skeleton(table.test(weights), table.rules, table.alpha), table.rules)

    return Findings(search(table.weights), search)


def search_peer_ges(table: SearchTable) -> Findings:
    """GES (Chickering 2002) as causal-learn runs it."""
    from causallearn.search.ScoreBased.GES import ges

    def search(weights: Floats) -> Pattern:
        if table.codes is not None:
            codes = _plain_codes(table, weights)
            found = ges(codes, score_func="local_score_BDeu")["G"]
        else:
            correlation, n = _plain_correlation(table, weights)
            found = ges(None, "local_score_BIC_from_cov", cov=correlation, n=n, lambda_value=BIC)["G"]
        return project(np.asarray(found.graph), table.rules)

    return Findings(search(table.weights), search, _projection_notes(table, "GES"))


def search_peer_grasp(table: SearchTable) -> Findings:
    """GRaSP (Lam, Andrews & Ramsey 2022) as causal-learn runs it."""
    from causallearn.search.PermutationBased.GRaSP import grasp

    def search(weights: Floats) -> Pattern:
        with contextlib.redirect_stdout(io.StringIO()):
            if table.codes is not None:
                found = grasp(_plain_codes(table, weights), "local_score_BDeu", verbose=False)
            else:
                rows = _rows_with(*_plain_correlation(table, weights))
                found = grasp(rows, "local_score_BIC_from_cov", verbose=False)
        return project(np.asarray(found.graph), table.rules)

    return Findings(search(table.weights), search, _projection_notes(table, "GRaSP"))


def project(marks: NDArray[Any], rules: Rules) -> Pattern:
    """Bring a graph in causal-learn's marks to a near one that knowledge permits.

    Adjacencies stay, required ones are added, and a pair that may be joined in neither direction becomes bidirected.
    The colliders stay that knowledge permits; all other arrows follow from them and from the knowledge.

    Parameters
    ----------
    marks : ndarray of int, shape (d, d)
        ``[b, a] = 1`` and ``[a, b] = -1`` for ``a -> b``, both -1 for ``a -- b``.
    rules : Rules
    """
    arrows = (marks.T == 1) & (marks == -1)
    joined = (marks != 0) | (marks.T != 0) | rules.required | rules.required.T
    return orient_marks(joined, arrows, rules)


def _peer_skeleton(ours: IndependenceTest, rules: Rules, alpha: float) -> Skeleton:
    """Return the skeleton that causal-learn's PC-stable finds with our test."""
    from causallearn.utils.PCUtils import SkeletonDiscovery

    width = len(rules.tiers)
    found = SkeletonDiscovery.skeleton_discovery(
        np.empty((2, width)), alpha, adapt_test(ours, width), stable=True, verbose=False, show_progress=False
    )
    adjacent = np.asarray(found.G.graph) != 0
    skeleton = Skeleton(adjacent | adjacent.T, {}, {})
    for a, b in np.argwhere(np.triu(~skeleton.adjacent, 1)):
        listed = found.sepset[a, b]
        separator = tuple(int(c) for c in listed[0]) if listed else ()
        held = np.array([separator], dtype=np.intp).reshape(1, -1)
        skeleton.separators[(int(a), int(b))] = separator
        ends = np.array([a], dtype=np.intp), np.array([b], dtype=np.intp)
        skeleton.strength[(int(a), int(b))] = float(ours.p_values(*ends, held)[0])
    return skeleton


def _plain_correlation(table: SearchTable, weights: Floats) -> tuple[Floats, int]:
    """Return one correlation for each pair of columns, and the rows it is worth."""
    moments = table.moments(weights)
    width = np.diff(moments.starts)
    if width.max(initial=0) > 1:
        wide = table.names[int(np.argmax(width))]
        raise FrameError(f"this search reads numbers only or categories only, and {wide!r} is among others; use 'boss'")
    correlation = np.eye(len(width))
    filled = np.flatnonzero(width)
    correlation[np.ix_(filled, filled)] = moments.correlation
    return correlation, int(moments.size.min())


def _rows_with(correlation: Floats, n: int) -> Floats:
    """Return n rows that have exactly this correlation, for a search that only reads rows."""
    draw = np.random.default_rng(0).normal(size=(max(n, len(correlation) + 2), len(correlation)))
    frame, _ = np.linalg.qr(draw - draw.mean(axis=0))
    values, vectors = np.linalg.eigh(correlation)
    rows: Floats = frame @ (vectors * np.sqrt(np.maximum(values, 1e-9))).T * np.sqrt(len(draw))
    return rows


def _plain_codes(table: SearchTable, weights: Floats) -> NDArray[Any]:
    """Return the level numbers with whole weights written out as copies."""
    assert table.codes is not None
    copies = np.rint(weights / weights[weights > 0].min()).astype(np.intp)
    if not np.allclose(copies * weights[weights > 0].min(), weights) or table.clusters is not None:
        raise FrameError("this search counts whole rows and takes neither weights nor clusters; use 'boss' or 'pc'")
    return np.repeat(table.codes.astype(np.int64), copies, axis=0)


def _projection_notes(table: SearchTable, name: str) -> tuple[Note, ...]:
    rules = table.rules
    if not rules.forbidden.any() and not rules.required.any():
        return ()
    said = "searches without knowledge: its graph was brought to a near one that the knowledge permits"
    return (Note("projection", (), f"{name} {said}."),)
