"""What pgmpy says of the same graphs; it brings torch, so the whole file is slow to start."""

from __future__ import annotations

from itertools import combinations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from causal import CausalGraph, minimal_adjustment_sets
from causal.graph import GraphError

pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings("ignore")]
pytest.importorskip("pgmpy")

NAMES = tuple("abcde")


@st.composite
def directed_graphs(draw):
    names = draw(st.permutations(NAMES))
    return CausalGraph(NAMES, [pair for pair in combinations(names, 2) if draw(st.booleans())])


@settings(max_examples=40)
@given(directed_graphs(), st.sets(st.sampled_from(list(combinations(NAMES, 2))), max_size=3), st.booleans())
def test_objects_keep_the_edges(graph, pairs, open_):
    joined = {frozenset(edge) for edge in graph.edges}
    free = [pair for pair in pairs if frozenset(pair) not in joined]
    graph = CausalGraph(NAMES, graph.edges, free if open_ else (), () if open_ else pairs)
    assert CausalGraph.from_pgmpy(graph.to_pgmpy()) == graph


def test_latent_names_never_clash():
    with pytest.raises(GraphError, match="rename"):
        CausalGraph(["a", "b", "a<->b"], bidirected_edges=[("a", "b")]).to_pgmpy()


@settings(max_examples=60)
@given(directed_graphs(), st.permutations(NAMES))
def test_its_smallest_set_is_among_our_minimal_ones(graph, order):
    from pgmpy.identification import Adjustment

    treatment, outcome = order[:2]
    if outcome not in graph.descendants(treatment):
        return
    asked = graph.to_pgmpy().with_role("exposures", {treatment}).with_role("outcomes", {outcome})
    answered, found = Adjustment(variant="minimal").identify(asked)
    ours = minimal_adjustment_sets(graph, treatment, outcome)
    assert found == bool(len(ours))
    if found:
        theirs = tuple(sorted(answered.get_role_dict().get("adjustment", ())))
        # Its smallest set may be a mediator (a -> c -> d beside e -> a, e -> c gives {c}); ours never is.
        after = set(graph.descendants(treatment))
        assert (theirs in set(ours)) == after.isdisjoint(theirs)


def test_it_reads_our_bif():
    from pgmpy.readwrite import BIFReader

    graph = CausalGraph("abc", [("a", "b"), ("c", "b")])
    model = BIFReader(string=graph.to_bif({"a": ["x", "y", "z"]})).get_model()
    assert set(model.edges()) == graph.edges
    assert model.check_model()
