"""From a table and what is known to a causal graph.

Hides which algorithm looks for the edges, which test it asks, and how its answer is checked. The default is our
own PC-stable: the libraries that offer PC ignore required edges, may return a cycle, or lose the parents of the
later column of a pair. Tables of categories are tested by G², all others by the degenerate Gaussian likelihood
ratio. Score-based search (GES, BOSS) was considered; its implementations take no tiers.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from causal.contingency import TableTest, category_codes
from causal.encoding import FrameError
from causal.graph import CausalGraph, Note
from causal.independence import BlockTest
from causal.knowledge import Knowledge
from causal.meek import Rules, compile_rules
from causal.moments import Blocks, effective_sizes, encode_blocks, measure_moments
from causal.orientation import Pattern, extend, orient
from causal.skeleton import IndependenceTest, find_skeleton
from causal.stability import Frequencies, agree, count_edges

__all__ = ["METHODS", "discover"]

METHODS = ("auto", "pc", "causal-learn-pc")
MAX_DEPTH = 5
FEW_ROWS = 5.0

Floats = NDArray[np.float64]
Integers = NDArray[np.intp]
Pair = tuple[str, str]


@dataclass(frozen=True)
class _Sample:
    """A table made ready for the search, with the rows' weights and clusters."""

    blocks: Blocks
    weights: Floats
    clusters: Integers | None
    size: Floats
    rules: Rules
    alpha: float
    codes: Integers | None

    def search(self, weights: Floats) -> Pattern:
        """Run PC-stable under given row weights."""
        test: IndependenceTest
        if self.codes is not None:
            test = TableTest(self.codes, weights, self.size)
        else:
            test = BlockTest(measure_moments(self.blocks, weights, self.size))
        return orient(find_skeleton(test, self.rules, self.alpha, MAX_DEPTH), self.rules)


def discover(
    frame: pd.DataFrame,
    knowledge: Knowledge | None = None,
    method: str = "auto",
    bootstraps: int = 100,
    alpha: float = 0.01,
    weights: ArrayLike | None = None,
    clusters: Iterable[Any] | None = None,
    rng: int | np.random.Generator | None = None,
    progress: bool = False,
) -> CausalGraph:
    """Find the causal graph of the columns of a table, within what is known.

    Parameters
    ----------
    frame : DataFrame, n rows
        Numeric, boolean or categorical columns, without ids. Gaps are allowed.
    knowledge : Knowledge, optional
        Tiers, required and forbidden edges; kept without exception. An adjacency whose two directions are both
        forbidden becomes bidirected: a latent common cause.
    method : {"auto", "pc", "causal-learn-pc"}
        ``"auto"`` is ``"pc"``, PC-stable. The third runs the search of causal-learn on the same correlations
        and is there to cross-check; it takes at most a few thousand tests per second and no bootstraps.
    bootstraps : int
        Runs behind ``.confidence`` and ``.consensus``; with 0 there is no confidence and the consensus is a
        member of the equivalence class.
    alpha : float
        Level of each independence test.
    weights : array-like of float, shape (n,), optional
        Non-negative row weights, for example one over the probability that a control was drawn.
    clusters : iterable, n entries, optional
        Customer of each row. Bootstraps draw whole customers, and tests count effective rows.
    rng : int, Generator or None
        Source of the bootstraps.
    progress : bool
        Whether to report the bootstraps on stderr.

    Returns
    -------
    CausalGraph
        ``.edges``, ``.undirected_edges`` and ``.bidirected_edges`` from all rows, ``.confidence`` and
        ``.consensus`` from the bootstraps (themselves in ``.bootstraps``), ``.notes`` on columns that needed care.

    Raises
    ------
    KnowledgeError
        When the knowledge names columns that the table lacks.
    FrameError
        When a column or an argument cannot be used.

    Notes
    -----
    Assumption: faithfulness, and no latent common cause but those that knowledge makes visible. Without it an
    arrow may stand for a latent common cause.

    References
    ----------
    Colombo & Maathuis (2014), Order-independent constraint-based causal structure learning, JMLR 15.
    Andrews, Ramsey & Cooper (2019), Learning high-dimensional directed acyclic graphs with mixed data-types.

    Examples
    --------
    >>> draw = np.random.default_rng(0).normal(size=(3, 2000))
    >>> frame = pd.DataFrame({"price": draw[0], "contact": draw[1]})
    >>> frame["spend"] = frame["contact"] - frame["price"] + draw[2]
    >>> sorted(discover(frame, bootstraps=0).edges)
    [('contact', 'spend'), ('price', 'spend')]
    """
    _check_arguments(method, bootstraps, alpha)
    known = knowledge if knowledge is not None else Knowledge()
    sample = _prepare(frame, known, alpha, weights, clusters)
    pattern = _search(sample, method)
    frequencies = None
    consensus = extend(pattern, sample.rules)
    if bootstraps > 0:
        generator = np.random.default_rng(rng)
        frequencies = count_edges(sample.search, sample.weights, sample.clusters, bootstraps, generator, progress)
        consensus = agree(frequencies, pattern, sample.rules)
    graph = _assemble(sample, known, pattern, consensus, frequencies)
    _check_output(graph, known)
    return graph


def _check_arguments(method: str, bootstraps: int, alpha: float) -> None:
    if method not in METHODS:
        raise FrameError(f"method {method!r} is unknown; choose one of {list(METHODS)}")
    if bootstraps < 0 or int(bootstraps) != bootstraps:
        raise FrameError(f"bootstraps is {bootstraps!r}; give a whole number, 0 for none")
    if not 0.0 < alpha < 1.0:
        raise FrameError(f"alpha is {alpha!r}; it is a level between 0 and 1, such as 0.01")


