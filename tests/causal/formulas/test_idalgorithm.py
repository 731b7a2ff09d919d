from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from causal import CausalGraph
from causal.formulas.expressions import Fraction, Probability, Product, Sum, fraction, marginalize, product
from causal.formulas.idalgorithm import Hedge, identify_distribution
from causal.graph import GraphError
from causal.graphs.districts import project

NAMES = tuple("abcde")


@st.composite
def mixed_graphs(draw, size=5):
    names = NAMES[:size]
    pairs = list(combinations(names, 2))
    edges = [pair for pair in pairs if draw(st.booleans())]
    latent = draw(st.sets(st.sampled_from(pairs), max_size=4))
    x, y = draw(st.permutations(names))[:2]
    return CausalGraph(names, edges, bidirected_edges=latent), x, y


def binary_model(graph, rng):
    """A factor per node over (parents, own latent causes, node), nodes and latents as numbered axes."""
    latents = graph.in_order(graph.bidirected_edges)
    axis = {name: i for i, name in enumerate((*graph.nodes, *latents))}
    factors = []
    for name in graph.nodes:
        causes = [axis[p] for p in graph.parents(name)] + [axis[pair] for pair in latents if name in pair]
        chance = rng.uniform(0.1, 0.9, (2,) * len(causes))
        factors.append((name, (*causes, axis[name]), np.stack([1 - chance, chance], axis=-1)))
    factors += [(pair, (axis[pair],), rng.dirichlet([2, 2])) for pair in latents]
    return axis, factors


def joint_of(graph, model, without=()):
    """The joint over observed nodes; factors of nodes that are set are left out."""
    _, factors = model
    used = [item for factor in factors if factor[0] not in without for item in (factor[2], list(factor[1]))]
    total = [np.ones((2,) * len(graph.nodes)), list(range(len(graph.nodes)))]
    return np.einsum(*used, *total, list(range(len(graph.nodes))))


@settings(max_examples=150)
@given(mixed_graphs(), st.integers(0, 2**31))
def test_a_formula_gives_the_truth_on_any_model(case, seed):
    graph, x, y = case
    found = identify_distribution(graph, [x], [y])
    if isinstance(found, Hedge):
        return
    model = binary_model(graph, np.random.default_rng(seed))
    kept = tuple(i for i, name in enumerate(graph.nodes) if name not in (x, y))
    value = found.evaluate(joint_of(graph, model), graph.nodes)
    truth = joint_of(graph, model, without=(x,)).sum(axis=kept, keepdims=True)
    assert np.broadcast_to(value, joint_of(graph, model).shape) == pytest.approx(
        np.broadcast_to(truth, joint_of(graph, model).shape), abs=1e-9
    )


@settings(max_examples=150)
@given(mixed_graphs())
def test_a_hedge_is_what_it_claims_to_be(case):
    """F holds the treatment, F' does not; both are one district; everything in F leads into the root of F'."""
    graph, x, y = case
    found = identify_distribution(graph, [x], [y])
    if not isinstance(found, Hedge):
        return
    mixed = project(graph)
    assert found.root < found.nodes and x in found.nodes - found.root
    assert len(mixed.within(found.nodes).districts()) == len(mixed.within(found.root).districts()) == 1
    assert found.nodes <= mixed.ancestors(found.root)
    assert found.root <= mixed.ancestors([y], set_nodes=[x])


@settings(max_examples=100)
@given(mixed_graphs(), st.sets(st.sampled_from(NAMES), max_size=2))
def test_projection_keeps_ancestors_and_formulas(case, hidden):
    graph, x, y = case
    hidden -= {x, y}
    mixed = project(graph, hidden)
    for name in mixed.nodes:
        assert mixed.ancestors([name]) == (graph.ancestors(name) | {name}) - hidden
    found = identify_distribution(graph, [x], [y], hidden)
    if isinstance(found, Hedge):
        return
    assert not found.free & hidden
    assert not isinstance(identify_distribution(graph, [x], [y]), Hedge)


@pytest.mark.parametrize(
    ("edges", "latent", "formula"),
    [
        (["zx", "zy", "xy"], [], "sum_{z} P(z) P(y | x, z)"),
        (["xz", "zy"], ["xy"], "sum_{z} P(z | x) sum_{x'} P(x') P(y | x', z)"),
        (["wr", "rx", "xy"], ["wx", "wy"], "[sum_{w} P(w) P(x | r, w) P(y | r, w, x)] / [sum_{w} P(w) P(x | r, w)]"),
        (["yx"], [], "P(y)"),
    ],
)
def test_formulas_read_as_in_the_literature(edges, latent, formula):
    graph = CausalGraph(sorted({*"".join(edges)}), map(tuple, edges), bidirected_edges=map(tuple, latent))
    assert str(identify_distribution(graph, "x", "y")) == formula


def test_several_treatments_are_set_together():
    graph = CausalGraph("abcy", [("a", "b"), ("b", "y"), ("a", "y"), ("c", "y")], bidirected_edges=[("a", "b")])
    assert str(identify_distribution(graph, ["a", "b"], ["y"])) == "sum_{c} P(c) P(y | a, b, c)"


def test_wrong_questions_are_refused():
    with pytest.raises(GraphError, match="no direction"):
        identify_distribution(CausalGraph("ab", [], [("a", "b")]), "a", "b")
    with pytest.raises(GraphError, match="different observed"):
        identify_distribution(CausalGraph("ab", [("a", "b")]), "a", "a")
    with pytest.raises(GraphError, match="'c'"):
        identify_distribution(CausalGraph("abc", [("a", "b")]), "a", "c", latent=["c"])


def test_expressions_shorten_themselves():
    a, b = Probability(("a",), ("b",)), Probability(("b",))
    assert fraction(product([a, b]), b) == a
    assert fraction(Probability(("a", "b")), b) == a
    assert marginalize(product([a, b]), ["a"]) == b
    assert marginalize(b, ["b"]) == Product()
    assert str(Sum(("b",), product([a, b]))) == "sum_{b} P(a | b) P(b)"
    ratio = Fraction(b, Sum(("b",), a))
    assert str(product([ratio, a])) == "([P(b)] / [sum_{b'} P(a | b')]) P(a | b)"


def test_conditioning_on_the_impossible_gives_nan():
    joint = np.array([[0.5, 0.5], [0.0, 0.0]])
    assert np.isnan(Probability(("b",), ("a",)).evaluate(joint, ("a", "b"))[1]).all()
