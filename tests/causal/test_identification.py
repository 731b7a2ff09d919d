from __future__ import annotations

import json
from itertools import chain, combinations

import networkx as nx
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from causal import CausalGraph, Estimand, NotIdentifiable, identify
from causal.graph import GraphError
from causal.identification import descendants_of_treatment, is_valid_adjustment
from causal.knowledge import Knowledge
from causal.search.meek import compile_rules
from causal.search.orientation import Pattern, extend

NAMES = tuple("abcdef")


@st.composite
def random_dags(draw):
    size = draw(st.integers(3, 6))
    names = draw(st.permutations(NAMES[:size]))
    pairs = list(combinations(names, 2))
    edges = [pair for pair in pairs if draw(st.booleans())]
    hidden = draw(st.sets(st.sampled_from(names), max_size=2))
    treatment, outcome = draw(st.permutations(sorted(names)))[:2]
    return CausalGraph(sorted(names), edges), treatment, outcome, hidden - {treatment, outcome}


def subsets(names):
    names = sorted(names)
    return chain.from_iterable(combinations(names, k) for k in range(len(names) + 1))


def valid_by_definition(graph, treatment, outcome, chosen):
    """No descendant of the treatment, and d-separation without the first edges of causal paths (networkx)."""
    dag = graph.to_networkx()
    later = nx.descendants(dag, treatment) | (nx.descendants(dag, outcome) - nx.ancestors(dag, treatment))
    if set(chosen) & (later | {treatment, outcome}):
        return False
    towards = nx.ancestors(dag, outcome) | {outcome}
    dag.remove_edges_from([(treatment, c) for c in list(dag.successors(treatment)) if c in towards])
    return nx.is_d_separator(dag, {treatment}, {outcome}, set(chosen))


def linear_effects(graph, seed):
    """Random linear equations: the coefficient matrix and the covariance they imply, nothing sampled."""
    rng = np.random.default_rng(seed)
    index = {name: i for i, name in enumerate(graph.nodes)}
    weights = np.zeros((len(index), len(index)))
    for a, b in graph.edges:
        weights[index[a], index[b]] = rng.uniform(0.5, 1.5) * rng.choice([-1, 1])
    total = np.linalg.inv(np.eye(len(index)) - weights)
    return index, total, total.T @ np.diag(rng.uniform(0.5, 2.0, len(index))) @ total


def regression_coefficient(index, covariance, treatment, outcome, chosen):
    rows = [index[treatment], *(index[name] for name in chosen)]
    return np.linalg.solve(covariance[np.ix_(rows, rows)], covariance[rows, index[outcome]])[0]


@settings(max_examples=150, deadline=None)
@given(random_dags())
def test_validity_agrees_with_brute_force_on_every_subset(case):
    graph, treatment, outcome, hidden = case
    for chosen in subsets(set(graph.nodes) - {treatment, outcome}):
        expected = valid_by_definition(graph, treatment, outcome, chosen) and not hidden & set(chosen)
        assert is_valid_adjustment(graph, treatment, outcome, chosen, hidden) == expected


@settings(max_examples=100, deadline=None)
@given(random_dags(), st.sets(st.sampled_from(list(combinations(NAMES, 2))), max_size=3))
def test_a_bidirected_edge_is_a_hidden_common_cause_on_every_subset(case, pairs):
    graph, treatment, outcome, hidden = case
    pairs = [pair for pair in sorted(pairs) if set(pair) <= set(graph.nodes)]
    mixed = CausalGraph(graph.nodes, graph.edges, bidirected_edges=pairs)
    causes = {f"cause of {a} and {b}": (a, b) for a, b in pairs}
    named = CausalGraph(
        [*graph.nodes, *causes], [*graph.edges, *((cause, end) for cause, ends in causes.items() for end in ends)]
    )
    for chosen in subsets(set(graph.nodes) - {treatment, outcome}):
        expected = valid_by_definition(named, treatment, outcome, chosen) and not hidden & set(chosen)
        assert is_valid_adjustment(mixed, treatment, outcome, chosen, hidden) == expected


