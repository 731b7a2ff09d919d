"""What not to do although SHAP likes it: planted consequences and proxies, and a column that is a cause."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

import graphrec
from causal import CausalGraph
from graphrec.decisions.explanation import explain_customer, find_temptations
from graphrec.decisions.explanations.naivefigure import naive_difference
from graphrec.decisions.explanations.temptations import tempting_columns
from graphrec.market.tables import DataError

ROLES = {"wealth": "Wealth", "discount": "Discount", "club": "Promotion", "tickets": "SupportTicket"}
NODES = ["wealth", "discount", "club", "arm", "bought", "tickets"]
EDGES = [
    ("wealth", "discount"), ("wealth", "club"), ("wealth", "bought"), ("discount", "bought"), ("arm", "bought"),
    ("bought", "tickets"),
]  # fmt: skip


def draw(n: int = 3_000, seed: int = 0, tickets: float = 3.0) -> pd.DataFrame:
    """The club goes with wealth and does nothing; tickets follow the purchase."""
    rng = np.random.default_rng(seed)
    wealth = rng.normal(size=n)
    discount = np.clip(0.2 + 0.05 * wealth + rng.normal(0, 0.1, n), 0, 0.5)
    arm = np.where(rng.random(n) < 0.3 + 0.2 * (wealth > 0), "mail", "none")
    chance = 1 / (1 + np.exp(-(-1 + wealth + 2 * discount + 0.5 * (arm == "mail"))))
    bought = (rng.random(n) < chance).astype(float)
    return pd.DataFrame(
        {
            "wealth": wealth, "discount": discount, "club": wealth + rng.normal(0, 0.3, n), "arm": arm,
            "bought": bought, "tickets": tickets * bought + rng.normal(size=n),
        }
    )  # fmt: skip


def fitted(table: pd.DataFrame) -> graphrec.Recommender:
    panel = graphrec.Panel.from_frame(table, treatment="arm", outcome="bought", control="none", roles=ROLES)
    return graphrec.Recommender().fit(panel, graph=CausalGraph(NODES, EDGES), rng=0)


@pytest.fixture(scope="module")
def model() -> graphrec.Recommender:
    return fitted(draw())


def test_a_consequence_that_shap_puts_first_is_named(model: graphrec.Recommender) -> None:
    found = find_temptations(model, range(50), rng=0)
    assert len(found) == 50
    first = [each[0] for each in found if each]
    assert np.mean([each.column == "tickets" and each.role == "consequence" for each in first]) > 0.8
    assert np.mean([each.rank == 1 for each in first]) > 0.5


def test_a_proxy_is_named_with_what_drives_both(model: graphrec.Recommender) -> None:
    known = tempting_columns(model)
    assert known["club"] == ("proxy", ("wealth",))
    assert "discount" not in known, "a cause is worth moving"
    assert "wealth" not in known, "nobody thinks of moving a trait"


def test_temptations_are_the_same_for_the_same_seed_and_follow_the_order(model: graphrec.Recommender) -> None:
    there, back = find_temptations(model, [3, 8, 5], rng=1), find_temptations(model, [5, 8, 3], rng=1)
    assert there == back[::-1]
    assert find_temptations(model, [], rng=1) == []


def test_an_unknown_customer_is_refused(model: graphrec.Recommender) -> None:
    with pytest.raises(DataError, match="not known"):
        find_temptations(model, [10**9])


def test_a_unit_of_a_table_is_explained_with_the_naive_figure_beside_the_effect(model: graphrec.Recommender) -> None:
    told = explain_customer(model, 7, model.recommend(n=1), rng=0)
    assert told.offer is None and told.channel == "mail"
    assert "tickets" in told.contributions
    assert told.naive is not None and told.naive_low is not None and told.naive_high is not None
    assert told.naive_low < told.naive < told.naive_high
    assert told.naive > told.effect + 0.03, "wealth drives both, so the naive figure is too large"
    assert any(each["feature"] == "tickets" and each["kind"] == "consequence" for each in told.apart)


def test_the_naive_figure_is_the_difference_of_means_and_its_error_counts_customers() -> None:
    table = draw(600)
    panel = graphrec.Panel.from_frame(table, treatment="arm", outcome="bought", control="none", roles=ROLES)
    value, low, high = naive_difference(panel, "mail", 0.95)
    mail = table["arm"] == "mail"
    assert value == pytest.approx(table["bought"][mail].mean() - table["bought"][~mail].mean())
    parts = [table["bought"][rows].var(ddof=0) / rows.sum() for rows in (mail, ~mail)]
    assert high - low == pytest.approx(2 * 1.959964 * np.sqrt(sum(parts)), rel=1e-6)
    twice = pd.concat([table, table], ignore_index=True).assign(who=np.tile(np.arange(600), 2))
    doubled = graphrec.Panel.from_frame(
        twice, treatment="arm", outcome="bought", control="none", cluster="who", roles=ROLES
    )
    again = naive_difference(doubled, "mail", 0.95)
    assert again == pytest.approx((value, low, high)), "the same customers twice teach nothing new"
    with pytest.raises(DataError, match="'letter'"):
        naive_difference(panel, "letter")
