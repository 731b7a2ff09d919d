"""The searches that are compared: ours, and those of causal-learn and pgmpy with whatever knowledge they take.

Hides the interfaces of the two libraries. Each search takes a case and returns marks
(:mod:`benchmarks.graphsearch.distances`). Categories are handed over as level numbers. Knowledge is given in
the form a library documents; what it then does with it is what the table shows.
"""

from __future__ import annotations

import contextlib
import io
import logging
import signal
import time
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from types import FrameType

import numpy as np
import pandas as pd

from benchmarks.graphsearch.distances import ARROW, LATENT, LINE, graph_marks
from benchmarks.graphsearch.networks import Case
from causal import discover

__all__ = ["OURS", "Search", "peers_for", "timed"]

ALPHA = 0.01


@dataclass(frozen=True)
class Search:
    """A named search; ``takes_knowledge`` when it honours tiers and forbidden edges."""

    name: str
    run: Callable[[Case], np.ndarray]
    takes_knowledge: bool = True


def ours(method: str) -> Search:
    """Our own search by one method, without bootstraps."""

    def run(case: Case) -> np.ndarray:
        return graph_marks(discover(case.frame, case.knowledge, method=method, bootstraps=0, alpha=ALPHA))

    return Search(f"graphrec {method}", run)


OURS = {method: ours(method) for method in ("auto", "pc", "boss", "lingam")}


def peers_for(kind: str) -> list[Search]:
    """Return the peers for tables of one kind: ``discrete``, ``normal``, ``laplace`` or ``mixed``."""
    test = "chisq" if kind == "discrete" else "fisherz"
    constraint = [
        Search("causal-learn PC", lambda case: _causal_learn_pc(case, test)),
        Search("pgmpy PC", lambda case: _pgmpy_pc(case, "chi_square" if kind == "discrete" else "pearsonr")),
    ]
    if kind == "discrete":
        score = "bic-d"
        return [*constraint, Search("pgmpy hill climb", lambda case: _pgmpy_climb(case, score))]
    orders = [
        Search("causal-learn GRaSP", lambda case: _order_search(case, "grasp"), takes_knowledge=False),
        Search("causal-learn BOSS", lambda case: _order_search(case, "boss"), takes_knowledge=False),
    ]
    if kind == "laplace":
        return [constraint[0], Search("causal-learn DirectLiNGAM", _direct_lingam)]
    return [*constraint, *orders]


def timed(search: Search, case: Case, limit: float) -> tuple[np.ndarray | None, float]:
    """Run a search in silence: (marks, CPU seconds), or (None, limit) when it needs more CPU seconds than that."""

    def stop(_signal: int, _frame: FrameType | None) -> None:
        raise TimeoutError

    before = signal.signal(signal.SIGPROF, stop)
    signal.setitimer(signal.ITIMER_PROF, limit)
    start = time.process_time()
    try:
        with _silence():
            marks = search.run(case)
        return marks, time.process_time() - start
    except TimeoutError:
        return None, limit
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0.0)
        signal.signal(signal.SIGPROF, before)


@contextlib.contextmanager
def _silence() -> Iterator[None]:
    logging.disable(logging.WARNING)
    with warnings.catch_warnings(), contextlib.redirect_stdout(io.StringIO()):
        warnings.simplefilter("ignore")
        yield
    logging.disable(logging.NOTSET)


def _numbers(frame: pd.DataFrame) -> np.ndarray:
    columns = [
        column.cat.codes if isinstance(column.dtype, pd.CategoricalDtype) else column for _, column in frame.items()
    ]
    return np.column_stack(columns).astype(np.float64)


