from __future__ import annotations

import networkx as nx
import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from causal import Knowledge, KnowledgeError, discover
from causal.discovery import METHODS
from causal.encoding import FrameError

NAMES = tuple("abcdef")
ALPHABET = tuple(f"x{number:02d}" for number in range(40))
SLOW_METHODS = ("fci", "causal-learn-pc", "causal-learn-ges", "causal-learn-grasp")


def random_graph(d, degree, rng):
    """Directed edges ``[a, b]`` of a random acyclic graph whose order is not that of the columns."""
    place = rng.permutation(d)
    return np.triu(rng.random((d, d)) < degree / (d - 1), 1)[np.ix_(place, place)]


def linear_rows(edges, n, rng, noise="normal"):
    slopes = edges * rng.uniform(0.4, 0.9, edges.shape) * rng.choice([-1, 1], edges.shape)
    draws = getattr(rng, noise)(size=(n, len(edges)))
    return pd.DataFrame(draws @ np.linalg.inv(np.eye(len(edges)) - slopes), columns=list(ALPHABET[: len(edges)]))


def named(edges, names=ALPHABET):
    return {(names[a], names[b]) for a, b in np.argwhere(edges)}


def class_of(edges, knowledge=None):
    """Arrows and open edges that every equivalent graph shares, from a perfect test: distances are exact."""
    from causal.search.equivalence import equivalence_class
    from causal.search.meek import compile_rules

    names = ALPHABET[: len(edges)]
    rules = compile_rules(knowledge or Knowledge(), names)
    pattern = equivalence_class(edges, np.zeros_like(edges), rules)
    return named(pattern.directed), {frozenset(pair) for pair in named(np.triu(pattern.undirected))}


def hamming(graph, truth):
    """Number of pairs of columns that the two disagree on."""
    arrows, open_pairs = truth
    found = {frozenset(pair): pair for pair in graph.edges} | {frozenset(p): None for p in graph.undirected_edges}
    wanted = {frozenset(pair): pair for pair in arrows} | dict.fromkeys(open_pairs)
    return sum(
        pair not in found or pair not in wanted or found[pair] != wanted[pair] for pair in found.keys() | wanted.keys()
    )


@st.composite
def tables_and_knowledge(draw):
    size = draw(st.integers(3, 6))
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    values = linear_rows(random_graph(size, 2, rng), 120, rng, draw(st.sampled_from(["normal", "laplace"])))
    frame = values.set_axis(list(NAMES[:size]), axis=1)
    if draw(st.booleans()):
        frame["a"] = pd.cut(frame["a"], 3, labels=["low", "middle", "high"])
    names = st.sampled_from(NAMES[:size])
    pairs = st.tuples(names, names).filter(lambda pair: pair[0] != pair[1])
    tiers, forbidden = draw(st.dictionaries(names, st.integers(0, 2))), draw(st.sets(pairs, max_size=6))
    soft = draw(st.dictionaries(pairs, st.floats(0, 1), max_size=4))
    try:
        known = Knowledge(tiers, draw(st.sets(pairs, max_size=2)) - forbidden, forbidden, soft)
    except KnowledgeError:
        known = Knowledge(tiers, set(), forbidden, soft)
    return frame, known


def check_law(frame, known, method, bootstraps):
    try:
        graph = discover(frame, known, method, bootstraps=bootstraps, alpha=0.2, rng=0)
    except FrameError as error:
        assert "use 'boss'" in str(error)
        return
    for result in (graph, graph.consensus):
        assert nx.is_directed_acyclic_graph(nx.DiGraph(list(result.edges)))
        assert not [pair for pair in result.edges if known.forbids(*pair)]
        assert known.required <= result.edges
    for a, b in graph.undirected_edges:
        assert not known.forbids(a, b)
        assert not known.forbids(b, a)


@settings(max_examples=30, deadline=None)
@given(tables_and_knowledge(), st.sampled_from(["boss", "lingam", "auto"]), st.sampled_from([0, 2]))
def test_no_search_ever_breaks_the_knowledge(case, method, bootstraps):
    check_law(*case, method, bootstraps)


@pytest.mark.slow
@settings(max_examples=24, deadline=None)
@given(tables_and_knowledge(), st.sampled_from(SLOW_METHODS))
def test_no_search_of_a_peer_ever_breaks_the_knowledge(case, method):
    check_law(*case, method, 0)


@settings(max_examples=10, deadline=None)
@given(st.integers(0, 2**32 - 1), st.sampled_from(["boss", "lingam"]))
def test_the_order_of_the_columns_changes_nothing(seed, method):
    rng = np.random.default_rng(seed)
    frame = linear_rows(random_graph(7, 2, rng), 400, rng, "laplace")
    known = Knowledge(tiers={"x00": 0, "x01": 1})
    graph = discover(frame, known, method, bootstraps=0)
    turned = discover(frame[list(rng.permutation(frame.columns))], known, method, bootstraps=0)
    assert graph.edges == turned.edges
    assert {frozenset(p) for p in graph.undirected_edges} == {frozenset(p) for p in turned.undirected_edges}