@settings(max_examples=300, deadline=None)
@given(random_dags(), st.integers(0, 2**32 - 1))
def test_the_set_found_gives_the_true_effect_and_is_refused_only_when_none_exists(case, seed):
    graph, treatment, outcome, hidden = case
    observed = set(graph.nodes) - hidden - {treatment, outcome}
    some = [s for s in subsets(observed) if valid_by_definition(graph, treatment, outcome, s)]
    try:
        found = identify(graph, treatment, outcome, latent=hidden)
    except NotIdentifiable as refusal:
        assert not some
        assert refusal.witness
        assert len(refusal.tried) >= 3
        return
    if found.method == "id":
        assert not some
        assert found.functional
        return
    index, total, covariance = linear_effects(graph, seed)

    def slope(cause, effect, given):
        return regression_coefficient(index, covariance, cause, effect, given)

    if found.method == "front-door":
        assert not some
        through = found.mediators
        estimate = sum(
            slope(treatment, m, ()) * slope(m, outcome, (treatment, *(other for other in through if other != m)))
            for m in through
        )
    elif found.method == "instrument":
        assert not some
        (lever,), held = found.instruments, found.adjustment_set
        estimate = slope(lever, outcome, held) / slope(lever, treatment, held)
    else:
        assert valid_by_definition(graph, treatment, outcome, found.adjustment_set)
        assert found.adjustment_set == tuple(sorted(found.adjustment_set))
        estimate = slope(treatment, outcome, found.adjustment_set)
    assert estimate == pytest.approx(total[index[treatment], index[outcome]], abs=1e-8)


@settings(max_examples=100, deadline=None)
@given(random_dags(), st.integers(0, 2**32 - 1))
def test_the_optimal_set_has_the_smallest_variance_of_all_valid_sets(case, seed):
    graph, treatment, outcome, _ = case
    if outcome not in graph.descendants(treatment):
        return
    found = identify(graph, treatment, outcome)
    assert found.method == "o-set"
    index, _, covariance = linear_effects(graph, seed)

    def variance(chosen):
        rest = [index[name] for name in chosen]
        of_outcome = residual(covariance, index[outcome], [index[treatment], *rest])
        return of_outcome / residual(covariance, index[treatment], rest)

    best = variance(found.adjustment_set)
    for chosen in subsets(set(graph.nodes) - {treatment, outcome}):
        if valid_by_definition(graph, treatment, outcome, chosen):
            assert best <= variance(chosen) + 1e-9


def residual(covariance, node, given):
    if not given:
        return covariance[node, node]
    across = covariance[given, node]
    return covariance[node, node] - across @ np.linalg.solve(covariance[np.ix_(given, given)], across)


def class_of(graph):
    """The CPDAG of a DAG: its skeleton and colliders, closed under Meek's rules."""
    from causal.search.orientation import _close, _draw_collider

    index = {name: i for i, name in enumerate(graph.nodes)}
    joined = np.zeros((len(index), len(index)), dtype=bool)
    for a, b in graph.edges:
        joined[index[a], index[b]] = joined[index[b], index[a]] = True
    pattern, rules = Pattern.from_adjacency(joined), compile_rules(Knowledge(), graph.nodes)
    for c in graph.nodes:
        for a, b in combinations(graph.parents(c), 2):
            if not graph.adjacent(a, b):
                _draw_collider(pattern, rules, (index[a], index[c], index[b]))
    _close(pattern, rules)
    pairs = {
        kind: [(graph.nodes[a], graph.nodes[b]) for a, b in np.argwhere(matrix)]
        for kind, matrix in (("directed", pattern.directed), ("open", np.triu(pattern.undirected)))
    }
    return CausalGraph(graph.nodes, pairs["directed"], pairs["open"])


def members(graph):
    """Every DAG with the same skeleton and colliders, by brute force."""
    skeleton = [tuple(sorted(edge)) for edge in graph.edges]
    colliders = collider_set(graph.edges)
    for flips in range(2 ** len(skeleton)):
        edges = [p[::-1] if flips >> i & 1 else p for i, p in enumerate(skeleton)]
        if nx.is_directed_acyclic_graph(nx.DiGraph(edges)) and collider_set(edges) == colliders:
            yield CausalGraph(graph.nodes, edges)


def collider_set(edges):
    joined = {frozenset(edge) for edge in edges}
    return {
        (frozenset((a, b)), c)
        for (a, c), (b, d) in combinations(sorted(edges), 2)
        if c == d and frozenset((a, b)) not in joined
    }


@settings(max_examples=80, deadline=None)
@given(random_dags().filter(lambda case: len(case[0].edges) <= 9))
def test_on_a_class_the_set_is_valid_in_every_member_and_refusals_have_a_cause(case):
    graph, treatment, outcome, _ = case
    everything = list(members(graph))
    try:
        found = identify(class_of(graph), treatment, outcome)
    except NotIdentifiable:
        shared = [
            s
            for s in subsets(set(graph.nodes) - {treatment, outcome})
            if all(valid_by_definition(member, treatment, outcome, s) for member in everything)
        ]
        towards = {outcome in member.descendants(treatment) for member in everything}
        assert not shared or towards == {True, False}
        return
    for member in everything:
        assert valid_by_definition(member, treatment, outcome, found.adjustment_set)


