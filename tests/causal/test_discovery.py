from __future__ import annotations

import networkx as nx
import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from causal import CausalGraph, Knowledge, KnowledgeError, discover
from causal.encoding import FrameError

NAMES = tuple("abcdef")
MARKET = Knowledge(
    tiers={"age": 0, "wealth": 0, "past": 1, "contact": 2, "visit": 3, "buys": 4, "ticket": 5},
    forbidden={("wealth", "age"), ("age", "wealth")},
    provenance={("age", "wealth"): "a rule"},
)


def market(n=4000, seed=0):
    """Mixed columns from known equations; age and wealth share a cause that is not in the table."""
    rng = np.random.default_rng(seed)
    cohort = rng.normal(size=n)
    age = cohort + rng.normal(size=n)
    wealth = cohort + rng.normal(size=n)
    past = 0.8 * wealth + rng.normal(size=n)
    contact = rng.random(n) < 1 / (1 + np.exp(-1.5 * past))
    visit = rng.random(n) < 1 / (1 + np.exp(1 - 2.0 * contact))
    buys = 0.8 * visit + 0.6 * wealth + rng.normal(size=n)
    ticket = np.digitize(buys + rng.normal(size=n), [-1, 1])
    return pd.DataFrame(
        {"age": age, "wealth": wealth, "past": past, "contact": contact, "visit": visit, "buys": buys,
         "ticket": pd.Categorical.from_codes(ticket, ["few", "some", "many"])}
    )  # fmt: skip


TRUTH = {
    ("wealth", "past"), ("past", "contact"), ("contact", "visit"), ("visit", "buys"), ("wealth", "buys"),
    ("buys", "ticket"),
}  # fmt: skip


def linear_table(draw, size):
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    weights = np.triu(rng.normal(size=(size, size)) * (rng.random((size, size)) < 0.5), 1)
    values = rng.normal(size=(120, size)) @ np.linalg.inv(np.eye(size) - weights)
    return pd.DataFrame(values[:, rng.permutation(size)], columns=list(NAMES[:size]))


@st.composite
def tables_and_knowledge(draw):
    size = draw(st.integers(3, 6))
    names = st.sampled_from(NAMES[:size])
    pairs = st.tuples(names, names).filter(lambda pair: pair[0] != pair[1])
    tiers = draw(st.dictionaries(names, st.integers(0, 2)))
    forbidden = draw(st.sets(pairs, max_size=8))
    order = draw(st.permutations(NAMES[:size]))
    required = {
        (a, b)
        for a, b in draw(st.sets(pairs, max_size=2))
        if order.index(a) < order.index(b) and not Knowledge(tiers, set(), forbidden).forbids(a, b)
    }
    try:
        known = Knowledge(tiers, required, forbidden)
    except KnowledgeError:  # two required edges that lead to an earlier tier by way of a column without one
        known = Knowledge(tiers, set(), forbidden)
    return linear_table(draw, size), known


@settings(max_examples=60, deadline=None)
@given(tables_and_knowledge(), st.sampled_from([0, 5]))
def test_no_result_ever_breaks_the_knowledge(case, bootstraps):
    frame, known = case
    graph = discover(frame, known, "pc", bootstraps=bootstraps, alpha=0.2, rng=0)
    for result in (graph, graph.consensus):
        assert nx.is_directed_acyclic_graph(nx.DiGraph(list(result.edges)))
        assert not [pair for pair in result.edges if known.forbids(*pair)]
        assert known.required <= result.edges
        for a, b in result.undirected_edges:
            assert not known.forbids(a, b)
            assert not known.forbids(b, a)
    assert not graph.consensus.undirected_edges


@settings(max_examples=40, deadline=None)
@given(tables_and_knowledge())
def test_the_extension_keeps_every_adjacency_and_arrow(case):
    frame, known = case
    graph = discover(frame, known, "pc", bootstraps=0, alpha=0.2)
    assert graph.edges <= graph.consensus.edges
    for a in graph.nodes:
        for b in graph.nodes:
            assert a == b or graph.adjacent(a, b) == graph.consensus.adjacent(a, b)


def test_a_market_is_recovered_and_the_latent_cause_is_bidirected():
    graph = discover(market(), MARKET, bootstraps=20, rng=0)
    assert graph.edges == TRUTH
    assert graph.bidirected_edges == {("age", "wealth")}
    assert graph.consensus.edges == TRUTH
    latent = next(note for note in graph.notes if note.kind == "latent")
    assert latent.columns == ("age", "wealth")
    assert "a rule" in latent.sentence
    for pair in TRUTH:
        assert graph.confidence[pair]["edge"] > 0.9
        assert graph.confidence[pair]["orientation"] == 1.0
        assert graph.confidence[pair[::-1]]["orientation"] == 0.0
    assert "tier" in graph.provenance[("contact", "visit")]


def test_without_knowledge_the_collider_is_oriented_and_the_chain_left_open():
    rng = np.random.default_rng(0)
    left, right, noise = rng.normal(size=(3, 3000))
    frame = pd.DataFrame({"left": left, "right": right, "effect": left + right + noise})
    assert discover(frame, bootstraps=0).edges == {("left", "effect"), ("right", "effect")}
    chain = pd.DataFrame({"a": left, "b": left + right})
    chain["c"] = chain["b"] + noise
    graph = discover(chain, bootstraps=0)
    assert graph.edges == set()
    assert graph.undirected_edges == {("a", "b"), ("b", "c")}
    assert len(graph.consensus.edges) == 2


