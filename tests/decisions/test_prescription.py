import json
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

import graphrec
from causal import CausalGraph
from graphrec.decisions.prescription import prescribe
from graphrec.decisions.prescriptions.mechanism import widen
from graphrec.market.tables import DataError
from ontology import load_ontology

DISCOUNT_EFFECT = 0.5  # of the chance to buy, for a discount of 1
ROLES = {
    "age": "Age",
    "wealth": "Wealth",
    "past_purchases": "PastPurchase",
    "discount": "Discount",
    "visits": "Visit",
    "tickets": "SupportTicket",
}
NODES = ["age", "wealth", "past_purchases", "discount", "arm", "visits", "bought", "tickets"]
EDGES = [
    ("wealth", "arm"),
    ("wealth", "discount"),
    ("wealth", "bought"),
    ("discount", "visits"),
    ("arm", "visits"),
    ("visits", "bought"),
    ("arm", "bought"),
    ("bought", "tickets"),
]


def draw_table(n=16_000, seed=0, discount_effect=DISCOUNT_EFFECT, mail_effect=0.1):
    """Wealth drives mail, discounts and buying; a discount works only through visits, mail also directly."""
    rng = np.random.default_rng(seed)
    wealth = rng.uniform(-1, 1, n)
    discount = np.clip(np.round((0.2 - 0.1 * wealth + rng.normal(0, 0.1, n)) / 0.05) * 0.05, 0, 0.5)
    arm = np.where(rng.random(n) < 0.3 + 0.2 * wealth, "mail", "none")
    visits = 2 + 10 * discount + (arm == "mail") + rng.normal(0, 0.5, n)
    chance = 0.2 + 0.15 * wealth + discount_effect * (visits - 2) / 10 + mail_effect * (arm == "mail")
    bought = (rng.random(n) < chance).astype(float)
    return pd.DataFrame(
        {
            "age": rng.uniform(20, 70, n),
            "wealth": wealth,
            "past_purchases": rng.poisson(2, n).astype(float),
            "discount": discount,
            "arm": arm,
            "visits": visits,
            "bought": bought,
            "tickets": bought + rng.normal(0, 0.3, n),
            "money": 10.0 * bought,
        }
    )


def fit(table, graph=None, roles=ROLES):
    panel = graphrec.Panel.from_frame(
        table, treatment="arm", outcome="bought", control="none", roles=roles, value="money"
    )
    return graphrec.Recommender().fit(panel, graph=graph or CausalGraph(NODES, EDGES), rng=0)


@pytest.fixture(scope="module")
def units():
    return fit(draw_table())


@pytest.fixture(scope="module")
def shop():
    sim = graphrec.simulate_market(customers=300, products=25, periods=8, rng=1)
    return sim, graphrec.Recommender().fit(sim.market, graph=sim.truth.graph, rng=0)


def same(first, second):
    return first.to_records() == second.to_records()


def test_a_discount_through_visits_is_found_with_its_size(units):
    advice = prescribe(units, customers=range(400), rng=0)
    alone = [
        other
        for item in advice.items
        for other in [{"lever": item.lever, "from": m.before, "to": m.after, "effect": item.effect} for m in item.moves]
        + list(item.alternatives)
        if other["lever"] == "discount"
    ]
    rise = np.array([other["to"] - other["from"] for other in alone])
    effect = np.array([other["effect"] for other in alone])
    assert len(alone) > 100
    assert effect.sum() / rise.sum() == pytest.approx(DISCOUNT_EFFECT, rel=0.25)
    assert (rise > 0).all()


def test_structural_promises_are_grade_c_without_interval_and_contacts_have_one(units):
    items = prescribe(units, customers=range(300), rng=0).items
    contacts = [item for item in items if [move.lever for move in item.moves] == ["arm"]]
    others = [item for item in items if any(move.lever == "discount" for move in item.moves)]
    assert contacts and others
    assert all(item.low is None and item.high is None and item.grade == "C" for item in others)
    assert all(item.low < item.effect < item.high for item in contacts)
    assert all("no interval" in item.sentence for item in others)


