"""Moves on markets whose equations are known, and the laws of do()."""

from __future__ import annotations

import lightgbm
import numpy as np
import pandas as pd
import pytest

from causal.encoding import FrameError
from causal.graph import CausalGraph
from causal.scm import NoiseNotRecoverable, fit_scm

TRAITS = ("age", "income", "affinity")
PARENTS = {
    "past": ("affinity", "income"),
    "contacts": ("affinity", "past"),
    "discount": ("income",),
    "visits": ("contacts", "affinity", "load_time"),
    "cart": ("visits", "discount"),
    "spend": ("cart", "discount", "contacts", "affinity", "income", "past"),
    "satisfaction": ("spend", "age"),
    "welcome": ("spend",),
    "tickets": ("spend", "age"),
}
NODES = (*TRAITS, "load_time", *PARENTS)
EDGES = [(parent, node) for node, parents in PARENTS.items() for parent in parents]
STEPS = {"contacts": 1.0, "discount": 1.0, "load_time": -1.0, "welcome": 1.0, "satisfaction": 1.0}


def equations(values: dict[str, np.ndarray], noise: dict[str, np.ndarray]) -> None:
    """Fill what is not set, causes first. Contacts act through visits only, and tire those who had many."""

    def put(node, value):
        values.setdefault(node, value + noise[node])

    for root in (*TRAITS, "load_time"):
        put(root, 0.0)
    v = values
    put("past", 0.9 * v["affinity"] + 0.4 * v["income"])
    put("contacts", 0.7 * v["affinity"] + 0.5 * v["past"])
    put("discount", -0.6 * v["income"])
    put("visits", 0.9 * v["contacts"] + 0.8 * v["affinity"] - 0.5 * v["load_time"])
    put("cart", 0.9 * v["visits"] + 0.3 * v["discount"])
    put(
        "spend",
        0.8 * v["cart"] + 0.5 * v["discount"] * (v["income"] < 0) + 1.2 * v["affinity"] + 0.4 * v["income"]
        + 0.3 * v["past"] - 0.9 * np.maximum(v["contacts"], 0),
    )  # fmt: skip
    put("satisfaction", 0.8 * v["spend"] + 0.2 * v["age"])
    put("welcome", 1.0 * v["spend"])
    put("tickets", -0.5 * v["spend"] + 0.3 * v["age"])


def marketing(n=6_000, seed=0):
    """Twelve features: traits, a confounder, a mediated lever, a lever, consequences of the outcome."""
    draw = np.random.default_rng(seed)
    scale = {"welcome": 0.3, "satisfaction": 0.5, "cart": 0.4}
    noise = {node: scale.get(node, 1.0) * draw.normal(size=n) for node in NODES}
    values: dict[str, np.ndarray] = {}
    equations(values, noise)
    frame = pd.DataFrame({node: values[node] for node in NODES})

    def truth(moves: dict[str, np.ndarray]) -> np.ndarray:
        after = dict(moves)
        equations(after, noise)
        return after["spend"] - values["spend"]

    return frame, truth


def realised(choice: np.ndarray, gains: np.ndarray) -> float:
    """Mean true gain of each customer's chosen move, as a share of the best choice."""
    return float(gains[np.arange(len(gains)), choice].mean() / gains.max(axis=1).mean())


def test_do_on_the_fitted_model_realises_far_more_than_what_if_or_shap():
    frame, truth = marketing()
    moved = {lever: frame[lever].to_numpy() + step for lever, step in STEPS.items()}
    gains = np.column_stack([truth({lever: value}) for lever, value in moved.items()])
    features = frame.drop(columns="spend")
    settings = {"objective": "regression", "num_threads": 1, "verbose": -1, "deterministic": True, "seed": 0}
    black_box = lightgbm.train(settings, lightgbm.Dataset(features, frame["spend"]), 200)

    shap = pd.DataFrame(black_box.predict(features[:500], pred_contrib=True)[:, :-1], columns=features.columns)
    top = list(STEPS).index(shap.abs().mean()[list(STEPS)].idxmax())
    base = black_box.predict(features)
    promised = np.column_stack(
        [black_box.predict(features.assign(**{lever: value})) - base for lever, value in moved.items()]
    )
    model = fit_scm(frame, CausalGraph(NODES, EDGES), rng=0)
    expected = np.column_stack([model.outcome_effect(frame, {lever: value}, "spend") for lever, value in moved.items()])
    by_shap = realised(np.full(len(frame), top), gains)
    by_what_if = realised(promised.argmax(axis=1), gains)
    by_do = realised(expected.argmax(axis=1), gains)
    assert by_shap < 0.05  # the welcome push is sent because they bought
    assert by_do > 0.9
    assert by_do > by_what_if + 0.4
    assert np.sqrt(np.mean((expected - gains) ** 2)) < 0.15


