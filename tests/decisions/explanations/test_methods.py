"""Methods of explanation on functions whose answers are known."""

from __future__ import annotations

from itertools import permutations

import numpy as np
import pandas as pd
import pytest
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LinearRegression, LogisticRegression

from graphrec.decisions.explanation import METHODS, class_groups, compare_explanations, explain
from graphrec.market.tables import DataError

COLUMNS = ["a", "b", "c", "d"]


@pytest.fixture(scope="module")
def table():
    return pd.DataFrame(np.random.default_rng(0).normal(size=(300, 4)), columns=COLUMNS)


def _bent(frame):
    return frame["a"] * frame["b"] + 2 * frame["c"]


def test_shap_of_a_line_is_slope_times_deviation(table):
    model = LinearRegression().fit(table, 3 * table["a"] - table["b"])
    found = explain(model, table.head(5), background=table.head(150), draws=2_000, rng=0)
    usual = table.head(150).mean()
    truth = np.column_stack([model.coef_[i] * (table[c].head(5) - usual[c]) for i, c in enumerate(COLUMNS)])
    np.testing.assert_allclose(found.values, truth, atol=0.15)
    assert found.additive


def test_shap_equals_every_order_over_every_background_row(table):
    """The definition by brute force: 24 orders of four columns over 20 background rows."""
    rows, usual = table.head(3), table.iloc[100:120]
    truth = np.zeros((3, 4))
    for order in permutations(range(4)):
        for other in usual.to_numpy():
            for i, row in enumerate(rows.to_numpy()):
                at = other.copy()
                before = at[0] * at[1] + 2 * at[2]
                for k in order:
                    at[k] = row[k]
                    after = at[0] * at[1] + 2 * at[2]
                    truth[i, k] += (after - before) / (24 * 20)
                    before = after
    found = explain(_bent, rows, background=usual, draws=2_000, rng=0)
    assert (np.abs(found.values - truth) < 4 * found.standard_error + 1e-9).all()
    assert np.abs(found.values[:, 3]).max() < 1e-12


def test_groups_are_explained_as_one_and_everybody_meets_the_same_orders(table):
    groups = class_groups(COLUMNS, {"a": "Past", "b": "Past"})
    assert groups == {"Past": ("a", "b"), "c": ("c",), "d": ("d",)}
    together = explain(_bent, table.head(4), background=table, groups=groups, rng=1)
    assert together.features == ("Past", "c", "d")
    assert together.additive
    alone = explain(_bent, table.iloc[[2]], background=table, groups=groups, rng=1)
    np.testing.assert_allclose(alone.values[0], together.values[2], atol=1e-12)


def test_trees_are_exact_and_add_up(table):
    import lightgbm

    y = (_bent(table) > 0).astype(int)
    model = lightgbm.LGBMClassifier(n_estimators=20, num_leaves=6, n_jobs=1, verbosity=-1).fit(table, y)
    found = explain(model, table.head(10))
    assert found.scale == "log-odds"
    assert found.additive
    np.testing.assert_allclose(1 / (1 + np.exp(-found.prediction)), model.predict_proba(table.head(10))[:, 1])
    booster = explain(model.booster_, table.head(10)[COLUMNS[::-1]])  # columns in another order, found by name
    np.testing.assert_allclose(booster.to_frame()[COLUMNS], found.to_frame())


def test_words_are_replaced_by_words_of_other_rows(table):
    rows = table.assign(d=pd.Categorical(np.where(table["d"] > 0, "red", "blue")))

    def model(frame):
        return (frame["d"] == "red").astype(float) * 2 + frame["a"]

    found = explain(model, rows.head(6), background=rows, draws=400, rng=0).to_frame()
    red = (rows["d"].head(6) == "red").to_numpy()
    assert (found["d"][red] > 0).all()
    assert (found["d"][~red] < 0).all()


def test_lime_finds_the_slopes_and_says_how_stable_it_is(table):
    steady = explain(lambda t: 5 * t["a"] + t["c"], table.head(5), background=table, method="lime", draws=2_000, rng=0)
    order = np.argsort(-np.abs(steady.values), axis=1)[:, :2]
    assert set(order.ravel()) == {0, 2}
    assert steady.stability > 0.6
    noise = np.random.default_rng(3)
    shaky = explain(lambda t: noise.normal(size=len(t)), table.head(5), background=table, method="lime", rng=0)
    assert shaky.stability < 0.5


def test_a_copy_is_worthless_once_its_original_is_known():
    draw = np.random.default_rng(0)
    a = draw.normal(size=2_000)
    frame = pd.DataFrame({"a": a, "copy": a + 0.05 * draw.normal(size=2_000), "b": draw.normal(size=2_000)})
    y = a + frame["copy"] + frame["b"]
    both = {
        method: explain(lambda t: t["a"] + t["copy"] + t["b"], frame, method=method, outcome=y, rng=0)
        .to_frame()
        .iloc[0]
        for method in ("permutation", "conditional permutation")
    }
    free, held = both["permutation"], both["conditional permutation"]
    assert free["a"] > 0.8 * free["b"]
    assert held["a"] < 0.2 * held["b"]
    assert held["b"] == pytest.approx(free["b"], rel=0.15)