def _prepare(
    frame: pd.DataFrame,
    knowledge: Knowledge,
    alpha: float,
    weights: ArrayLike | None,
    clusters: Iterable[Any] | None,
) -> _Sample:
    if isinstance(frame, pd.DataFrame):
        knowledge.check_names([str(name) for name in frame.columns])
    blocks = encode_blocks(frame)
    row_weights = _read_weights(weights, len(frame))
    codes = _read_clusters(clusters, len(frame))
    size = effective_sizes(blocks, row_weights, codes)
    rules = compile_rules(knowledge, blocks.names)
    return _Sample(blocks, row_weights, codes, size, rules, alpha, category_codes(blocks))


def _read_weights(weights: ArrayLike | None, n: int) -> Floats:
    if weights is None:
        return np.ones(n)
    values = np.asarray(weights, dtype=np.float64)
    if values.shape != (n,):
        raise FrameError(f"weights have shape {values.shape}, the table {n} rows; give one weight per row")
    if not np.isfinite(values).all() or (values < 0).any() or values.sum() <= 0:
        wrong = values[~(np.isfinite(values) & (values >= 0))][:3].tolist()
        raise FrameError(f"weights must be finite, not negative and not all zero; found {wrong}")
    return values


def _read_clusters(clusters: Iterable[Any] | None, n: int) -> Integers | None:
    if clusters is None:
        return None
    values = pd.Series(list(clusters), dtype=object)
    if len(values) != n:
        raise FrameError(f"{len(values)} clusters for {n} rows; give one cluster (customer) per row")
    codes, found = pd.factorize(values)
    if (codes < 0).any():
        raise FrameError(f"{int((codes < 0).sum())} rows have no cluster; name the customer of every row")
    if len(found) < 2:
        raise FrameError("all rows are of one cluster; nothing can be learned about other customers")
    return np.asarray(codes, dtype=np.intp)


def _search(sample: _Sample, method: str) -> Pattern:
    if method == "causal-learn-pc":
        from causal.peers import search_with_causal_learn

        moments = measure_moments(sample.blocks, sample.weights, sample.size)
        return orient(search_with_causal_learn(moments, sample.rules, sample.alpha), sample.rules)
    return sample.search(sample.weights)


def _assemble(
    sample: _Sample,
    knowledge: Knowledge,
    pattern: Pattern,
    consensus: Pattern,
    frequencies: Frequencies | None,
) -> CausalGraph:
    names = sample.blocks.names
    confidence = {} if frequencies is None else _confidence(frequencies, names)
    notes = [*sample.blocks.notes, *_size_notes(sample), *_latent_notes(pattern, names, knowledge)]
    agreed = CausalGraph(
        names,
        _pairs(consensus.directed, names),
        (),
        _pairs(np.triu(consensus.bidirected), names),
        confidence,
        provenance=_provenance(consensus, names, knowledge),
    )
    return CausalGraph(
        names,
        _pairs(pattern.directed, names),
        _pairs(np.triu(pattern.undirected), names),
        _pairs(np.triu(pattern.bidirected), names),
        confidence,
        agreed,
        _provenance(pattern, names, knowledge),
        notes,
        None if frequencies is None else frequencies.graphs,
    )


def _pairs(matrix: NDArray[np.bool_], names: tuple[str, ...]) -> list[Pair]:
    return [(names[a], names[b]) for a, b in np.argwhere(matrix)]


def _confidence(frequencies: Frequencies, names: tuple[str, ...]) -> dict[Pair, dict[str, float]]:
    found = {}
    for a, b in np.argwhere(frequencies.adjacent > 0):
        edge = float(frequencies.adjacent[a, b])
        orientation = float(frequencies.pointing[a, b]) / edge
        found[(names[a], names[b])] = {"edge": round(edge, 6), "orientation": round(orientation, 6)}
    return found


def _provenance(pattern: Pattern, names: tuple[str, ...], knowledge: Knowledge) -> dict[Pair, str]:
    said = {}
    for (a, b), reason in pattern.reasons.items():
        pair = (names[a], names[b])
        if reason == "required":
            reason = knowledge.reason(*pair)
        elif reason == "the other direction is forbidden":
            reason = f"{pair[1]} -> {pair[0]} is ruled out: {knowledge.reason(*pair[::-1])}"
        said[pair] = reason
    return said


def _size_notes(sample: _Sample) -> list[Note]:
    d = len(sample.blocks.names)
    smallest = float(sample.size.min())
    if smallest >= FEW_ROWS * d:
        return []
    said = f"Only {smallest:.0f} effective rows for {d} columns: absent edges prove little."
    return [Note("sample", (), said)]


def _latent_notes(pattern: Pattern, names: tuple[str, ...], knowledge: Knowledge) -> list[Note]:
    notes = []
    conflicts = {frozenset(pair) for pair in pattern.conflicts}
    for a, b in np.argwhere(np.triu(pattern.bidirected)):
        pair = (names[a], names[b])
        if frozenset((int(a), int(b))) in conflicts:
            said = "the only permitted direction would close a cycle"
            notes.append(Note("conflict", pair, f"{pair[0]} <-> {pair[1]}: {said}."))
            continue
        said = f"both directions are ruled out ({knowledge.reason(*pair)}; {knowledge.reason(*pair[::-1])})"
        sentence = f"{pair[0]} and {pair[1]} depend on each other although {said}: a latent common cause."
        notes.append(Note("latent", pair, sentence))
    return notes


def _check_output(graph: CausalGraph, knowledge: Knowledge) -> None:
    """Hold every result against the knowledge; a failure is a defect of this package, never of the data."""
    for result in (graph, graph.consensus):
        broken = knowledge.violations(result) if result is not None else ["there is no consensus"]
        if broken:
            raise AssertionError(f"discovery broke its own rules: {broken[:3]}; please report this")
