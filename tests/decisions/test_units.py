from __future__ import annotations

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

import graphrec
from causal.graph import CausalGraph
from graphrec.decisions.scoring import SCORE_COLUMNS
from graphrec.market.tables import DataError


@pytest.fixture(scope="module")
def scores(unit_model, units):
    return unit_model.recommend(market=units)


def test_the_columns_are_those_of_a_market_s_scores(scores):
    expected = tuple("offer_id" if name == "product_id" else name for name in SCORE_COLUMNS)
    assert tuple(scores.columns) == expected
    assert (scores["offer_id"] == "bought").all()


def test_every_unit_has_its_arms_best_first(scores, units):
    assert scores["customer_id"].tolist() == list(np.repeat(units["customer_id"], 2))
    assert scores["rank"].tolist() == [1, 2] * len(units)
    assert (scores.groupby("customer_id", sort=False)["uplift"].diff().dropna() <= 0).all()
    assert (scores[scores["rank"] == 1]["channel"] == "mail").mean() > 0.95


def test_probabilities_and_intervals_are_possible(scores):
    p0, p1 = scores["p_organic"], scores["p_contact"]
    assert p0.between(0, 1, inclusive="neither").all() and p1.between(0, 1, inclusive="neither").all()
    assert (scores["uplift_low"] <= scores["uplift"]).all() and (scores["uplift"] <= scores["uplift_high"]).all()
    assert (scores["uplift_low"] >= -p0).all() and (scores["uplift_high"] <= 1 - p0).all()


def test_a_conversion_is_worth_what_buyers_paid(scores):
    assert (scores["value"] == 20.0).all()
    np.testing.assert_allclose(scores["net_value"], 20 * scores["uplift"])


def test_the_training_units_keep_their_names(unit_model, units, scores):
    assert unit_model.recommend().equals(scores)
    assert unit_model.recommend(customers=["u5"])["customer_id"].tolist() == ["u5", "u5"]
    assert "customer_id" not in {*unit_model.panel.variables.columns, *unit_model.panel.left_out}


def test_units_of_a_scoring_table_have_one_row_and_a_name_each(unit_model, units):
    some = units.head(3)
    for names, told in ((["a", "b", "a"], "repeats an earlier one in 1"), (["a", None, "b"], "missing in 1 rows")):
        with pytest.raises(DataError, match=told):
            unit_model.recommend(market=some.assign(customer_id=names))


def test_slots_that_were_recorded_and_not_learned_are_explained(units):
    panel = graphrec.Panel.from_frame(
        units.assign(slot=np.where(np.arange(len(units)) % 2, "am", "pm")),
        treatment="arm",
        outcome="bought",
        control="none",
        roles={"wealth": "Wealth"},
        slot="slot",
    )
    graph = CausalGraph(["wealth", "arm", "bought"], [("wealth", "arm"), ("wealth", "bought"), ("arm", "bought")])
    model = graphrec.Recommender(head="t").fit(panel, graph=graph, rng=0)
    assert model.recommend(n=1)["slot"].isna().all()
    with pytest.raises(DataError, match=r"have the slots am, pm, but no slot was learned: .* head='structured'"):
        model.recommend(slots=["am"])


def test_new_units_need_the_covariates_only(unit_model):
    new = pd.DataFrame({"wealth": [0.0, 1.0], "age": [np.nan, 1.0], "city": ["south", "elsewhere"]})
    found = unit_model.recommend(n=1, market=new)
    assert found["customer_id"].tolist() == [0, 1] and found["uplift"].notna().all()
    assert found.equals(unit_model.recommend(n=1, market=pa.Table.from_pandas(new)))


def test_rows_are_scored_one_by_one(unit_model, units, scores):
    order = np.random.default_rng(0).permutation(len(units))[:500]
    turned = unit_model.recommend(market=units.iloc[order]).set_index(["customer_id", "channel"])
    whole = scores.set_index(["customer_id", "channel"]).loc[turned.index]
    np.testing.assert_allclose(turned["uplift"], whole["uplift"], rtol=1e-9)


def test_units_and_arms_can_be_chosen(unit_model, units, scores):
    some = unit_model.recommend(market=units, customers=["u7", "u3"], channels=["call"])
    assert some["customer_id"].tolist() == ["u7", "u3"] and set(some["channel"]) == {"call"}
    calls = scores[scores["channel"] == "call"].set_index("customer_id")["uplift"]
    np.testing.assert_allclose(some["uplift"], calls[["u7", "u3"]], rtol=1e-9)


def test_an_unknown_unit_is_counted_and_not_named(unit_model, units):
    with pytest.raises(DataError, match="1 of 2 customers are not in the table") as caught:
        unit_model.recommend(market=units, customers=["u7", "mallory"])
    assert "mallory" not in str(caught.value)


def test_by_net_value_is_the_same_order_where_contacts_cost_nothing(unit_model, units, scores):
    assert unit_model.recommend(market=units, by="net_value").equals(scores)


def test_a_missing_column_is_named(unit_model, units):
    with pytest.raises(DataError, match="lacks the column 'wealth'"):
        unit_model.recommend(market=units.drop(columns="wealth"))


def test_a_moment_makes_no_sense_of_a_table(unit_model, units):
    with pytest.raises(DataError, match="as_of needs a market"):
        unit_model.recommend(market=units, as_of="2024-01-01")


def test_no_table_at_all_is_refused(unit_model):
    with pytest.raises(DataError, match="is a int; give a pandas"):
        unit_model.recommend(market=3)


def test_a_model_of_a_market_needs_a_market(model, units):
    with pytest.raises(DataError, match="needs a Market, not a table"):
        model.recommend(market=units)


def test_a_model_of_units_has_no_market_to_score(unit_model, simulation):
    with pytest.raises(DataError, match="ready-made"):
        unit_model.recommend(market=simulation.market)
    with pytest.raises(DataError, match="ready-made"):
        unit_model.scorer()


def test_an_experiment_of_two_arms_without_a_graph(units):
    two = units[units["arm"] != "call"]
    panel = graphrec.Panel.from_frame(
        two, treatment="arm", outcome="bought", control="none", roles={"wealth": "Wealth"}
    )
    found = graphrec.Recommender().fit(panel, rng=0).recommend(n=3)
    assert found["rank"].eq(1).all() and set(found["channel"]) == {"mail"}
    assert 0.1 < found["uplift"].mean() < 0.4


def test_an_experiment_that_says_so_is_graded_a(tmp_path):
    draw = np.random.default_rng(0)
    mailed, wealth = draw.random(800) < 0.5, draw.normal(size=800)
    table = pd.DataFrame(
        {
            "wealth": wealth,
            "arm": np.where(mailed, "mail", "none"),
            "bought": (draw.random(800) < 0.2 + 0.2 * mailed).astype(int),
            "lot": True,
        }
    )
    graph = CausalGraph(["wealth", "arm", "bought"], [("arm", "bought"), ("wealth", "bought")])

    def grades(randomised: bool | str) -> set[str]:
        panel = graphrec.Panel.from_frame(
            table, treatment="arm", outcome="bought", control="none", roles={"wealth": "Wealth"}, randomised=randomised
        )
        model = graphrec.Recommender().fit(panel, graph=graph, rng=0)
        model.save(tmp_path / "model")
        kept = graphrec.load_recommender(tmp_path / "model").recommend()["grade"]
        assert kept.equals(model.recommend()["grade"])
        return set(kept)

    assert grades(True) == grades("lot") == {"A"}
    assert "A" not in grades(False)