def test_the_path_of_a_move_is_the_graphs(units):
    items = prescribe(units, customers=range(300), rng=0).items
    through = {item.lever: item.through for item in items if item.moves}
    assert through["arm"] == ("arm -> bought", "arm -> visits -> bought")
    both = next(item for item in items if "discount" in item.lever)
    assert "discount -> visits -> bought" in both.through and "through visits" in both.sentence


def test_only_levers_are_ever_moved_and_the_others_say_why(units):
    advice = prescribe(units, customers=range(300), rng=0)
    assert {move.lever for item in advice.items for move in item.moves} <= {"arm", "discount"}
    assert {"age", "wealth", "past_purchases", "visits", "tickets"} <= set(advice.blocked)
    assert "consequence" in advice.items[0].blocked["tickets"] and "immutable" in advice.blocked["age"]
    assert "age" not in advice.items[0].blocked


def test_a_contact_of_unknown_effect_is_not_advised():
    hidden = CausalGraph(NODES, EDGES, bidirected_edges=[("arm", "bought")])
    advice = prescribe(fit(draw_table(2_000), hidden), customers=range(50), rng=0)
    assert all(move.lever == "discount" for item in advice.items for move in item.moves)
    assert "cannot be told" in advice.items[0].blocked["arm"]


def test_a_lever_of_unknown_effect_is_not_advised(units):
    hidden = CausalGraph(NODES, EDGES, bidirected_edges=[("discount", "bought")])
    advice = prescribe(units, customers=range(50), graph=hidden, rng=0)
    assert all(move.lever == "arm" for item in advice.items for move in item.moves)
    assert "discount and bought have a hidden common cause" in advice.items[0].blocked["discount"]


def test_a_hidden_cause_of_mediator_and_outcome_makes_the_lever_unknown(units):
    hidden = CausalGraph(NODES, EDGES, bidirected_edges=[("visits", "bought")])
    advice = prescribe(units, customers=range(5), graph=hidden, rng=0)
    assert "visits and bought" in advice.items[0].blocked["discount"]


def test_nothing_is_done_with_the_reasons_when_every_lever_is_blocked():
    table = draw_table(2_000)
    edges = [edge for edge in EDGES if edge[0] != "discount"]
    hidden = CausalGraph(NODES, edges, bidirected_edges=[("arm", "bought")])
    advice = prescribe(fit(table, hidden), customers=[3, 1], rng=0)
    assert [item.customer_id for item in advice.items] == [3, 1]
    for item in advice.items:
        assert item.moves == () and item.lever == "do nothing" and item.net_value == 0
        assert "every lever is blocked" in item.sentence and {"arm", "discount"} <= set(item.blocked)


def test_nothing_is_done_where_no_move_pays():
    table = draw_table(3_000, discount_effect=0.0, mail_effect=-0.1)
    advice = prescribe(fit(table), customers=range(60), rng=0)
    idle = [item for item in advice.items if not item.moves]
    assert len(idle) > 50 and all("Do nothing" in item.sentence for item in idle)
    assert all(other["net_value"] <= 0 for item in idle for other in item.alternatives)


def test_another_graph_can_only_take_grades_away(units):
    confounder_after = CausalGraph(NODES, [edge for edge in EDGES if edge != ("wealth", "arm")] + [("arm", "wealth")])
    grades = {item.grade for item in prescribe(units, customers=range(50), graph=confounder_after, rng=0).items}
    assert grades <= {"C", ""}


def test_the_same_seed_gives_the_same_bytes_and_customers_do_not_matter_to_each_other(units, tmp_path):
    first = prescribe(units, customers=[5, 80, 200], rng=1)
    again = prescribe(units, customers=[5, 80, 200], rng=1)
    first.to_jsonl(tmp_path / "one.jsonl")
    again.to_jsonl(tmp_path / "two.jsonl")
    assert (tmp_path / "one.jsonl").read_bytes() == (tmp_path / "two.jsonl").read_bytes()
    turned = prescribe(units, customers=[200, 5], rng=1)
    expected = {record["customer_id"]: record for record in first.to_records()}
    for record in turned.to_records():
        other = expected[record["customer_id"]]
        assert record["lever"] == other["lever"] and record["to"] == other["to"]
        assert record["net_value"] == pytest.approx(other["net_value"])