def test_a_consequence_of_the_outcome_and_a_trait_below_nothing_move_nothing():
    frame, _ = marketing(n=800)
    model = fit_scm(frame, CausalGraph(NODES, EDGES), rng=0)
    assert np.all(model.outcome_effect(frame, {"welcome": 5.0, "tickets": 0.0}, "spend") == 0.0)
    assert model.descendants("spend") == ("satisfaction", "welcome", "tickets")


def test_one_reversed_edge_is_as_bad_as_no_graph():
    frame, truth = marketing()
    edges = [edge for edge in EDGES if edge != ("spend", "welcome")] + [("welcome", "spend")]
    model = fit_scm(frame, CausalGraph(NODES, edges), rng=0)
    change = model.outcome_effect(frame, {"welcome": frame["welcome"] + 1}, "spend").mean()
    assert change > 0.5 and truth({"welcome": frame["welcome"].to_numpy() + 1}).mean() == 0.0


def test_moving_nothing_changes_nothing_that_is_a_number():
    frame, _ = marketing(n=500)
    model = fit_scm(frame, CausalGraph(NODES, EDGES), rng=0)
    after = model.do(frame, {"discount": frame["discount"]})
    pd.testing.assert_frame_equal(after, frame, check_exact=False, atol=1e-9)
    pd.testing.assert_frame_equal(model.do(frame, {}), frame)


def test_only_the_moved_column_and_its_descendants_change():
    frame, _ = marketing(n=500)
    model = fit_scm(frame, CausalGraph(NODES, EDGES), rng=0)
    before = frame.copy()
    after = model.do(frame, {"visits": 1.0})
    changed = {node for node in NODES if not np.allclose(after[node], frame[node])}
    assert changed == {"visits", "cart", "spend", "satisfaction", "welcome", "tickets"}
    pd.testing.assert_frame_equal(frame, before)
    assert list(after.columns) == list(frame.columns)


def test_a_linear_model_gives_the_path_products_and_needs_no_trees():
    draw = np.random.default_rng(1)
    a = draw.normal(size=4_000)
    b = 2 * a + draw.normal(size=4_000)
    c = -3 * b + a + draw.normal(size=4_000)
    frame = pd.DataFrame({"a": a, "b": b, "c": c})
    model = fit_scm(frame, CausalGraph("abc", [("a", "b"), ("b", "c"), ("a", "c")]), rng=0)
    assert all(equation.trees is None for equation in model.equations.values())
    assert model.outcome_effect(frame, {"a": frame["a"] + 1}, "c").mean() == pytest.approx(-5, abs=0.15)
    assert model.outcome_effect(frame, {"b": frame["b"] + 1}, "c").mean() == pytest.approx(-3, abs=0.1)
    assert 0.9 < model.equations["c"].explained < 1


def binary_market(n=12_000, seed=0):
    """Wealth -> contact -> visit -> purchase, with a direct path; all but wealth are 0 / 1."""
    draw = np.random.default_rng(seed)

    def chance(score):
        return 1 / (1 + np.exp(-score))

    wealth = draw.normal(size=n)
    contact = draw.random(n) < chance(wealth)
    p_visit = [chance(-1 + 0.5 * wealth + 1.5 * t) for t in (0, 1)]
    visit = draw.random(n) < np.where(contact, p_visit[1], p_visit[0])

    def p_buy(t, v):
        return chance(-2 + wealth + 1.2 * v - 0.3 * t)

    bought = draw.random(n) < p_buy(contact, visit)
    effect = sum(sign * (p_visit[t] * p_buy(t, 1) + (1 - p_visit[t]) * p_buy(t, 0)) for t, sign in ((1, 1), (0, -1)))
    frame = pd.DataFrame({"wealth": wealth, "contact": contact, "visit": visit, "bought": bought})
    pairs = [("wealth", node) for node in ("contact", "visit", "bought")]
    pairs += [("contact", "visit"), ("contact", "bought"), ("visit", "bought")]
    return frame, CausalGraph(frame.columns, pairs), effect