@settings(max_examples=100, deadline=None)
@given(random_dags().filter(lambda case: len(case[0].edges) <= 8))
def test_in_a_class_exactly_the_sets_that_are_valid_in_every_member_are_accepted(case):
    graph, treatment, outcome, _ = case
    everything, whole = list(members(graph)), class_of(graph)
    caused = all(outcome in member.descendants(treatment) for member in everything)
    for chosen in subsets(set(graph.nodes) - {treatment, outcome}):
        accepted = is_valid_adjustment(whole, treatment, outcome, chosen)
        everywhere = all(valid_by_definition(member, treatment, outcome, chosen) for member in everything)
        assert everywhere or not accepted
        # Where the outcome may itself come first, its possible consequences are left out to be safe.
        assert accepted or not (everywhere and caused and identifiable(whole, treatment, outcome))


def identifiable(graph, treatment, outcome):
    try:
        return identify(graph, treatment, outcome).adjusts
    except NotIdentifiable:
        return False


def test_a_class_and_its_extension_are_consistent():
    graph = CausalGraph("abc", [("a", "b"), ("b", "c")])
    pattern = class_of(graph)
    assert len(pattern.undirected_edges) == 2
    rules = compile_rules(Knowledge(), graph.nodes)
    start = Pattern.from_adjacency(np.array([[0, 1, 0], [1, 0, 1], [0, 1, 0]], dtype=bool))
    extended = extend(start, rules)
    assert collider_set([("abc"[a], "abc"[b]) for a, b in np.argwhere(extended.directed)]) == set()


def test_textbook_confounder_mediator_collider():
    graph = CausalGraph(
        ["wealth", "contact", "visit", "buys", "survey"],
        [("wealth", "contact"), ("wealth", "buys"), ("contact", "visit"), ("visit", "buys"),
         ("contact", "survey"), ("buys", "survey")],
    )  # fmt: skip
    found = identify(graph, "contact", "buys")
    assert found.adjustment_set == ("wealth",)
    assert found.forbidden == ("survey", "visit")
    assert found.witness == "contact <- wealth -> buys"
    for wrong in (["visit"], ["wealth", "survey"], [], ["wealth", "contact"]):
        assert not is_valid_adjustment(graph, "contact", "buys", wrong)
    assert descendants_of_treatment(graph, "contact") == ("buys", "survey", "visit")


def test_an_m_collider_between_two_latent_causes_is_left_out():
    graph = CausalGraph(
        ["opinion", "contact", "buys"],
        [("contact", "buys")],
        bidirected_edges=[("opinion", "contact"), ("opinion", "buys")],
    )
    assert identify(graph, "contact", "buys").adjustment_set == ()
    assert is_valid_adjustment(graph, "contact", "buys", [])
    assert not is_valid_adjustment(graph, "contact", "buys", ["opinion"])


def test_a_latent_common_cause_of_both_is_refused_with_the_open_path():
    graph = CausalGraph(["contact", "buys"], [("contact", "buys")], bidirected_edges=[("contact", "buys")])
    with pytest.raises(NotIdentifiable, match="randomise") as refusal:
        identify(graph, "contact", "buys")
    assert refusal.value.witness == "contact <-> buys"
    assert [line.split(":")[0] for line in refusal.value.tried][-3:] == ["front-door", "ID algorithm", "instrument"]
    assert (refusal.value.hedge.nodes, refusal.value.hedge.root) == ({"contact", "buys"}, {"buys"})


def test_a_hidden_node_and_a_bidirected_edge_are_the_same_thing():
    edges = [("age", "contact"), ("age", "buys"), ("contact", "buys")]
    named = CausalGraph(["age", "contact", "buys"], edges)
    with pytest.raises(NotIdentifiable) as refusal:
        identify(named, "contact", "buys", latent=["age"])
    assert refusal.value.witness == "contact <- age -> buys"


def test_an_open_edge_at_the_treatment_is_the_witness():
    graph = CausalGraph(
        ["appetite", "contact", "buys"],
        [("appetite", "buys"), ("contact", "buys")],
        undirected_edges=[("appetite", "contact")],
    )
    with pytest.raises(NotIdentifiable, match="no direction") as refusal:
        identify(graph, "contact", "buys")
    assert refusal.value.witness == "contact -- appetite"
    assert not is_valid_adjustment(graph, "contact", "buys", ["appetite"])