def test_lines_are_strict_json_and_no_half_file_stays(shop, tmp_path):
    advice = prescribe(shop[1], n=4, rng=0)
    path = advice.to_jsonl(tmp_path / "advice.jsonl")
    records = [json.loads(line, parse_constant=pytest.fail) for line in path.read_text().splitlines()]
    assert [record["sentence"] for record in records] == [item.sentence for item in advice.items]
    assert {"customer_id", "offer", "lever", "from", "to", "effect", "low", "high", "net_value"} <= set(records[0])
    assert [p.name for p in tmp_path.iterdir()] == ["advice.jsonl"]
    frame = advice.to_frame()
    assert len(frame) == 4 and frame["sentence"].str.len().min() > 40


def test_a_contact_is_promised_exactly_as_it_is_recommended(shop):
    _, model = shop
    ids = model.market.customers["customer_id"].tolist()[:40]
    scores = model.recommend(1, customers=ids, by="net_value").set_index("customer_id")
    contacts = [i for i in prescribe(model, customers=ids, rng=0).items if i.lever == "treatment"]
    assert len(contacts) > 10
    for item in contacts:
        row = scores.loc[item.customer_id]
        assert item.offer == row["product_id"] and item.moves[0].after == row["channel"]
        figures = [item.effect, item.low, item.high, item.cost, item.net_value]
        expected = row[["uplift", "uplift_low", "uplift_high", "cost", "net_value"]].astype(float)
        np.testing.assert_allclose(figures, expected, atol=1e-6)
        assert item.grade == row["grade"]


def test_customers_by_default_are_those_whose_best_contact_is_worth_most(shop):
    _, model = shop
    best = model.recommend(1, by="net_value").sort_values("net_value", ascending=False, kind="stable")
    found = [item.customer_id for item in prescribe(model, n=5, rng=0).items]
    assert found == best["customer_id"].head(5).tolist()


def test_what_every_contact_so_far_counts_is_no_lever(shop):
    blocked = prescribe(shop[1], n=1, rng=0).items[0].blocked
    assert "no pause takes" in blocked["past_contacts"] and "grade X" in blocked["contact_pressure"]


def test_an_earlier_moment_uses_its_own_records(shop):
    sim, model = shop
    start, end = sim.market.time_span
    ids = model.market.customers["customer_id"].tolist()[:5]
    early = prescribe(model, customers=ids, as_of=start + (end - start) / 2, rng=0)
    assert not same(early, prescribe(model, customers=ids, rng=0))


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"customers": ["nobody"]}, r"^1 customer\(s\) are not known"),
        ({"customers": []}, "empty"),
        ({"n": 0}, "n is 0"),
        ({"graph": CausalGraph(["rain", "harvest"], [("rain", "harvest")])}, "other data"),
    ],
)
def test_says_what_is_wrong_with_a_question(shop, units, change, words):
    for model in (shop[1], units):
        with pytest.raises(DataError, match=words):
            prescribe(model, **change)


def test_an_evidence_ladder_that_refutes_a_channel_silences_it(shop):
    _, model = shop
    refuted = graphrec.Recommender(model.config)
    lowered = replace(model.effects, grades=dict.fromkeys(model.effects.channels, "X"))
    refuted.restore(model.panel, model.graph, lowered, model.market, model.appetite)
    for item in prescribe(refuted, n=3, rng=0).items:
        assert all(move.lever != "treatment" for move in item.moves)
        assert "failed a test" in item.blocked["treatment"]


def test_a_moment_means_nothing_to_a_table(units):
    with pytest.raises(DataError, match="as_of needs a market"):
        prescribe(units, as_of="2024-01-01")


def test_widening_adds_earlier_causes_and_nothing_the_ontology_forbids():
    from causal import Knowledge

    knowledge = Knowledge(**load_ontology().knowledge({**ROLES, "bought": "Purchase", "arm": "Solicitation"}))
    wide = widen(CausalGraph(NODES, EDGES), knowledge, ["bought"], ["age", "discount", "visits", "tickets"])
    assert wide.edges >= set(EDGES) | {("age", "bought"), ("discount", "bought")}
    assert ("tickets", "bought") not in wide.edges and not [e for e in wide.edges - set(EDGES) if e[1] != "bought"]