def test_binary_nodes_pass_on_their_probability():
    frame, graph, truth = binary_market()
    model = fit_scm(frame, graph, rng=0)
    none = frame.assign(contact=False)
    effect = model.outcome_effect(none, {"contact": 1}, "bought")
    assert effect.mean() == pytest.approx(truth.mean(), abs=0.015)
    assert np.corrcoef(effect, truth)[0, 1] > 0.9
    after = model.do(none, {"contact": True})
    assert after["visit"].between(0, 1).all() and after["visit"].nunique() > 100
    half = model.do(none, {"contact": 0.5})["bought"]
    ends = [model.do(none, {"contact": value})["bought"] for value in (0, 1)]
    np.testing.assert_allclose(half, (ends[0] + ends[1]) / 2)


def test_a_bent_logit_is_found_by_the_trees():
    draw = np.random.default_rng(2)
    price = draw.uniform(-3, 3, 8_000)
    p = 1 / (1 + np.exp(-(2 - price**2)))
    frame = pd.DataFrame({"price": price, "bought": (draw.random(8_000) < p).astype(int)})
    model = fit_scm(frame, CausalGraph(["price", "bought"], [("price", "bought")]), rng=0)
    assert model.equations["bought"].trees is not None
    predicted = model.predict(frame)["bought"].to_numpy()
    assert np.sqrt(np.mean((predicted - p) ** 2)) < 0.05
    assert predicted.min() > 0 and predicted.max() < 1


def test_categories_pass_on_the_probabilities_of_their_levels():
    draw = np.random.default_rng(3)
    wealth = draw.normal(size=8_000)
    scores = np.column_stack([0 * wealth, wealth, -wealth]) + draw.gumbel(size=(8_000, 3))
    worth = np.array([0.0, 2.0, 5.0])
    channel = np.array(["mail", "none", "sms"])[scores.argmax(axis=1)]
    spend = worth[scores.argmax(axis=1)] + draw.normal(size=8_000)
    frame = pd.DataFrame({"wealth": wealth, "channel": channel, "spend": spend})
    graph = CausalGraph(["wealth", "channel", "spend"], [("wealth", "channel"), ("channel", "spend")])
    model = fit_scm(frame, graph, rng=0)
    e = np.exp(np.column_stack([0 * wealth, wealth + 1, -wealth - 1]))
    e0 = np.exp(np.column_stack([0 * wealth, wealth, -wealth]))
    truth = (e / e.sum(1, keepdims=True) - e0 / e0.sum(1, keepdims=True)) @ worth
    effect = model.outcome_effect(frame, {"wealth": frame["wealth"] + 1}, "spend")
    assert effect.mean() == pytest.approx(truth.mean(), abs=0.1)
    assert model.outcome_effect(frame, {"channel": "sms"}, "spend")[channel == "mail"].mean() == pytest.approx(
        5, abs=0.15
    )
    assert set(model.predict(frame).columns) == {"channel=mail", "channel=none", "channel=sms", "spend"}


def test_a_counterfactual_needs_noise_that_can_be_recovered():
    frame, truth = marketing(n=3_000)
    model = fit_scm(frame, CausalGraph(NODES, EDGES), rng=0)
    moved = frame["load_time"].to_numpy() - 1
    after = model.invert("load_time").counterfactual(frame, {"load_time": moved})
    error = (after["spend"] - frame["spend"]) - truth({"load_time": moved})
    assert np.abs(error).mean() < 0.1
    with pytest.raises(FrameError, match="were not inverted for"):
        model.invert("load_time").counterfactual(frame, {"discount": 0.0})
    assert not hasattr(model, "counterfactual")
    binary, graph, _ = binary_market(n=1_000)
    with pytest.raises(NoiseNotRecoverable, match="'visit', 'bought'"):
        fit_scm(binary, graph, rng=0).invert(["contact"])


def test_samples_look_like_the_data_and_moves_hold():
    frame, _ = marketing(n=4_000)
    model = fit_scm(frame, CausalGraph(NODES, EDGES), rng=0)
    drawn = model.sample(4_000, rng=1)
    assert list(drawn.columns) == list(model.order)
    np.testing.assert_allclose(drawn[list(NODES)].mean(), frame.mean(), atol=0.15)
    np.testing.assert_allclose(drawn[list(NODES)].corr(), frame.corr(), atol=0.08)
    forced = model.sample(4_000, rng=1, moves={"contacts": 2.0})
    assert (forced["contacts"] == 2.0).all() and forced["visits"].mean() > drawn["visits"].mean() + 1
    pd.testing.assert_frame_equal(model.sample(50, rng=7), model.sample(50, rng=7))


