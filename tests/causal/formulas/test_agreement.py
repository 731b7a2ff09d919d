from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from causal import CausalGraph, Knowledge, discover, identify
from causal.formulas.agreement import share_of_bootstraps
from causal.formulas.backdoor import is_valid_adjustment
from causal.formulas.criterion import Criterion
from causal.graph import GraphError
from causal.graphs.bitgraph import BitGraph
from causal.graphs.resamples import pack_resamples
from causal.search.meek import compile_rules
from causal.search.orientation import Pattern, orient
from causal.search.skeleton import Skeleton

NAMES = tuple("abcde")


def marks(graph):
    """The three matrices of a graph, as a bootstrap leaves them."""
    index = {name: i for i, name in enumerate(graph.nodes)}
    kinds = {}
    for kind in ("edges", "undirected_edges", "bidirected_edges"):
        matrix = np.zeros((len(index), len(index)), dtype=bool)
        for a, b in getattr(graph, kind):
            matrix[index[a], index[b]] = True
        kinds[kind] = matrix if kind == "edges" else matrix | matrix.T
    return SimpleNamespace(
        directed=kinds["edges"], undirected=kinds["undirected_edges"], bidirected=kinds["bidirected_edges"]
    )


def class_of(dag):
    """The CPDAG of a DAG: its own separating sets, oriented as discovery does."""
    steps = marks(dag).directed
    skeleton = Skeleton(steps | steps.T, {}, {})
    for a in range(len(steps)):
        for b in range(a + 1, len(steps)):
            if not skeleton.adjacent[a, b]:
                earlier, later = (b, a) if dag.nodes[a] in dag.descendants(dag.nodes[b]) else (a, b)
                skeleton.separators[(a, b)] = tuple(int(c) for c in np.flatnonzero(steps[:, later]))
                skeleton.strength[(a, b)] = 1.0 + earlier
    pattern: Pattern = orient(skeleton, compile_rules(Knowledge(), dag.nodes))
    names = dag.nodes
    pairs = [[(names[a], names[b]) for a, b in np.argwhere(m)] for m in (pattern.directed, np.triu(pattern.undirected))]
    return CausalGraph(names, *pairs)


def dags(seed, runs):
    rng = np.random.default_rng(seed)
    order = rng.permutation(NAMES)
    for _ in range(runs):
        upper = np.triu(rng.random((5, 5)) < 0.5, 1)
        yield CausalGraph(NAMES, [(str(order[a]), str(order[b])) for a, b in np.argwhere(upper)])


@settings(max_examples=60)
@given(st.integers(0, 2**31), st.booleans(), st.sets(st.sampled_from(NAMES), max_size=3))
def test_the_share_is_what_asking_every_graph_gives(seed, closed, chosen):
    drawn = [class_of(dag) if closed else dag for dag in dags(seed, 8)]
    chosen -= {"a", "b"}
    valid = [is_valid_adjustment(graph, "a", "b", chosen) for graph in drawn]
    carrier = CausalGraph(NAMES, bootstraps=pack_resamples(marks(graph) for graph in drawn))
    assert share_of_bootstraps(carrier, "a", "b", chosen) == pytest.approx(np.mean(valid))


@settings(max_examples=40)
@given(st.integers(0, 2**31), st.sets(st.sampled_from(NAMES), max_size=3))
def test_graphs_that_no_search_should_leave_are_asked_one_by_one(seed, chosen):
    """Any marks: cycles of open edges, latent common causes, open edges that cannot be directed."""
    rng = np.random.default_rng(seed)
    drawn = []
    for _ in range(9):
        kinds = np.triu(rng.choice(4, size=(5, 5), p=(0.4, 0.25, 0.2, 0.15)), 1)
        open_edges, latent = (np.asarray((kinds == kind) | (kinds == kind).T) for kind in (2, 3))
        drawn.append(SimpleNamespace(directed=kinds == 1, undirected=open_edges, bidirected=latent))
    chosen -= {"a", "b"}
    resamples = pack_resamples(drawn)
    given_bits = sum(1 << NAMES.index(name) for name in chosen)
    one_by_one = [
        Criterion.pose(BitGraph.from_edges(5, *(np.argwhere(m).tolist() for m in vars(g).values())), 0, 1, 1)
        for g in drawn
    ]
    expected = np.mean([criterion.accepts(given_bits) for criterion in one_by_one])
    found = share_of_bootstraps(CausalGraph(NAMES, bootstraps=resamples), "a", "b", chosen)
    assert found == pytest.approx(expected)


def test_an_estimand_from_a_discovered_graph_says_how_stable_it_is():
    rng = np.random.default_rng(1)
    wealth, hobby = rng.normal(size=(2, 1500))
    contact = wealth + 0.09 * hobby + rng.normal(size=1500)
    frame = pd.DataFrame({"wealth": wealth, "hobby": hobby, "contact": contact})
    frame["buys"] = 2 * contact + wealth + hobby + rng.normal(size=1500)
    known = Knowledge({"wealth": 0, "hobby": 0, "contact": 1, "buys": 2}, {("contact", "buys")})
    graph = discover(frame, known, bootstraps=40, rng=0)
    found = identify(graph, "contact", "buys")
    assert found.stability == 1.0
    assert share_of_bootstraps(graph, "contact", "buys", ["wealth", "hobby"]) == 1.0
    assert share_of_bootstraps(graph, "contact", "buys", ["hobby"]) == 0.0
    assert 0.1 < share_of_bootstraps(graph, "contact", "buys", ["wealth"]) < 0.9


def test_without_bootstraps_there_is_no_share():
    graph = CausalGraph("ab", [("a", "b")])
    assert identify(graph, "a", "b").stability is None
    assert share_of_bootstraps(graph, "a", "b", []) is None
    with pytest.raises(GraphError, match="'c'"):
        share_of_bootstraps(graph, "a", "b", ["c"])
