"""What every learner must do, whatever it believes."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LinearRegression, LogisticRegression, Ridge
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC

from graphrec.learning.heads.registry import HEADS, predict_quickly, read_head, recipe_of, store_head
from graphrec.learning.regressions.parts import NotStorable, Parts
from graphrec.learning.response import StructuredUplift
from graphrec.market.tables import DataError

EFFECTS = tuple(name for name in HEADS if recipe_of(name).claims_effect)


def fit(head, rows, seed=0, **plugged):
    return recipe_of(head, **plugged).fit(rows, np.random.default_rng(seed))


def taken(rows, order):
    parts = {name: getattr(rows, name)[order] for name in ("matrix", "channel", "outcome", "weights", "clusters")}
    return replace(rows, **parts)


@pytest.fixture(scope="module")
def made(planted):
    return planted(100, n=3_000)


@pytest.fixture(scope="module")
def fitted(made):
    return {name: fit(name, made.rows) for name in HEADS}


@pytest.fixture(scope="module")
def spending(planted):
    """Money: most spend nothing; a contact adds 2 + x0, in expectation."""
    made = planted(101, n=4_000, level=(0.8,), confounding=1.0)
    rng = np.random.default_rng(7)
    effect = 2.0 + made.rows.matrix[:, 0].astype(np.float64)
    organic = 3.0 + 2.0 * made.rows.matrix[:, 0] + made.rows.matrix[:, 1]
    spent = rng.gamma(0.5, 2.0, len(effect)) * 4.0 - 4.0
    return replace(made.rows, outcome=organic + spent + effect * made.rows.contacted), effect


@pytest.mark.parametrize("name", HEADS)
def test_shapes_bounds_and_finite_errors(made, fitted, name):
    found = fitted[name].predict(made.rows.matrix[:60])
    assert found.p_organic.shape == (60,) and found.p_contact.shape == found.se.shape == (60, 2)
    for values in (found.p_organic, found.p_contact):
        assert (values >= 0).all() and (values <= 1).all()
    if name in EFFECTS:
        assert (found.se > 0).all() and np.isfinite(found.se).all()
    assert fitted[name].predict(made.rows.matrix[:0]).p_contact.shape == (0, 2)


@pytest.mark.parametrize("name", HEADS)
def test_the_same_seed_gives_the_same_bytes_and_errors_change_nothing_else(made, fitted, name):
    matrix = made.rows.matrix[:500]
    found = fitted[name].predict(matrix)
    assert fit(name, made.rows).predict(matrix).p_contact.tobytes() == found.p_contact.tobytes()
    quick = predict_quickly(fitted[name], matrix)
    assert quick.p_contact.tobytes() == found.p_contact.tobytes() and np.isnan(quick.se).all()


@pytest.mark.parametrize("name", HEADS)
def test_the_order_of_the_rows_is_only_an_order(made, fitted, name):
    order = np.random.default_rng(5).permutation(len(made.rows.outcome))
    found = fitted[name].predict(made.rows.matrix)
    np.testing.assert_allclose(fitted[name].predict(made.rows.matrix[order]).uplift, found.uplift[order], rtol=1e-9)
    again = fit(name, taken(made.rows, order)).predict(made.rows.matrix)
    assert np.abs(found.uplift - again.uplift).mean() < 0.02


@pytest.mark.parametrize("name", HEADS)
def test_what_is_stored_comes_back_to_the_last_bit(made, fitted, name):
    model = fitted[name]
    if isinstance(model, StructuredUplift):
        pytest.skip("has a form of its own, tested beside it")
    kind, parts = store_head(model)
    again = read_head(kind, Parts(parts.arrays, parts.texts, json.loads(json.dumps(parts.meta))))
    found, back = model.predict(made.rows.matrix[:200]), again.predict(made.rows.matrix[:200])
    assert found.p_contact.tobytes() == back.p_contact.tobytes() and found.se.tobytes() == back.se.tobytes()


@pytest.mark.parametrize("name", EFFECTS)
def test_the_planted_effect_is_found_and_its_absence_too(made, fitted, planted, name):
    found = fitted[name].predict(made.rows.matrix).uplift
    np.testing.assert_allclose(found.mean(axis=0), made.uplift.mean(axis=0), atol=0.05)
    assert np.corrcoef(found[:, 0], made.uplift[:, 0])[0, 1] > 0.6
    none = planted(102, n=4_000, level=(0.0,), slope=0.0, confounding=1.5)
    naive = none.rows.outcome[none.rows.contacted].mean() - none.rows.outcome[~none.rows.contacted].mean()
    assert abs(fit(name, none.rows).predict(none.rows.matrix).uplift.mean()) < naive / 3


@pytest.mark.parametrize("name", EFFECTS)
def test_every_learner_takes_amounts(spending, name):
    rows, effect = spending
    found = fit(name, rows).predict(rows.matrix)
    assert found.uplift[:, 0].mean() == pytest.approx(effect.mean(), abs=0.5)
    assert np.corrcoef(found.uplift[:, 0], effect)[0, 1] > 0.6
    assert found.p_contact.max() > 1


@pytest.mark.slow
def test_intervals_of_the_additive_learner_cover(planted):
    covered = []
    for seed in range(110, 115):
        made = planted(seed, n=3_000, level=(0.8,))
        rng = np.random.default_rng(seed)
        x = made.rows.matrix.astype(np.float64)
        effect = 1.0 + 0.5 * x[:, 0]
        mean = 3.0 + 2.0 * x[:, 0] + x[:, 1] + effect * made.rows.contacted
        rows = replace(made.rows, outcome=mean + rng.normal(scale=3.0, size=len(mean)))
        found = fit("structured", rows, seed).predict(rows.matrix)
        covered.append((np.abs(found.uplift[:, 0] - effect) <= 1.645 * found.se[:, 0]).mean())
    assert 0.8 < np.mean(covered) <= 1.0


def test_an_estimator_is_cloned_and_serves_every_learner(made):
    logistic = LogisticRegression()
    for name in ("structured", "t", "x", "dr", "snips"):
        found = fit(name, made.rows, outcome_model=logistic, propensity_model=LogisticRegression(C=0.5))
        np.testing.assert_allclose(
            found.predict(made.rows.matrix).uplift.mean(axis=0), made.uplift.mean(axis=0), atol=0.05
        )
    assert not hasattr(logistic, "coef_")


def test_an_estimator_for_a_head_is_a_t_learner_and_forests_get_a_seed(made):
    forest = RandomForestClassifier(n_estimators=5, min_samples_leaf=50)
    first, again = (fit(forest, made.rows).predict(made.rows.matrix[:50]) for _ in range(2))
    assert first.p_contact.tobytes() == again.p_contact.tobytes()
    with pytest.raises(NotStorable, match="RandomForestClassifier has no form"):
        store_head(fit(forest, made.rows))


def test_weights_reach_the_estimator_or_it_is_refused(made):
    weighted = replace(made.rows, weights=np.where(made.rows.contacted, 1.0, 2.0 + made.rows.matrix[:, 0] ** 2))
    scaled = make_pipeline(StandardScaler(), LogisticRegression())
    assert np.isfinite(fit("dr", weighted, outcome_model=scaled).predict(made.rows.matrix).uplift).all()
    with pytest.raises(DataError, match=r"KNeighborsClassifier takes no sample_weight.*use an estimator"):
        fit("x", weighted, outcome_model=KNeighborsClassifier())
    with pytest.raises(DataError, match="propensity_model KNeighborsClassifier takes no sample_weight"):
        fit("x", weighted, propensity_model=KNeighborsClassifier())
    assert np.isfinite(fit("t", made.rows, outcome_model=KNeighborsClassifier()).predict(made.rows.matrix).uplift).all()


def test_a_regressor_of_a_yes_or_no_stays_a_probability(made):
    found = fit("t", made.rows, outcome_model=Ridge()).predict(made.rows.matrix * 10)
    assert (found.p_contact >= 0).all() and (found.p_contact <= 1).all()


def test_what_cannot_serve_is_refused_with_the_remedy(made, spending):
    with pytest.raises(DataError, match="choose one of structured, t, x"):
        recipe_of("uplift forest")
    with pytest.raises(DataError, match="SVC has no predict_proba"):
        fit("t", made.rows, outcome_model=SVC())
    with pytest.raises(DataError, match="is a classifier, and the outcome is an amount"):
        fit("t", spending[0], outcome_model=LogisticRegression())
    with pytest.raises(DataError, match="give a scikit-learn estimator"):
        fit("t", made.rows, outcome_model=LinearRegression)
    with pytest.raises(DataError, match="fits its own models"):
        recipe_of(lambda rows, rng: None, outcome_model=LinearRegression())
    with pytest.raises(DataError, match="one kind only"):
        fit("dr", replace(made.rows, channel=np.zeros(len(made.rows.outcome), dtype=np.int64)))


@pytest.mark.parametrize("name", EFFECTS)
def test_a_channel_with_ten_contacts_is_fitted_all_the_same(planted, name):
    rows = planted(103, n=2_000).rows
    few = np.flatnonzero(rows.channel == 2)[10:]
    found = fit(name, taken(rows, np.setdiff1d(np.arange(2_000), few))).predict(rows.matrix)
    assert np.isfinite(found.uplift).all()


def test_the_x_learner_doubts_the_arms_that_it_imputes_from(made, fitted):
    learner, matrix = fitted["x"], made.rows.matrix[:200]
    share = 1 / (1 + np.exp(-learner.propensity.logits(matrix)))
    spread = np.column_stack([share * arm.standard_errors(matrix) for arm in learner.arms])
    assert (learner.predict(matrix).se >= spread).all() and spread.max() > 0


def test_a_regressor_is_no_model_of_a_contact():
    with pytest.raises(DataError, match="propensity_model Ridge is no classifier"):
        recipe_of("t", propensity_model=Ridge())