def test_ale_does_not_ask_about_rows_that_do_not_exist():
    """a and b are nearly equal: where they part the model is nonsense, which PDP averages over and ALE never sees."""
    draw = np.random.default_rng(1)
    a = draw.uniform(0, 1, 3_000)
    frame = pd.DataFrame({"a": a, "b": a + 0.02 * draw.normal(size=3_000)})

    def model(t):
        return np.where(np.abs(t["a"] - t["b"]) < 0.2, t["a"], 100.0)

    ale = explain(model, frame, method="ale").curves["a"]
    pdp = explain(model, frame.head(300), method="pdp").curves["a"]
    assert ale.mean[-1] - ale.mean[0] == pytest.approx(1.0, abs=0.05)
    assert pdp.mean.mean() > 20


def test_curves_of_counts_words_and_constants(table):
    frame = table.assign(n=np.arange(300) % 4, w=np.where(table["a"] > 0, "x", "y"), k=1.0).head(60)

    def model(t):
        return t["n"] * 2.0 + (t["w"] == "x") * 3.0

    pdp = explain(model, frame, method="pdp")
    np.testing.assert_allclose(np.diff(pdp.curves["n"].mean), 2.0)
    assert pdp.curves["w"].grid.tolist() == ["x", "y"]
    assert pdp.curves["n"].rows_at.sum() == 60
    ale = explain(model, frame, method="ale")
    assert "w" not in ale.curves
    assert "w" in ale.notes[0]
    assert ale.to_frame().iloc[0]["k"] == 0.0
    ice = explain(model, frame, method="ice")
    assert ice.values.shape == (60, len(ice.features))


def test_judging_tells_a_true_explanation_from_a_false_one(table):
    from graphrec.decisions.explanations.judging import deletion_gain
    from graphrec.decisions.explanations.predictors import column_groups, predictor_of

    predictor = predictor_of(lambda t: 4 * t["a"] + 2 * t["b"] + t["c"], COLUMNS)
    groups = column_groups(predictor, None)
    true = table.head(40) * [4, 2, 1, 0]
    rng = np.random.default_rng(0)
    rows, other = predictor.table(table.head(40)), predictor.table(table)
    good = deletion_gain(predictor, rows, other, groups, true.to_numpy(), rng)
    bad = deletion_gain(predictor, rows, other, groups, 1 / (np.abs(true.to_numpy()) + 1e-3), rng)
    assert good > 0.1
    assert bad < -0.1


def test_methods_are_compared_in_one_table(table):
    model = LogisticRegression().fit(table, table["a"] + table["b"] > 0)
    y = (table["a"] + table["b"] > 0).astype(float)
    rows, methods = table.head(10), ["shap", "lime", "permutation", "ale"]
    found = compare_explanations(
        model, rows, background=table.head(60), outcome=y.head(10), methods=methods, rng=0
    ).set_index("method")
    assert list(found.index) == methods
    assert set(methods) <= set(METHODS)
    assert (found["faithfulness"] > 0).all()
    assert found.loc["shap", "stability"] > 0.7
    assert (found["seconds"] >= 0).all()


def test_segments_are_means_of_rows(table):
    found = explain(_bent, table.head(6), rng=0)
    by = found.by_segment(["x", "x", "y", "y", "y", "x"])
    np.testing.assert_allclose(by.loc["x"], found.values[[0, 1, 5]].mean(axis=0))
    with pytest.raises(DataError, match="one each"):
        found.by_segment(["x"])
    with pytest.raises(DataError, match="model as a whole"):
        explain(_bent, table.head(6), method="pdp").by_segment(["x"])


def test_a_forest_trained_on_a_matrix_never_sees_names(table):
    model = RandomForestClassifier(5, random_state=0).fit(table.to_numpy(), table["a"] > 0)
    found = explain(model, table.head(3), background=table, draws=8, rng=0)
    assert found.importance().index[0] == "a"
    assert explain(model, table.head(3), target=False, draws=8, rng=0).prediction == pytest.approx(1 - found.prediction)


def test_bad_questions_are_refused(table):
    line = LinearRegression().fit(table, table["a"])
    with pytest.raises(DataError, match="neither predict nor"):
        explain(object(), table)
    with pytest.raises(DataError, match="missing values"):
        explain(line, table.head(3).assign(b=[1.0, np.nan, 0.0]))
    with pytest.raises(DataError, match="another data set"):
        explain(line, table.drop(columns="c"))
    with pytest.raises(DataError, match="another data set"):
        explain(line, table.head(3), background=table.rename(columns={"c": "z"}))
    with pytest.raises(DataError, match="choose one of"):
        explain(line, table, method="anchors")
    with pytest.raises(DataError, match="give outcome"):
        explain(line, table, method="permutation")
    with pytest.raises(DataError, match="outcome has shape"):
        explain(line, table, method="permutation", outcome=[1.0])
    with pytest.raises(DataError, match="no rows"):
        explain(line, table.head(0))
    with pytest.raises(DataError, match="no class"):
        explain(LogisticRegression().fit(table, table["a"] > 0), table, target="yes")
    with pytest.raises(DataError, match="two groups"):
        explain(line, table, groups={"x": ["a"], "y": ["a"]})
    with pytest.raises(DataError, match="unknown"):
        explain(line, table, groups={"x": ["zz"]})
    with pytest.raises(DataError, match="leave groups out"):
        explain(line, table, method="pdp", groups={"x": ["a"]})
    with pytest.raises(DataError, match="hold\\(s\\) words"):
        explain(LinearRegression().fit(table.to_numpy(), table["a"]), table.assign(a="red"))


def test_the_same_seed_gives_the_same_bytes(table):
    for method in ("shap", "lime"):
        first, second = (explain(_bent, table.head(4), method=method, rng=5).values for _ in range(2))
        assert first.tobytes() == second.tobytes()
