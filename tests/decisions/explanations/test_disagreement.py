"""Where a model and the graph point apart, on a table whose causes are written down."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from sklearn.linear_model import LinearRegression

from causal import CausalGraph, attribute_outcome, fit_scm
from graphrec.decisions.explanation import compare_views, disagreement_table, explain
from graphrec.decisions.explanations.disagreement import role_in_graph
from graphrec.market.tables import DataError

EDGES = [
    ("income", "spend"), ("income", "club"), ("mail", "visit"), ("visit", "spend"), ("spend", "ticket")
]  # fmt: skip


@pytest.fixture(scope="module")
def views():
    draw = np.random.default_rng(0)
    n = 190  # few rows: lines only
    frame = pd.DataFrame({"income": draw.normal(size=n), "mail": draw.normal(size=n), "luck": draw.normal(size=n)})
    frame["club"] = frame["income"] + 0.3 * draw.normal(size=n)
    frame["visit"] = frame["mail"] + 0.3 * draw.normal(size=n)
    frame["spend"] = frame["income"] + frame["visit"] + 0.3 * draw.normal(size=n)
    frame["ticket"] = frame["spend"] + 0.1 * draw.normal(size=n)
    graph = CausalGraph(list(frame), EDGES)
    features = [name for name in frame if name != "spend"]
    shap = explain(LinearRegression().fit(frame[features], frame["spend"]), frame[features], rng=0)
    cause = attribute_outcome(fit_scm(frame, graph, rng=0), frame, "spend", graph=graph)
    return frame, graph, shap, cause


def test_each_feature_gets_the_reason_of_the_graph(views):
    _, graph, shap, cause = views
    found = {each.feature: each for each in compare_views(shap, cause, graph)}
    roles = {name: each.role for name, each in found.items()}
    assert roles == {
        "ticket": "consequence", "mail": "mediated cause", "club": "proxy", "income": "cause", "visit": "cause",
        "luck": "unrelated",
    }  # fmt: skip
    assert found["ticket"].apart
    assert found["ticket"].model_share > 0.4
    assert found["ticket"].cause_share == 0.0
    assert "follows from spend" in found["ticket"].reason
    assert found["mail"].apart
    assert "acts through visit" in found["mail"].reason
    assert "stands for what drives both (income)" in found["club"].reason
    assert not found["luck"].apart


def test_the_widest_apart_comes_first(views):
    _, graph, shap, cause = views
    table = disagreement_table(compare_views(shap, cause, graph))
    assert table["feature"].iloc[0] == "ticket"
    assert table["model_share"].sum() == pytest.approx(1.0)
    assert table["cause_share"].sum() == pytest.approx(1.0)


def test_an_importance_of_the_whole_model_may_be_compared_too(views):
    frame, graph, _, cause = views
    features = [name for name in frame if name != "spend"]
    model = LinearRegression().fit(frame[features], frame["spend"])
    found = explain(model, frame[features], method="permutation", outcome=frame["spend"], rng=0)
    assert compare_views(found, cause, graph)[0].feature == "ticket"


def test_a_hidden_common_cause_makes_a_proxy():
    graph = CausalGraph(["club", "spend", "x"], [("x", "spend")], bidirected_edges=[("club", "spend")])
    assert role_in_graph(graph, "club", "spend") == "proxy"
    assert role_in_graph(CausalGraph(["a", "b"]), "a", "b") == "unrelated"


def test_other_data_is_refused(views):
    frame, graph, shap, cause = views
    with pytest.raises(DataError, match="explain the same rows"):
        compare_views(explain(lambda t: t["mail"], frame.head(3), rng=0), cause, graph)
    with pytest.raises(DataError, match="other data"):
        compare_views(shap, cause, CausalGraph(["a", "b"], [("a", "b")]))
    with pytest.raises(DataError, match="holds no feature"):
        compare_views(explain(lambda t: t["q"], pd.DataFrame({"q": np.arange(190.0)}), rng=0), cause, graph)