def _causal_learn_pc(case: Case, test: str) -> np.ndarray:
    from causallearn.graph.GraphNode import GraphNode
    from causallearn.search.ConstraintBased.PC import pc
    from causallearn.utils.PCUtils.BackgroundKnowledge import BackgroundKnowledge

    names = list(case.frame.columns)
    nodes = {name: GraphNode(name) for name in names}
    known = BackgroundKnowledge()
    for name, tier in case.knowledge.tiers.items():
        known.add_node_to_tier(nodes[name], tier)
    for a, b in case.knowledge.forbidden:
        known.add_forbidden_by_node(nodes[a], nodes[b])
    given = known if case.knowledge.names else None
    found = pc(
        _numbers(case.frame), ALPHA, test, background_knowledge=given, node_names=names, show_progress=False
    )  # fmt: skip
    return _endpoint_marks(found.G.graph)


def _endpoint_marks(ends: np.ndarray) -> np.ndarray:
    """Translate causal-learn's end points: -1 a tail and 1 an arrow head at the row's node."""
    marks = np.zeros(ends.shape, dtype=int)
    marks[(ends == -1) & (ends.T == 1)] = ARROW
    marks[(ends == -1) & (ends.T == -1)] = LINE
    marks[(ends == 1) & (ends.T == 1)] = LATENT
    return marks


def _order_search(case: Case, method: str) -> np.ndarray:
    from causallearn.search.PermutationBased.BOSS import boss
    from causallearn.search.PermutationBased.GRaSP import grasp

    search = {"boss": boss, "grasp": grasp}[method]
    found = search(_numbers(case.frame), score_func="local_score_BIC_from_cov", verbose=False)
    return _endpoint_marks(found.graph)


def _direct_lingam(case: Case) -> np.ndarray:
    from causallearn.search.FCMBased.lingam import DirectLiNGAM

    names = list(case.frame.columns)
    prior = np.full((len(names), len(names)), -1)
    tiers = case.knowledge.tiers
    for effect, row in zip(names, prior):
        # A prior of 0 speaks of every path, so only tiers may be handed over.
        row[[tiers.get(cause, 0) > tiers.get(effect, 0) for cause in names]] = 0
    np.fill_diagonal(prior, 0 if tiers else -1)
    model = DirectLiNGAM(prior_knowledge=prior if tiers else None)
    model.fit(_numbers(case.frame))
    return np.where(np.abs(model.adjacency_matrix_.T) > 0.05, ARROW, 0)


def _pgmpy_knowledge(case: Case) -> object:
    from pgmpy.causal_discovery import ExpertKnowledge

    if not case.knowledge.names:
        return None
    tiers = case.knowledge.tiers
    order = [[name for name in tiers if tiers[name] == level] for level in sorted(set(tiers.values()))]
    return ExpertKnowledge(forbidden_edges=sorted(case.knowledge.forbidden), temporal_order=order)


def _pgmpy_pc(case: Case, test: str) -> np.ndarray:
    from pgmpy.causal_discovery import PC

    search = PC(
        variant="stable", ci_test=test, significance_level=ALPHA, expert_knowledge=_pgmpy_knowledge(case),
        n_jobs=1, show_progress=False,
    )  # fmt: skip
    found = search.fit(case.frame).causal_graph_
    return _pgmpy_marks(found, tuple(case.frame.columns))


def _pgmpy_climb(case: Case, score: str) -> np.ndarray:
    from pgmpy.causal_discovery import HillClimbSearch

    search = HillClimbSearch(
        scoring_method=score, return_type="dag", expert_knowledge=_pgmpy_knowledge(case), show_progress=False
    )
    found = search.fit(case.frame).causal_graph_
    return _pgmpy_marks(found, tuple(case.frame.columns))


def _pgmpy_marks(graph: object, names: tuple[str, ...]) -> np.ndarray:
    place = {name: number for number, name in enumerate(names)}
    arrows = getattr(graph, "directed_edges", None)
    lines = getattr(graph, "undirected_edges", ())
    marks = np.zeros((len(names), len(names)), dtype=int)
    for a, b in graph.edges() if arrows is None else arrows:  # type: ignore[attr-defined]
        marks[place[a], place[b]] = ARROW
    for a, b in lines:
        marks[place[a], place[b]] = marks[place[b], place[a]] = LINE
    return marks