def test_the_later_tier_of_a_pair_bounds_the_separating_set():
    """early -> late is separated only by a parent of late that is of a later tier than early."""
    rng = np.random.default_rng(1)
    early = rng.normal(size=3000)
    middle = early + rng.normal(size=3000)
    frame = pd.DataFrame({"early": early, "middle": middle, "late": middle + rng.normal(size=3000)})
    graph = discover(frame, Knowledge(tiers={"early": 0, "middle": 1, "late": 2}), bootstraps=0)
    assert graph.edges == {("early", "middle"), ("middle", "late")}


def test_a_required_edge_stays_where_the_data_see_none():
    rng = np.random.default_rng(2)
    frame = pd.DataFrame(rng.normal(size=(500, 3)), columns=list("abc")).assign(same=1.0)
    known = Knowledge(required={("a", "b"), ("same", "c")}, provenance={("a", "b"): "the contract"})
    graph = discover(frame, known, bootstraps=5, rng=0)
    assert graph.edges == {("a", "b"), ("same", "c")}
    assert graph.confidence[("a", "b")] == {"edge": 1.0, "share": 1.0, "orientation": 1.0}
    assert "the contract" in graph.provenance[("a", "b")]


def test_same_seed_same_bytes_and_another_seed_differs():
    frame = market(300)
    graphs = [discover(frame, bootstraps=10, alpha=0.1, rng=seed).to_json() for seed in (1, 1, 2)]
    assert graphs[0] == graphs[1]
    assert graphs[0] != graphs[2]


def test_the_order_of_rows_and_columns_does_not_matter():
    frame = market(1500)
    shuffled = frame.sample(frac=1.0, random_state=0)
    turned = discover(shuffled[list(frame.columns[::-1])], MARKET, bootstraps=0)
    graph = discover(frame, MARKET, bootstraps=0)
    assert graph.edges == turned.edges
    assert {frozenset(p) for p in graph.undirected_edges} == {frozenset(p) for p in turned.undirected_edges}


def test_rows_of_weight_zero_do_not_count():
    frame = market(1500)
    noise = frame.sample(frac=1.0, random_state=0).assign(buys=0.0, wealth=5.0)
    both = pd.concat([frame, noise], ignore_index=True)
    weights = np.repeat([1.0, 0.0], 1500)
    assert discover(both, MARKET, bootstraps=0, weights=weights).edges == discover(frame, MARKET, bootstraps=0).edges


def test_copies_of_a_customer_are_no_new_evidence():
    """Ten rows of each of 150 customers must not make noise significant."""
    rng = np.random.default_rng(3)
    customers = np.repeat(np.arange(150), 10)
    false, fooled = 0, 0
    for _ in range(20):
        frame = pd.DataFrame(rng.normal(size=(150, 4))[customers], columns=list("abcd"))
        adjacent = discover(frame, method="pc", bootstraps=0, clusters=customers)
        blind = discover(frame, method="pc", bootstraps=0)
        false += len(adjacent.edges | adjacent.undirected_edges)
        fooled += len(blind.edges | blind.undirected_edges)
    assert false <= 5
    assert fooled >= 40


def test_odd_columns_stay_isolated_and_named():
    frame = market(800).assign(same="x")
    frame["double"] = frame["age"] * 3
    graph = discover(frame, bootstraps=3, rng=0)
    for name in ("same", "double"):
        assert not [p for p in (*graph.edges, *graph.undirected_edges) if name in p]
    assert {note.kind for note in graph.notes} >= {"constant", "duplicate"}
    assert CausalGraph.from_json(graph.to_json()) == graph


def test_a_sum_of_two_columns_does_not_break_the_search():
    rng = np.random.default_rng(5)
    frame = pd.DataFrame(rng.normal(size=(500, 3)), columns=list("abc"))
    frame["sum"] = frame["a"] + frame["b"]
    graph = discover(frame, Knowledge(tiers={"a": 0, "b": 0, "c": 0, "sum": 1}), bootstraps=3, rng=0)
    assert {("a", "sum"), ("b", "sum")} <= graph.edges


def test_unknown_names_are_refused_before_anything_is_computed():
    with pytest.raises(KnowledgeError, match=r"'Contact' \(did you mean 'contact'\?\)"):
        discover(market(100), Knowledge(required={("Contact", "buys")}))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"method": "magic"}, "choose one of"),
        ({"alpha": 2}, "level between"),
        ({"bootstraps": -1}, "whole number"),
        ({"weights": [1.0]}, "one weight per row"),
        ({"weights": np.full(100, -1.0)}, "not negative"),
        ({"clusters": [1]}, "one cluster"),
        ({"clusters": np.zeros(100)}, "all rows are of one cluster"),
        ({"clusters": [None, *range(99)]}, "no cluster"),
    ],
)
def test_arguments_are_checked(arguments, message):
    with pytest.raises(FrameError, match=message):
        discover(market(100), **arguments)


def test_progress_goes_to_stderr(capsys):
    discover(market(100), bootstraps=2, rng=0, progress=True)
    said = capsys.readouterr()
    assert said.out == ""
    assert "2 of 2" in said.err


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
def test_the_search_of_causal_learn_agrees():
    for seed in range(3):
        frame = market(2000, seed)
        ours, theirs = (discover(frame, bootstraps=0, method=m) for m in ("pc", "causal-learn-pc"))
        assert {frozenset(p) for p in ours.edges | ours.undirected_edges} == {
            frozenset(p) for p in theirs.edges | theirs.undirected_edges
        }