def test_an_open_edge_elsewhere_does_not_hinder():
    graph = CausalGraph(
        ["age", "wealth", "contact", "buys"],
        [("wealth", "contact"), ("wealth", "buys"), ("contact", "buys")],
        undirected_edges=[("age", "wealth")],
    )
    assert identify(graph, "contact", "buys").adjustment_set == ("wealth",)


def test_without_a_causal_path_the_confounders_are_still_blocked():
    graph = CausalGraph(["season", "contact", "buys"], [("season", "contact"), ("season", "buys")])
    found = identify(graph, "contact", "buys")
    assert found.adjustment_set == ("season",)
    assert "zero" in found.tried[0]


def test_an_outcome_that_causes_the_treatment_is_refused():
    graph = CausalGraph(["contact", "buys"], [("buys", "contact")])
    with pytest.raises(NotIdentifiable) as refusal:
        identify(graph, "contact", "buys")
    assert refusal.value.witness == "contact <- buys"


def test_front_door_and_instrument_are_found_and_named():
    front = CausalGraph(
        ["ad", "visit", "buys"], [("ad", "visit"), ("visit", "buys")], bidirected_edges=[("ad", "buys")]
    )
    found = identify(front, "ad", "buys")
    assert (found.method, found.mediators) == ("front-door", ("visit",))
    assert found.adjustment_set == ()
    lottery = CausalGraph(
        ["lottery", "ad", "buys"], [("lottery", "ad"), ("ad", "buys")], bidirected_edges=[("ad", "buys")]
    )
    found = identify(lottery, "ad", "buys")
    assert (found.method, found.instruments, found.adjustment_set) == ("instrument", ("lottery",), ())
    assert found.tried[-1].startswith("instrument: valid")


def test_a_confounded_mediator_is_no_front_door():
    graph = CausalGraph(
        ["ad", "visit", "buys"],
        [("ad", "visit"), ("visit", "buys")],
        bidirected_edges=[("ad", "buys"), ("ad", "visit")],
    )
    with pytest.raises(NotIdentifiable):
        identify(graph, "ad", "buys")


def test_the_effect_on_everybody_comes_before_a_local_one():
    napkin = CausalGraph(
        ["w", "r", "x", "y"], [("w", "r"), ("r", "x"), ("x", "y")], bidirected_edges=[("w", "x"), ("w", "y")]
    )
    found = identify(napkin, "x", "y")
    assert (found.method, found.effect, found.instruments, found.assumptions) == ("id", "average", ("r",), ())
    assert found.functional == "[sum_{w} P(w) P(x | r, w) P(y | r, w, x)] / [sum_{w} P(w) P(x | r, w)]"
    assert not found.adjusts


def test_a_local_effect_says_whose_it_is():
    lottery = CausalGraph(
        ["season", "lottery", "ad", "buys"],
        [("season", "lottery"), ("season", "buys"), ("lottery", "ad"), ("ad", "buys")],
        bidirected_edges=[("ad", "buys")],
    )
    found = identify(lottery, "ad", "buys")
    assert (found.method, found.effect, found.adjustment_set) == ("instrument", "local", ("season",))
    assert "monotonicity" in found.assumptions[0] and "lottery" in found.assumptions[1]


def test_many_mediators_make_one_front_door():
    steps = [f"m{i}" for i in range(5)]
    graph = CausalGraph(
        ["ad", *steps, "buys"],
        [*(("ad", m) for m in steps), *((m, "buys") for m in steps)],
        bidirected_edges=[("ad", "buys")],
    )
    found = identify(graph, "ad", "buys")
    assert (found.method, found.mediators) == ("front-door", tuple(steps))


def test_a_mediator_with_a_back_door_of_its_own_is_struck_out():
    graph = CausalGraph(
        ["ad", "visit", "cart", "buys"],
        [("ad", "visit"), ("visit", "cart"), ("cart", "buys")],
        bidirected_edges=[("ad", "buys"), ("cart", "buys")],
    )
    assert identify(graph, "ad", "buys").mediators == ("visit",)


def test_an_estimand_survives_json():
    from dataclasses import asdict

    found = identify(CausalGraph("abc", [("a", "b"), ("a", "c"), ("b", "c")]), "b", "c")
    plain = json.loads(json.dumps(asdict(found)))
    assert Estimand(**{k: tuple(v) if isinstance(v, list) else v for k, v in plain.items()}) == found


def test_names_are_checked():
    graph = CausalGraph(["a", "b"], [("a", "b")])
    with pytest.raises(GraphError, match="'c'"):
        identify(graph, "a", "c")
    with pytest.raises(GraphError, match="two different nodes"):
        identify(graph, "a", "a")
    with pytest.raises(GraphError, match="must be observed"):
        identify(graph, "a", "b", latent=["a"])