def test_boss_finds_the_class_of_most_gaussian_graphs_and_pc_errs_more():
    ours, peers = [], []
    for seed in range(5):
        rng = np.random.default_rng(seed)
        edges = random_graph(15, 3, rng)
        frame, truth = linear_rows(edges, 5000, rng), class_of(edges)
        ours.append(hamming(discover(frame, method="boss", bootstraps=0), truth))
        peers.append(hamming(discover(frame, method="pc", bootstraps=0), truth))
    assert np.median(ours) == 0
    assert sum(ours) + 3 <= sum(peers)


def test_lingam_directs_what_normal_noise_leaves_open():
    left_open = 0
    for seed in range(3):
        rng = np.random.default_rng(seed)
        edges = random_graph(12, 2, rng)
        frame = linear_rows(edges, 3000, rng, "laplace")
        graph = discover(frame, method="lingam", bootstraps=0)
        assert len(graph.edges ^ named(edges)) <= 1
        left_open += len(named(edges)) - len(class_of(edges)[0])
    assert left_open >= 5


def test_lingam_leaves_open_what_the_noise_cannot_tell():
    rng = np.random.default_rng(0)
    frame = linear_rows(np.triu(np.ones((2, 2), dtype=bool), 1), 2000, rng)
    graph = discover(frame, method="lingam", bootstraps=0)
    assert not graph.edges
    assert graph.undirected_edges == {("x00", "x01")}


@pytest.mark.slow
def test_boss_on_categories_beats_pc(draw_network):
    ours, peers = [], []
    for seed in range(2):
        frame, edges = draw_network("child", 5000, seed)
        frame = frame.rename(columns=dict(zip(frame.columns, ALPHABET)))
        names = draw_network("child", 10, seed)[0].columns
        place = {name: number for number, name in enumerate(names)}
        matrix = np.zeros((len(names), len(names)), dtype=bool)
        for a, b in edges:
            matrix[place[a], place[b]] = True
        truth = class_of(matrix)
        ours.append(hamming(discover(frame, method="boss", bootstraps=0), truth))
        peers.append(hamming(discover(frame, method="pc", bootstraps=0), truth))
    assert sum(ours) <= 4
    assert sum(ours) < sum(peers)


def test_a_latent_pair_is_bidirected_and_its_ends_keep_no_stand_ins():
    """left -> a <-> b <- right: without the latent cause b would need left, and a would need right."""
    rng = np.random.default_rng(0)
    left, right, hidden = rng.normal(size=(3, 3000))
    a, b = left + hidden + rng.normal(size=3000), right + hidden + rng.normal(size=3000)
    frame = pd.DataFrame({"left": left, "right": right, "a": a, "b": b})
    graph = discover(frame, Knowledge(forbidden={("a", "b"), ("b", "a")}), "boss", bootstraps=3, rng=0)
    assert graph.edges == {("left", "a"), ("right", "b")}
    assert graph.bidirected_edges == {("a", "b")}


def test_fci_keeps_a_latent_cause_possible_under_tiers():
    """Tiers alone must not turn a latent cause of two columns into a cause."""
    rng = np.random.default_rng(0)
    early, hidden = rng.normal(size=(2, 4000))
    first, second = early + hidden + rng.normal(size=4000), hidden + rng.normal(size=4000)
    frame = pd.DataFrame({"early": early, "first": first, "second": second})
    known = Knowledge(tiers={"early": 0, "first": 1, "second": 2})
    graph = discover(frame, known, "fci", bootstraps=0)
    assert ("first", "second") in graph.bidirected_edges
    assert ("first", "second") not in graph.edges
    assert ("early", "first") in graph.edges
    assert [note for note in graph.notes if note.kind == "circle"]