def test_weights_decide_which_population_is_fitted():
    draw = np.random.default_rng(4)
    x = draw.normal(size=4_000)
    slope = np.where(np.arange(4_000) < 2_000, 1.0, 3.0)
    frame = pd.DataFrame({"x": x, "y": slope * x})
    graph = CausalGraph("xy", [("x", "y")])
    weights = np.where(np.arange(4_000) < 2_000, 1.0, 0.0)
    model = fit_scm(frame, graph, weights=weights, rng=0)
    assert model.outcome_effect(frame, {"x": frame["x"] + 1}, "y").mean() == pytest.approx(1.0, abs=0.02)


def test_gaps_are_carried_and_the_same_seed_gives_the_same_model():
    frame, _ = marketing(n=1_500)
    frame.loc[frame.index % 7 == 0, "visits"] = np.nan
    graph = CausalGraph(NODES, EDGES)
    first, second = (fit_scm(frame, graph, rng=5) for _ in range(2))
    after = first.do(frame, {"contacts": 1.0})
    assert after["visits"].notna().all() and after["spend"].notna().all()
    pd.testing.assert_frame_equal(after, second.do(frame, {"contacts": 1.0}))


def test_permuting_rows_permutes_the_result():
    frame, _ = marketing(n=600)
    model = fit_scm(frame, CausalGraph(NODES, EDGES), rng=0)
    shuffled = frame.sample(frac=1, random_state=0)
    after = model.do(frame, {"contacts": 1.0})
    pd.testing.assert_frame_equal(model.do(shuffled, {"contacts": 1.0}), after.loc[shuffled.index])


def test_an_open_direction_is_refused_and_a_consensus_is_used():
    frame, _ = marketing(n=300)
    part = frame[["affinity", "past"]]
    loose = CausalGraph(part.columns, [], [("affinity", "past")])
    with pytest.raises(FrameError, match="open"):
        fit_scm(part, loose, rng=0)
    settled = CausalGraph(part.columns, [("affinity", "past")])
    graph = CausalGraph(part.columns, [], [("affinity", "past")], consensus=settled)
    assert list(fit_scm(part, graph, rng=0).equations) == ["past"]


@pytest.mark.parametrize(
    ("moves", "message"),
    [
        ({"nothing": 1.0}, "no node"),
        ({"contacts": np.ones(3)}, "for 300 rows"),
        ({"contacts": np.nan}, "finite"),
    ],
)
def test_a_move_that_cannot_be_made_is_named(moves, message):
    frame, _ = marketing(n=300)
    model = fit_scm(frame, CausalGraph(NODES, EDGES), rng=0)
    with pytest.raises(FrameError, match=message):
        model.do(frame, moves)


def test_values_outside_the_column_are_named():
    frame, graph, _ = binary_market(n=400)
    model = fit_scm(frame.assign(region="north"), graph, rng=0)
    with pytest.raises(FrameError, match="between 0 and 1"):
        model.do(frame, {"contact": 2})
    with pytest.raises(FrameError, match="unknown column 'visit'"):
        model.do(frame.drop(columns="visit"), {"contact": 1})
    with pytest.raises(FrameError, match="unknown column"):
        fit_scm(frame.drop(columns="visit"), graph, rng=0)
    with pytest.raises(FrameError, match="weights must be"):
        fit_scm(frame, graph, weights=-np.ones(400), rng=0)


def test_a_known_sign_holds_where_chance_says_otherwise_and_costs_nothing_where_it_agrees():
    """A price that truly lowers sales a little, seen through so much noise that the slope comes out positive."""
    graph = CausalGraph(["price", "wealth", "sales"], [("price", "sales"), ("wealth", "sales")])
    wrong = held = 0
    for seed in range(12):
        draw = np.random.default_rng(seed)
        price, wealth = draw.normal(size=(2, 400))
        frame = pd.DataFrame({"price": price, "wealth": wealth})
        frame["sales"] = wealth - 0.03 * price + draw.normal(size=400)
        unsigned = fit_scm(frame, graph, rng=0)
        free = unsigned.outcome_effect(frame, {"price": price + 1}, "sales")
        signed = fit_scm(frame, graph, rng=0, signs={("price", "sales"): -1})
        assert signed.outcome_effect(frame, {"price": price + 1}, "sales").max() <= 1e-9
        wrong += free.mean() > 0
        plain = all(model.equations["sales"].trees is None for model in (unsigned, signed))
        if free.max() <= 0 and plain:
            np.testing.assert_allclose(signed.outcome_effect(frame, {"price": price + 1}, "sales"), free, atol=1e-6)
            held += 1
    assert wrong >= 2 and held >= 2


