"""do-Shapley values against hand-written structural models, and the refusals."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import combinations
from math import factorial

import numpy as np
import pandas as pd
import pytest

from causal import CausalGraph, NotIdentifiable, fit_scm
from causal.attribution import ConfoundedEquations, TooManyCoalitions, attribute_outcome
from causal.encoding import FrameError
from causal.scm import StructuralModel


@dataclass(frozen=True)
class Written:
    """An equation nobody fitted."""

    node: str
    parents: tuple[str, ...]
    function: Callable
    kind: str = "number"
    levels: tuple[str, ...] = ()
    noise: np.ndarray = field(default_factory=lambda: np.linspace(-1, 1, 201))
    additive: bool = True

    def mean(self, frame):
        return np.asarray(self.function(frame), dtype=np.float64)


def _written(equations, roots):
    order = (*roots, *(equation.node for equation in equations))
    return StructuralModel(
        order, {e.node: e for e in equations}, dict.fromkeys(order, "number"), {}, pd.DataFrame(roots)
    )


@pytest.fixture(scope="module")
def bent():
    """A confounder, a mediated cause, an interaction, and a consequence of the outcome."""
    draw = np.random.default_rng(0)
    roots = {"wealth": draw.normal(size=400), "mail": draw.integers(0, 2, 400).astype(float)}
    equations = [
        Written("price", ("wealth",), lambda t: 0.5 * t["wealth"]),
        Written("visit", ("mail", "wealth"), lambda t: np.tanh(t["mail"] + t["wealth"])),
        Written("buy", ("visit", "price", "wealth"), lambda t: t["visit"] * t["price"] + t["wealth"] ** 2),
        Written("ticket", ("buy",), lambda t: 2 * t["buy"]),
    ]
    return _written(equations, roots)


def _brute_force(model, row, outcome, names, m=20_000):
    """The definition, over every subset of the features, by plain simulation with one set of worlds."""
    draw = np.random.default_rng(5)
    root = model.exogenous.iloc[draw.integers(len(model.exogenous), size=m)]
    noise = {node: draw.choice(model.equations[node].noise, m) for node in model.equations}

    def worth(chosen):
        at = {}
        for node in model.order:
            if node in chosen:
                at[node] = np.full(m, row[node])
            elif node not in model.equations:
                at[node] = root[node].to_numpy()
            else:
                at[node] = model.equations[node].mean(at) + (noise[node] if node != outcome else 0.0)
            if node == outcome:
                return at[node].mean()

    found = {}
    for player in names:
        others = [name for name in names if name != player]
        found[player] = sum(
            factorial(size) * factorial(len(names) - size - 1) / factorial(len(names))
            * (worth({*chosen, player}) - worth(chosen))
            for size in range(len(names))
            for chosen in combinations(others, size)
        )  # fmt: skip
    return found


ROW = pd.DataFrame({"wealth": [1.2], "mail": [1.0], "price": [-0.5], "visit": [0.3], "buy": [0.0], "ticket": [9.0]})


@pytest.fixture(scope="module")
def true_values(bent):
    names = ["wealth", "mail", "price", "visit", "ticket"]
    return _brute_force(bent, ROW.iloc[0], "buy", names)


@pytest.mark.parametrize("method", ["enumeration", "permutation"])
def test_bent_equations_match_every_subset(bent, true_values, method):
    found = attribute_outcome(bent, ROW, "buy", method=method, tolerance=0.005, rng=1)
    error = found.standard_error[0] + 0.01
    for name, value, se in zip(found.features, found.values[0], error):
        assert abs(value - true_values[name]) < 4 * se, name
    assert found.values[0, found.features.index("ticket")] == 0.0


def test_values_add_up_to_the_prediction_of_the_model(bent):
    rows = bent.sample(50, rng=3)
    for method in ("enumeration", "permutation"):
        found = attribute_outcome(bent, rows, "buy", method=method, tolerance=0.1, rng=1)
        prediction = bent.predict(rows)["buy"]
        np.testing.assert_allclose(found.base + found.values.sum(axis=1), prediction, atol=1e-9)
        assert found.residual < 1e-9


def test_the_stated_error_is_the_error(bent, true_values):
    """Over many seeds the distance to the truth is about the standard error that was stated."""
    for method in ("enumeration", "permutation"):
        distance, stated = [], []
        for seed in range(12):
            found = attribute_outcome(bent, ROW, "buy", method=method, tolerance=0.05, rng=seed)
            place = found.features.index("wealth")
            distance.append(found.values[0, place])
            stated.append(found.standard_error[0, place])
        assert 0.5 < np.std(distance) / np.sqrt(np.mean(np.square(stated))) < 2.0, method
        assert abs(np.mean(distance) - true_values["wealth"]) < 0.05


def test_routes_add_up_where_nothing_interacts():
    """mail -> visit -> buy and mail -> buy: the two ways carry everything, the direct one its own slope."""
    equations = [
        Written("visit", ("mail",), lambda t: 2 * t["mail"]),
        Written("buy", ("visit", "mail"), lambda t: 3 * t["visit"] + 5 * t["mail"]),
    ]
    model = _written(equations, {"mail": np.linspace(-1, 1, 101)})
    row = pd.DataFrame({"mail": [1.0], "visit": [2.0], "buy": [0.0]})
    found = attribute_outcome(model, row, "buy", method="enumeration", routes=True, tolerance=0.001, rng=0)
    assert found.routes["mail", "buy"][0] == pytest.approx(5.0, abs=0.02)
    assert found.routes["mail", "visit"][0] == pytest.approx(3.0, abs=0.05)  # half of 2 x 3: the rest is the visit's
    np.testing.assert_allclose(found.direct[0] + found.mediated[0], found.values[0])
    assert found.mediated[0, found.features.index("visit")] == pytest.approx(0.0, abs=1e-9)


@pytest.fixture(scope="module")
def lines():
    draw = np.random.default_rng(2)
    n = 190  # too few rows for trees: every equation is a line
    wealth = draw.normal(size=n)
    price = 0.5 * wealth + draw.normal(size=n)
    visit = wealth - price + draw.normal(size=n)
    spend = 2 * visit + wealth + draw.normal(size=n)
    buy = (draw.random(n) < 1 / (1 + np.exp(-spend / 2))).astype(float)
    frame = pd.DataFrame({"wealth": wealth, "price": price, "visit": visit, "spend": spend, "buy": buy})
    edges = [("wealth", "price"), ("wealth", "visit"), ("price", "visit"), ("visit", "spend"), ("wealth", "spend")]
    return frame, CausalGraph(list(frame), [*edges, ("spend", "buy"), ("wealth", "buy")])


def test_the_closed_form_agrees_with_both_others(lines):
    frame, graph = lines
    model = fit_scm(frame, graph, rng=0)
    rows = frame.head(20)
    closed = attribute_outcome(model, rows, "spend", graph=graph, routes=True)
    assert closed.method == "linear"
    assert closed.residual < 1e-9
    for method in ("enumeration", "permutation"):
        other = attribute_outcome(model, rows, "spend", method=method, rng=0)
        np.testing.assert_allclose(other.values, closed.values, atol=5 * max(other.standard_error.max(), 0.02))
    drawn = attribute_outcome(model, rows, "spend", method="enumeration", routes=True, rng=0)
    np.testing.assert_allclose(drawn.direct, closed.direct, atol=0.15)


def test_log_odds_are_linear_where_the_probability_is_not(lines):
    frame, graph = lines
    model = fit_scm(frame, graph, rng=0)
    odds = attribute_outcome(model, frame.head(5), "buy", scale="link")
    chance = attribute_outcome(model, frame.head(5), "buy", rng=0)
    assert (odds.method, chance.method) == ("linear", "enumeration")
    np.testing.assert_allclose(chance.prediction, 1 / (1 + np.exp(-odds.prediction)), atol=1e-9)
    assert 0 < chance.base < 1


def test_categories_counts_and_switches_on_the_way_match_simulation():
    draw = np.random.default_rng(4)
    n = 3_000
    shop = draw.choice(["a", "b", "c"], n, p=[0.5, 0.3, 0.2])
    member = (draw.random(n) < np.where(shop == "a", 0.2, 0.7)).astype(float)
    visits = draw.poisson(np.exp(0.3 + 0.6 * member)).astype(float)
    spend = 2 * visits + member + (shop == "c") + draw.normal(size=n)
    frame = pd.DataFrame({"shop": shop, "member": member, "visits": visits, "spend": spend})
    edges = [("shop", "member"), ("member", "visits"), ("visits", "spend"), ("member", "spend"), ("shop", "spend")]
    model = fit_scm(frame, CausalGraph(list(frame), edges), rng=0, counts=["visits"])
    row = frame.head(1)
    found = attribute_outcome(model, row, "spend", tolerance=0.005, rng=0)
    set_shop = model.sample(60_000, 1, {"shop": row["shop"].iloc[0]})["spend"].mean()
    set_member = model.sample(60_000, 1, {"member": row["member"].iloc[0]})["spend"].mean()
    base = model.sample(60_000, 1)["spend"].mean()
    assert found.base == pytest.approx(base, abs=0.1)
    names = ["shop", "member", "visits"]

    def worth(chosen):
        moves = {name: row[name].iloc[0] for name in chosen}
        return model.sample(30_000, 1, moves)["spend"].mean()

    for name, value in zip(found.features, found.values[0]):
        others = [other for other in names if other != name]
        truth = sum(
            factorial(k) * factorial(2 - k) / 6 * (worth({*s, name}) - worth(s))
            for k in range(3)
            for s in combinations(others, k)
        )
        assert value == pytest.approx(truth, abs=0.12), name
    assert set_shop != set_member


def _frame(*names):
    return pd.DataFrame(np.random.default_rng(0).normal(size=(150, len(names))), columns=list(names))


def test_a_latent_cause_of_a_cause_and_the_outcome_is_refused_with_the_hedge():
    graph = CausalGraph(["mail", "buy"], [("mail", "buy")], bidirected_edges=[("mail", "buy")])
    frame = _frame("mail", "buy")
    with pytest.raises(NotIdentifiable, match="has no formula") as refusal:
        attribute_outcome(fit_scm(frame, graph, rng=0), frame, "buy", graph=graph)
    assert refusal.value.witness == "mail <-> buy"
    assert refusal.value.hedge is not None


def test_a_front_door_has_a_formula_but_no_equations():
    """The ID algorithm has a formula for each coalition; the slope of buy on visit is biased all the same."""
    nodes, edges = ["wealth", "mail", "visit", "buy"], [("wealth", "mail"), ("mail", "visit"), ("visit", "buy")]
    graph = CausalGraph(nodes, edges, bidirected_edges=[("mail", "buy")])
    frame = _frame(*nodes)
    with pytest.raises(ConfoundedEquations, match="mail <-> buy"):
        attribute_outcome(fit_scm(frame, graph, rng=0), frame, "buy", graph=graph)


def test_noises_that_move_together_spare_linear_equations_only():
    nodes, edges = ["w", "z", "a", "b", "buy"], [("w", "a"), ("z", "b"), ("a", "buy"), ("b", "buy")]
    graph = CausalGraph(nodes, edges, bidirected_edges=[("a", "b")])
    frame = _frame(*nodes)
    model = fit_scm(frame, graph, rng=0)
    assert attribute_outcome(model, frame, "buy", graph=graph).method == "linear"
    with pytest.raises(ConfoundedEquations, match="move together"):
        attribute_outcome(model, frame, "buy", graph=graph, method="enumeration")


def test_a_latent_cause_elsewhere_does_not_matter():
    nodes = ["w", "v", "buy", "ticket", "call"]
    edges = [("w", "buy"), ("v", "buy"), ("buy", "ticket"), ("buy", "call")]
    graph = CausalGraph(nodes, edges, bidirected_edges=[("w", "v"), ("ticket", "call")])
    frame = _frame(*nodes)
    found = attribute_outcome(fit_scm(frame, graph, rng=0), frame, "buy", graph=graph)
    assert not found.to_frame()[["ticket", "call"]].any(axis=None)


def test_bad_questions_are_refused(lines):
    frame, graph = lines
    model = fit_scm(frame, graph, rng=0)
    with pytest.raises(FrameError, match="no node"):
        attribute_outcome(model, frame, "profit")
    with pytest.raises(FrameError, match="no causes"):
        attribute_outcome(model, frame, "wealth")
    with pytest.raises(FrameError, match="missing or unknown value"):
        attribute_outcome(model, frame.head(3).assign(price=[1.0, np.nan, 2.0]), "spend")
    with pytest.raises(FrameError, match="unknown column"):
        attribute_outcome(model, frame.drop(columns="price"), "spend")
    with pytest.raises(FrameError, match="other data"):
        attribute_outcome(model, frame, "spend", graph=CausalGraph(["x", "y"], [("x", "y")]))
    with pytest.raises(FrameError, match="another graph"):
        fewer = CausalGraph(graph.nodes, graph.edges - {("wealth", "spend")})
        attribute_outcome(model, frame, "spend", graph=fewer)
    with pytest.raises(FrameError, match="not linear"):
        attribute_outcome(model, frame, "buy", method="linear")
    with pytest.raises(FrameError, match="routes were not asked for"):
        _ = attribute_outcome(model, frame.head(2), "buy", rng=0).direct
    with pytest.raises(FrameError, match="no rows"):
        attribute_outcome(model, frame.head(0), "spend")


def test_too_many_coalitions_are_refused_or_sampled():
    names = [f"x{i}" for i in range(14)]
    rows = _frame(*names, "y")
    rows["y"] = (rows["x0"] * rows["x1"] > 0).astype(float)
    model = fit_scm(rows, CausalGraph([*names, "y"], [(name, "y") for name in names]), rng=0)
    with pytest.raises(TooManyCoalitions):
        attribute_outcome(model, rows, "y", method="enumeration")
    found = attribute_outcome(model, rows.head(2), "y", tolerance=0.2, rng=0)
    assert found.method == "permutation"
    assert found.draws >= 256


def test_the_same_seed_gives_the_same_bytes(bent):
    rows = bent.sample(5, rng=3)
    first, second = (attribute_outcome(bent, rows, "buy", method="permutation", rng=9).values for _ in range(2))
    assert first.tobytes() == second.tobytes()