def test_reversed_tiers_are_kept_and_reported_and_right_ones_are_not():
    for seed in range(3):
        rng = np.random.default_rng(seed)
        edges = random_graph(10, 3, rng)
        frame = linear_rows(edges, 1500, rng)
        order = list(nx.topological_sort(nx.DiGraph(list(map(tuple, np.argwhere(edges))))))
        right = {ALPHABET[node]: place // 3 for place, node in enumerate(order)}
        wrong = {name: -tier for name, tier in right.items()}
        graphs = [discover(frame, Knowledge(tiers), "boss", bootstraps=0) for tiers in (right, wrong)]
        said = [[note.sentence for note in graph.notes if note.kind == "order"] for graph in graphs]
        assert said[0] == []
        assert "prefer the reverse" in said[1][0]
        assert not [pair for pair in graphs[1].edges if Knowledge(wrong).forbids(*pair)]


def test_soft_confidence_decides_ties_and_is_not_used_where_the_data_refute_it():
    rng = np.random.default_rng(0)
    left, right, noise = rng.normal(size=(3, 2000))
    frame = pd.DataFrame({"left": left, "right": right, "effect": left + right + noise})
    told = {("effect", "left"): 0.9, ("effect", "right"): 0.9}
    graph = discover(frame, Knowledge(confidence=told), "boss", bootstraps=0)
    assert graph.edges == {("left", "effect"), ("right", "effect")}
    assert [note for note in graph.notes if note.kind == "order" and "not used" in note.sentence]
    pair = frame[["left", "effect"]]
    for said in (("effect", "left"), ("left", "effect")):
        assert discover(pair, Knowledge(confidence={said: 0.9}), "boss", bootstraps=0).consensus.edges == {said}


def test_soft_confidence_keeps_a_weak_edge_and_pc_says_that_it_does_not_weigh_it():
    rng = np.random.default_rng(1)
    values, _ = np.linalg.qr(rng.normal(size=(300, 2)))
    frame = pd.DataFrame({"cause": values[:, 0], "effect": 0.12 * values[:, 0] + values[:, 1]})
    believed = Knowledge(confidence={("cause", "effect"): 0.99})
    assert not discover(frame, method="boss", bootstraps=0).undirected_edges
    graph = discover(frame, believed, "boss", bootstraps=0)
    assert graph.undirected_edges == {("cause", "effect")}
    notes = {note.kind: note.sentence for note in discover(frame, believed, "pc", bootstraps=0).notes}
    assert "does not weigh" in notes["soft"]


def test_auto_says_what_it_picked_and_why():
    rng = np.random.default_rng(0)
    edges = random_graph(8, 2, rng)
    normal, laplace = (linear_rows(edges, 2000, rng, noise) for noise in ("normal", "laplace"))
    bent = laplace.assign(x00=laplace["x01"] ** 2 * laplace["x02"] + 0.1 * laplace["x00"], x03=laplace["x04"] ** 2)
    cut = normal.apply(lambda column: pd.cut(column, 3, labels=["low", "middle", "high"]).astype(str))
    wide = cut.assign(x08=rng.choice(["low", "high"], len(cut)))
    picked = []
    for frame in (normal, laplace, bent, cut, wide, normal.assign(x00=cut["x00"])):
        notes = [note for note in discover(frame, bootstraps=0).notes if note.kind == "method"]
        picked.append(notes[0].sentence.split("'")[1])
        assert len(notes) == 1
    assert picked == ["boss", "lingam", "boss", "pc", "boss", "boss"]


@pytest.mark.slow
def test_peers_find_the_same_class_and_their_graph_is_brought_within_knowledge():
    rng = np.random.default_rng(0)
    edges = random_graph(7, 2, rng)
    frame = linear_rows(edges, 2000, rng)
    truth = class_of(edges)
    for method in ("causal-learn-ges", "causal-learn-grasp"):
        assert hamming(discover(frame, method=method, bootstraps=0), truth) <= 1
    a, b = sorted(named(edges))[0]
    graph = discover(frame, Knowledge(forbidden={(a, b)}), "causal-learn-ges", bootstraps=0)
    assert (a, b) not in graph.edges
    assert "projection" in {note.kind for note in graph.notes}


def test_methods_say_what_they_cannot_read():
    frame = linear_rows(random_graph(4, 2, np.random.default_rng(0)), 200, np.random.default_rng(0))
    mixed = frame.assign(shop=np.repeat(["a", "b", "c", "d"], 50))
    for method in ("lingam", "causal-learn-ges"):
        with pytest.raises(FrameError, match="use 'boss'"):
            discover(mixed, method=method, bootstraps=0)
    assert set(SLOW_METHODS) < set(METHODS)


@pytest.mark.parametrize("method", ["boss", "lingam"])
def test_bootstraps_give_confidence_and_the_same_bytes(method):
    rng = np.random.default_rng(2)
    edges = random_graph(6, 2, rng)
    frame = linear_rows(edges, 1000, rng, "laplace")
    graphs = [discover(frame, method=method, bootstraps=5, rng=seed) for seed in (1, 1)]
    assert graphs[0].to_json() == graphs[1].to_json()
    sure = [graphs[0].confidence[pair]["edge"] for pair in graphs[0].edges]
    assert min(sure) >= 0.5


def test_columns_with_many_neighbours_do_not_trap_the_search():
    """Hubs that are effects: from the wrong end the search stops 3 to 230 nats below the graph that made the rows."""
    from causal.search.ordersearch import search_order
    from causal.search.scores import total_score
    from causal.search.searchtable import prepare_table

    size = 18
    for seed in (6, 10, 13, 16, 20, 22, 28, 30):
        rng = np.random.default_rng(seed)
        drawn = nx.barabasi_albert_graph(size, 2, seed=seed)
        edges = np.zeros((size, size), dtype=bool)
        place = rng.permutation(size)
        for a, b in drawn.edges:
            edges[min(place[a], place[b]), max(place[a], place[b])] = True
        table = prepare_table(linear_rows(edges, 2_000, rng), Knowledge(), 0.01, None, None)
        score = table.score(table.weights, table.rules)
        assert search_order(score, table.rules).score >= total_score(score, edges) - 1e-6, seed
