"""From a table and what is known to a causal graph.

Hides which method looks for the edges, and how its answer is checked: every result is held against the knowledge before
it is returned. The libraries that offer these methods ignore required edges, take no knowledge at all, may return a
cycle, or lose the parents of the later column of a pair; they are here as a cross-check only.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from causal.encoding import FrameError
from causal.graph import CausalGraph, Note
from causal.graphs.resamples import Resamples
from causal.knowledge import Knowledge
from causal.search.edgeprobability import OF_CATEGORIES, edge_probability
from causal.search.orientation import Pattern, extend
from causal.search.searches import Findings, search_boss, search_lingam, search_pc, soft_notes
from causal.search.searchtable import SearchTable, prepare_table
from causal.search.stability import Frequencies, agree, count_edges

__all__ = ["METHODS", "discover"]

METHODS = ("auto", "pc", "boss", "lingam", "fci", "causal-learn-pc", "causal-learn-ges", "causal-learn-grasp")
FEW_ROWS = 5.0
WORKERS = 2

Pair = tuple[str, str]


def discover(
    frame: pd.DataFrame,
    knowledge: Knowledge | None = None,
    method: str = "auto",
    bootstraps: int = 100,
    alpha: float = 0.01,
    weights: ArrayLike | None = None,
    clusters: Iterable[Any] | None = None,
    rng: int | np.random.Generator | None = None,
    progress: bool | None = None,
    workers: int | None = None,
) -> CausalGraph:
    """Find the causal graph of the columns of a table, within what is known.

    Parameters
    ----------
    frame : DataFrame, n rows
        Numeric, boolean or categorical columns, without ids. Gaps are allowed.
    knowledge : Knowledge, optional
        Tiers, required and forbidden edges; kept without exception. An adjacency whose two directions are both
        forbidden becomes bidirected: a latent common cause.
    method : str
        ``"auto"`` picks by column types, size and normality and says why in a note. ``"pc"`` is PC-stable, the fastest.
        Its cost grows with the number of neighbours k of a column, at most as ``d^2 k^5``: on numbers in a dense graph
        (ten neighbours or more) it takes longer than ``"boss"``, and separates less.
        ``"boss"`` searches the best order by score, which finds more of the graph where nothing latent is at work.
        ``"lingam"`` reads directions off the shape of the noise of linear effects between numbers. ``"fci"`` allows for
        latent common causes everywhere; use it as a check, on up to about 20 columns. ``"causal-learn-pc"``,
        ``"causal-learn-ges"`` and ``"causal-learn-grasp"`` run the searches of that library on the same correlations;
        they know nothing beforehand, and their graph is brought to a near permitted one. They and FCI repeat their
        whole search for each bootstrap, which takes minutes beyond 20 columns.
    bootstraps : int
        Runs behind ``.confidence`` and ``.consensus``; with 0 there is no confidence and the consensus is a
        member of the equivalence class.
    alpha : float
        Level of each independence test; a search by score has none.
    weights : array-like of float, shape (n,), optional
        Non-negative row weights, for example one over the probability that a control was drawn.
    clusters : iterable, n entries, optional
        Customer of each row. Bootstraps draw whole customers, and tests count effective rows.
    rng : int, Generator or None
        Source of the bootstraps.
    progress : bool, optional
        Whether to report the bootstraps on stderr; by default on a terminal, once a second has passed.
    workers : int, optional
        Threads for the bootstraps, 2 by default where there are as many cores. The result does not depend on it.

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
    Assumption: faithfulness, and but for FCI no latent common cause but those that knowledge makes visible. Without it
    an arrow may stand for a latent common cause.

    ``knowledge.confidence`` is soft. ``"boss"`` adds its log-odds to the score of each edge; PC does not weigh it.
    Every method lets it decide, in the consensus, the directions that the data leave open. Where the data say the
    opposite of the order that knowledge gives as a whole, a note of kind ``order`` says so, and the searches by score
    and by shape ask about single pairs too: hard knowledge is kept, soft confidence is not used.

    References
    ----------
    Colombo & Maathuis (2014), Order-independent constraint-based causal structure learning, JMLR 15.
    Andrews, Ramsey & Cooper (2019), Learning high-dimensional directed acyclic graphs with mixed data-types.
    Andrews, Ramsey, Sanchez-Romero, Camchong & Kummerfeld (2023), Fast scalable and accurate discovery of DAGs using
    the best order score search and grow-shrink trees, NeurIPS 36.
    Shimizu et al. (2011), DirectLiNGAM: a direct method for learning a linear non-Gaussian structural equation model.

    Examples
    --------
    >>> draw = np.random.default_rng(0).normal(size=(3, 2000))
    >>> frame = pd.DataFrame({"price": draw[0], "contact": draw[1]})
    >>> frame["spend"] = frame["contact"] - frame["price"] + draw[2]
    >>> sorted(discover(frame, bootstraps=0).edges)
    [('contact', 'spend'), ('price', 'spend')]
    """
    _check_arguments(method, bootstraps, alpha, workers)
    known = Knowledge() if knowledge is None else knowledge
    if not isinstance(known, Knowledge):
        raise FrameError(
            f"knowledge is of type {type(known).__name__}; give causal.Knowledge(tiers=..., forbidden=...)"
        )
    table = prepare_table(frame, known, alpha, weights, clusters)
    notes = [*table.blocks.notes]
    if method == "auto":
        from causal.search.selection import choose_method

        method, said = choose_method(table)
        notes.append(said)
    notes += soft_notes(table, method)
    table, findings = _search(table, method)
    notes += findings.notes
    frequencies = None
    consensus = extend(findings.pattern, table.rules)
    if bootstraps > 0:
        generator = np.random.default_rng(rng)
        frequencies = count_edges(
            findings.again,
            table.weights,
            table.clusters,
            int(bootstraps),
            generator,
            progress,
            _threads(method, workers),
        )
        if method != "fci":  # the vote of the bootstraps is on causes and would direct a latent common cause
            consensus = agree(frequencies, findings.pattern, table.rules)
    confidence = {} if frequencies is None else _confidence(frequencies, table, method)
    bootstrapped = None if frequencies is None else frequencies.graphs
    graph = _assemble(table, known, findings.pattern, consensus, confidence, bootstrapped, notes)
    _check_output(graph, known)
    return graph


def _check_arguments(method: str, bootstraps: object, alpha: object, workers: object) -> None:
    if method not in METHODS:
        raise FrameError(f"method {method!r} is unknown; choose one of {list(METHODS)}")
    if not _is_whole(bootstraps, 0):
        raise FrameError(f"bootstraps is {bootstraps!r}; give a whole number, 0 for none")
    if not isinstance(alpha, (int, float, np.number)) or not 0.0 < float(alpha) < 1.0:
        raise FrameError(f"alpha is {alpha!r}; it is a level between 0 and 1, such as 0.01")
    if workers is not None and not _is_whole(workers, 1):
        raise FrameError(f"workers is {workers!r}; give a whole number from 1 on")


def _is_whole(number: object, least: int) -> bool:
    return isinstance(number, (int, float, np.number)) and float(number).is_integer() and float(number) >= least


def _threads(method: str, workers: int | None) -> int:
    if method.startswith("causal-learn"):
        return 1  # that library makes no promise about threads
    return min(WORKERS, os.cpu_count() or 1) if workers is None else workers


def _search(table: SearchTable, method: str) -> tuple[SearchTable, Findings]:
    """Search, hear what the data say against the order that is known, and search again without refuted confidence."""
    findings = _SEARCHES[method](table)
    rules = table.rules
    ordered = (rules.forbidden & ~rules.forbidden.T).any() or soft_notes(table, method)
    if not ordered:
        return table, findings
    from causal.search.objections import find_objections, glance

    if findings.best is None:
        return table, replace(findings, notes=(*glance(table), *findings.notes))

    found = find_objections(table, findings.best)
    if (found.rules.prior != rules.prior).any():
        table = replace(table, rules=found.rules)
        findings = _SEARCHES[method](table)
    return table, replace(findings, notes=(*found.notes, *findings.notes))


def _search_fci(table: SearchTable) -> Findings:
    from causal.search.latent import search_fci

    return search_fci(table)


def _search_with(name: str) -> Callable[[SearchTable], Findings]:
    """Return a search of causal-learn, imported when it is run."""

    def search(table: SearchTable) -> Findings:
        from causal.search import peers

        chosen: Callable[[SearchTable], Findings] = getattr(peers, name)
        return chosen(table)

    return search


_SEARCHES: Mapping[str, Callable[[SearchTable], Findings]] = {
    "pc": search_pc,
    "boss": search_boss,
    "lingam": search_lingam,
    "fci": _search_fci,
    "causal-learn-pc": _search_with("search_peer_pc"),
    "causal-learn-ges": _search_with("search_peer_ges"),
    "causal-learn-grasp": _search_with("search_peer_grasp"),
}


def _assemble(
    table: SearchTable,
    knowledge: Knowledge,
    pattern: Pattern,
    consensus: Pattern,
    confidence: Mapping[Pair, Mapping[str, float]],
    graphs: Resamples | None,
    said: list[Note],
) -> CausalGraph:
    names = table.names
    notes = [*said, *_size_notes(table), *_latent_notes(pattern, names, knowledge)]
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
        graphs,
    )


def _pairs(matrix: NDArray[np.bool_], names: tuple[str, ...]) -> list[Pair]:
    return [(names[a], names[b]) for a, b in np.argwhere(matrix)]


def _confidence(frequencies: Frequencies, table: SearchTable, method: str) -> dict[Pair, dict[str, float]]:
    names, rules = table.names, table.rules
    search = method + OF_CATEGORIES * (table.blocks.distinct is not None)
    sure = edge_probability(frequencies.adjacent, frequencies.runs, search)
    sure[rules.required | rules.required.T] = 1.0
    found = {}
    for a, b in np.argwhere(frequencies.adjacent > 0):
        share = float(frequencies.adjacent[a, b])
        orientation = float(frequencies.pointing[a, b]) / share
        said = {"edge": float(sure[a, b]), "share": share, "orientation": orientation}
        found[(names[a], names[b])] = {what: round(value, 6) for what, value in said.items()}
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


def _size_notes(table: SearchTable) -> list[Note]:
    d = len(table.names)
    smallest = float(table.size.min())
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
        if not (knowledge.forbids(*pair) and knowledge.forbids(*pair[::-1])):
            if not (pattern.directed[a, b] or pattern.directed[b, a]):
                notes.append(Note("latent", pair, f"{pair[0]} <-> {pair[1]}: neither causes the other, by FCI."))
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