@pytest.mark.parametrize("kind", ["number", "binary", "count"])
def test_equations_of_every_link_are_monotone_where_told(kind):
    draw = np.random.default_rng(5)
    price, wealth = draw.uniform(-2, 2, size=(2, 4_000))
    score = -np.tanh(2 * price) + np.sin(3 * price) + 0.5 * wealth
    sales = {
        "number": score + draw.normal(size=4_000),
        "binary": (draw.random(4_000) < 1 / (1 + np.exp(-2 * score))).astype(float),
        "count": draw.poisson(np.exp(score)).astype(float),
    }[kind]
    frame = pd.DataFrame({"price": price, "wealth": wealth, "sales": sales})
    graph = CausalGraph(["price", "wealth", "sales"], [("price", "sales"), ("wealth", "sales")])
    counts = ("sales",) if kind == "count" else ()
    model = fit_scm(frame, graph, rng=0, signs={("price", "sales"): -1}, counts=counts)
    free = fit_scm(frame, graph, rng=0, counts=counts)
    ladder = pd.DataFrame({"price": np.linspace(-2, 2, 200), "wealth": 0.0})
    assert model.kinds["sales"] == kind and model.equations["sales"].trees is not None
    assert np.diff(model.equations["sales"].mean(ladder)).max() <= 1e-9
    assert np.diff(free.equations["sales"].mean(ladder)).max() > 0.02


def test_a_count_multiplies_its_causes_and_passes_its_spread_on():
    draw = np.random.default_rng(6)
    wealth = draw.normal(size=6_000)
    visits = draw.poisson(np.exp(0.3 + 0.5 * wealth)).astype(float)
    spend = visits**2 + draw.normal(size=6_000)
    frame = pd.DataFrame({"wealth": wealth, "visits": visits, "spend": spend})
    graph = CausalGraph(["wealth", "visits", "spend"], [("wealth", "visits"), ("visits", "spend")])
    model = fit_scm(frame, graph, rng=0, counts=["visits"])
    mean = model.predict(frame)["visits"]
    assert mean.min() > 0 and np.sqrt(np.mean((mean - np.exp(0.3 + 0.5 * wealth)) ** 2)) < 0.1
    up = model.do(frame, {"wealth": wealth + 1.0})
    assert (up["visits"] / mean).mean() == pytest.approx(np.exp(0.5), abs=0.06)
    rate = np.exp(0.3 + 0.5 * wealth)
    truth = (rate * np.exp(0.5)) + (rate * np.exp(0.5)) ** 2 - rate - rate**2  # E[N^2] = m + m^2
    effect = model.outcome_effect(frame, {"wealth": wealth + 1.0}, "spend")
    by_mean = (rate * np.exp(0.5)) ** 2 - rate**2
    assert abs(effect.mean() - truth.mean()) < 0.5 * abs(by_mean.mean() - truth.mean())
    drawn = model.sample(6_000, rng=0)
    assert drawn["visits"].min() >= 0 and (drawn["visits"] % 1 == 0).all()
    assert drawn["visits"].mean() == pytest.approx(visits.mean(), rel=0.06)
    with pytest.raises(NoiseNotRecoverable, match="'visits'"):
        model.invert("wealth")


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"signs": {("bought", "wealth"): 1}}, "no edges"),
        ({"signs": {("wealth", "bought"): 2}}, r"must be \+1 or -1"),
        ({"signs": {("region", "bought"): 1}}, "is a category"),
        ({"counts": ["clicks"]}, "no nodes"),
        ({"counts": ["income"]}, "fitted as a count but holds"),
    ],
)
def test_signs_and_counts_that_cannot_be_used_are_named(settings, message):
    frame, graph, _ = binary_market(n=300)
    frame["region"] = np.where(np.arange(300) % 2, "north", "south")
    frame["income"] = frame["wealth"] - 0.5
    graph = CausalGraph(frame.columns, [*graph.edges, ("region", "bought"), ("wealth", "income")])
    with pytest.raises(FrameError, match=message):
        fit_scm(frame, graph, rng=0, **settings)
