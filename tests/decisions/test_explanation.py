"""The two views of one recommendation: SHAP of the response, and what the graph says of it."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from graphrec.decisions.explanation import contribution_reasons, explain_customer
from graphrec.market.tables import DataError


@pytest.fixture(scope="module")
def fitted(model):
    return model, model.recommend(n=3)


def test_contributions_add_up_to_the_prediction(fitted):
    model, scores = fitted
    found = explain_customer(model, scores["customer_id"].iloc[0], scores, rng=0)
    assert found.base + sum(found.contributions.values()) == pytest.approx(found.prediction, abs=1e-6)
    assert found.low <= found.effect <= found.high


def test_the_same_seed_gives_the_same_explanation(fitted):
    model, scores = fitted
    customer = scores["customer_id"].iloc[0]
    assert explain_customer(model, customer, scores, rng=1) == explain_customer(model, customer, scores, rng=1)


def test_a_consequence_is_called_one(fitted):
    """support_tickets follow purchases: however large their SHAP value, moving them changes nothing."""
    model, _ = fitted
    assert "support_tickets" in model.panel.consequences
    first, *_ = contribution_reasons(model, {"support_tickets": 2.0, "age": 0.1})
    assert first.startswith("support_tickets is a consequence")
    assert "changes nothing" in first


def test_an_unscored_customer_is_refused(fitted):
    model, scores = fitted
    with pytest.raises(DataError, match="score them first"):
        explain_customer(model, "nobody", scores)


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
def test_values_equal_those_of_the_shap_library(fitted):
    """LightGBM's own TreeSHAP and the shap library must agree; the library takes seconds to import."""
    import shap

    from graphrec.decisions.explanations.responsetrees import fit_response_trees

    model, _ = fitted
    trees, rows = fit_response_trees(model, 0), model.panel.frame.head(50)
    ours, base = trees.contributions(rows)
    matrix = trees.design.transform(rows)
    theirs = pd.DataFrame(shap.TreeExplainer(trees.booster).shap_values(matrix), columns=list(trees.design.sources))
    np.testing.assert_allclose(ours, theirs.T.groupby(level=0).sum().T[list(ours.columns)], atol=1e-6)
    np.testing.assert_allclose(base + ours.sum(axis=1), trees.booster.predict(matrix, raw_score=True), atol=1e-9)
