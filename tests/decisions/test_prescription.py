import json
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

import graphrec
from causal import CausalGraph
from graphrec.decisions.prescription import prescribe
from graphrec.decisions.prescriptions.decision import Decision
from graphrec.decisions.prescriptions.mechanism import find_mechanism, widen
from graphrec.decisions.prescriptions.moves import search_moves
from graphrec.decisions.support import heed_ladders
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
    ("wealth", "past_purchases"),
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
            "past_purchases": rng.poisson(np.exp(0.7 + 0.6 * wealth)).astype(float),
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
    return fit(draw_table(seed=1))


@pytest.fixture(scope="module")
def unmailed():
    """Mail puts people off, so discounts are what is left."""
    return fit(draw_table(10_000, seed=1, mail_effect=-0.1))


@pytest.fixture(scope="module")
def shop():
    sim = graphrec.simulate_market(customers=300, products=25, periods=8, rng=1)
    return sim, graphrec.Recommender().fit(sim.market, graph=sim.truth.graph, rng=0)


def same(first, second):
    return first.to_records() == second.to_records()


def test_discounts_are_promised_with_intervals_that_hold_over_several_tables():
    """One table's promises share their errors, so several tables are asked."""
    covered, ratio = [], []
    for seed in range(6):
        table = draw_table(4_000, seed=10 + seed, mail_effect=0.0)
        panel = graphrec.Panel.from_frame(table, treatment="arm", outcome="bought", control="none", roles=ROLES)
        graph, rng = CausalGraph(NODES, EDGES), np.random.default_rng(0)
        mechanism = find_mechanism(Decision.of(panel), graph, load_ontology(), rng)
        rows = panel.variables.head(200).assign(arm="none")
        moves = search_moves(mechanism.choice, rows, mechanism.levers, "bought", promise=mechanism.promise)
        (option,) = moves.options
        possible = np.isfinite(option.net_gain)
        true = DISCOUNT_EFFECT * (option.after[0] - option.before[0])[possible]
        covered.append((np.abs(option.change[possible] - true) < 1.645 * option.doubt[possible]).mean())
        ratio.append(option.change[possible].sum() / true.sum())
    assert np.mean(covered) > 0.75
    assert np.mean(ratio) == pytest.approx(1.0, abs=4 * np.std(ratio) / np.sqrt(6) + 0.05)


def test_a_lever_has_the_equations_beside_it_an_average_and_a_control(unmailed):
    items = [item for item in prescribe(unmailed, customers=range(300), rng=0).items if item.moves]
    assert len(items) > 50 and {item.lever for item in items} == {"discount"}
    for item in items:
        rise = item.moves[0].after - item.moves[0].before
        assert item.low < item.effect < item.high
        assert rise > 0 and item.equation_effect > 0
        assert item.control.status == "passed" and item.control.column == "past_purchases"
        assert item.grade == ("C" if item.extrapolation or "equations" in item.reason else "B")
        assert item.net_low < item.net_value and item.delay_days == 0 and not item.consent
    assert "B" in {item.grade for item in items}
    said, rises = (
        [*figures] for figures in zip(*[(i.equation_effect, i.moves[0].after - i.moves[0].before) for i in items])
    )
    assert sum(said) / sum(rises) == pytest.approx(DISCOUNT_EFFECT, rel=0.4)
    average = items[0].average
    mean_rise = np.mean(rises)
    assert average.n == len(items) and average.low < DISCOUNT_EFFECT * mean_rise < average.high


def test_a_contact_keeps_its_own_interval_and_two_moves_the_worse_grade(units):
    items = prescribe(units, customers=range(300), rng=0).items
    contacts = [item for item in items if item.lever == "arm"]
    both = [item for item in items if len(item.moves) == 2]
    assert contacts and both
    assert all(item.low < item.effect < item.high and item.average is None for item in contacts)
    assert all(item.low < item.effect < item.high for item in both)
    assert all(item.grade == "C" for item in both)  # no negative control is possible for the contact of a table


def test_reasons_go_from_axiom_to_arrow_to_figure(unmailed):
    item = next(i for i in prescribe(unmailed, customers=range(100), rng=0).items if i.lever == "discount")
    kinds = [link.kind for link in item.chain]
    assert kinds == ["axiom", "edge", "edge", "effect"]
    assert "pricing team" in item.chain[0].statement and "marketing.owl" in item.chain[0].statement
    assert [(link.cause, link.effect) for link in item.chain[1:3]] == [("discount", "visits"), ("visits", "bought")]


def test_a_hidden_cause_that_a_control_can_see_takes_the_grade():
    rng = np.random.default_rng(0)
    table = draw_table(6_000, seed=1, discount_effect=0.8, mail_effect=-0.1)
    hidden = rng.normal(size=len(table))
    table["discount"] = np.clip(table["discount"] + 0.05 * np.round(hidden), 0, 0.5)
    table["past_purchases"] = table["past_purchases"] + hidden
    items = prescribe(fit(table), customers=range(200), rng=0).items
    found = [item for item in items if item.lever == "discount"]
    assert found and all(item.grade == "C" and "past_purchases" in item.reason for item in found)


def test_doing_nothing_and_one_action_for_all_are_always_compared(units):
    advice = prescribe(units, customers=range(300), rng=0)
    table = advice.compare().set_index("rule")
    assert list(table.index) == ["do nothing", "best constant action", "advice"]
    assert table.loc["do nothing", "net_value"] == 0
    assert table.loc["advice", "net_value"] >= table.loc["best constant action", "net_value"] - 0.05
    promised = np.mean([item.net_value for item in advice.items])
    assert table.loc["advice", "net_value"] == pytest.approx(promised)
    assert (table["net_low"] <= table["net_value"]).all() and (table["net_value"] <= table["net_high"]).all()
    for item in advice.items:
        if item.moves:
            assert "do nothing" in [other["lever"] for other in item.alternatives]


def test_segments_add_up_to_the_whole(units):
    advice = prescribe(units, customers=range(200), rng=0)
    names = {item.customer_id: ("even" if item.customer_id % 2 == 0 else "odd") for item in advice.items}
    parts = advice.by_segment(names)
    assert parts["segment"].tolist() == ["even", "odd"] and parts["customers"].sum() == 200
    whole = advice.compare().set_index("rule").loc["advice", "net_value"]
    assert np.average(parts["net_value"], weights=parts["customers"]) == pytest.approx(whole)
    with pytest.raises(DataError, match="one for each"):
        advice.by_segment(["even"])


@pytest.mark.parametrize("share", [0.0, 0.3, 0.7, 2.0])
def test_a_budget_is_kept_and_more_of_it_is_never_worth_less(units, share):
    advice = prescribe(units, customers=range(150), rng=0)
    cost = sum(item.cost for item in advice.items)
    found, more = advice.within(share * cost), advice.within((share + 0.2) * cost)
    assert found.spent <= share * cost + 1e-9 and found.planned <= more.planned + 1e-9
    assert found.planned <= found.bound + 1e-9
    kept = found.prescriptions
    assert [item.customer_id for item in kept.items] == [item.customer_id for item in advice.items]
    assert sum(item.cost for item in kept.items) == pytest.approx(found.spent)
    assert kept.compare().set_index("rule").loc["advice", "net_value"] == pytest.approx(found.value / 150)
    left = [item for item, was in zip(kept.items, advice.items) if was.moves and not item.moves]
    assert all("budget" in item.reason and "budget" in item.sentence for item in left)


@pytest.mark.parametrize("budget", [-1.0, float("nan"), "10", True])
def test_a_budget_has_to_be_money_before_any_work(units, budget, monkeypatch):
    monkeypatch.setattr("graphrec.decisions.prescription.find_subjects", pytest.fail)
    with pytest.raises(DataError, match="budget is"):
        prescribe(units, customers=range(3), budget=budget, rng=0)


def test_a_customer_without_the_value_of_a_lever_keeps_it():
    table = draw_table(3_000)
    table.loc[:4, "discount"] = np.nan
    advice = prescribe(fit(table), customers=range(5), rng=0)
    assert all(move.lever == "arm" for item in advice.items for move in item.moves)
    assert all("discount" in item.blocked for item in advice.items)


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
        ({"customers": ["nobody"]}, r"^1 customer.* not known"),
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
    ladders = {channel: SimpleNamespace(verdict="not identified") for channel in model.effects.channels}
    for item in prescribe(heed_ladders(model, ladders), n=3, rng=0).items:
        assert all(move.lever != "treatment" for move in item.moves)
        assert "failed a test" in item.blocked["treatment"]


def test_a_contact_of_unknown_effect_says_why_and_names_no_test_that_was_not_made():
    table = draw_table(2_000)
    apart = table.assign(arm=np.where(table["wealth"] > 0, "mail", "none"))
    few = table.assign(arm=np.where(np.arange(len(table)) < 5, "mail", "none"))
    for given, words in ((apart, "cannot be compared"), (few, "only 5 contacts went through mail")):
        why = prescribe(fit(given), customers=[0], rng=0).items[0].blocked["arm"]
        assert "grade X" in why and words in why and "test" not in why


def test_a_control_that_shares_no_cause_with_the_lever_confirms_nothing():
    """A hidden cause of discount and purchase leaves columns without a recorded cause alone."""
    table = draw_table(6_000, seed=1, discount_effect=0.8, mail_effect=-0.1)
    rng = np.random.default_rng(0)
    table["discount"] = np.clip(table["discount"] + 0.001 * (table["age"] - 45), 0, 0.5)
    table["past_purchases"] = rng.poisson(2, len(table)).astype(float)
    edges = [("age", "discount"), *(edge for edge in EDGES if edge[1] != "past_purchases")]
    items = prescribe(fit(table, CausalGraph(NODES, edges)), customers=range(200), rng=0).items
    found = [item for item in items if item.lever == "discount"]
    assert found and {item.grade for item in found} == {"C"}
    assert {item.control.status for item in found} == {"not possible"}
    assert all("no recorded column could have shown" in item.reason for item in found if not item.extrapolation)


def test_a_contact_is_chosen_by_the_lower_end_of_what_it_nets():
    """Mail does nothing on average, so whoever is advised it anyhow was picked by the noise."""
    advised, looked = 0, 0
    for seed in range(2):
        model = fit(draw_table(1_500, seed=seed, discount_effect=0.0, mail_effect=0.0))
        advice = prescribe(model, customers=range(200), rng=0)
        options = advice.options[advice.options["lever"] == "arm"]
        looked += int((options["net_value"] > 0).sum())
        advised += int(options["confirmed"].sum())
        sure = options["confirmed"].astype(bool)
        deviation = (options["net_value"] - 10 * options["low"]) / 1.645
        assert (options["net_value"] - deviation)[sure].gt(-1e-6).all()
    assert looked > 50 and advised < 0.5 * looked


def test_a_lever_in_another_unit_than_its_class_stays_and_says_so():
    table = draw_table(2_000)
    table["discount"] *= 100
    advice = prescribe(fit(table), customers=range(50), rng=0)
    assert all(move.lever == "arm" for item in advice.items for move in item.moves)
    why = advice.items[0].blocked["discount"]
    assert "discount is recorded from 0 to 50" in why and "class Discount goes from 0 to 0.5" in why


def test_a_few_values_out_of_range_do_not_take_a_lever_away():
    table = draw_table(2_000)
    table.loc[:50, "discount"] = 0.7
    assert "discount" not in prescribe(fit(table), customers=[100], rng=0).blocked


def test_a_customer_named_twice_counts_once(units):
    assert [item.customer_id for item in prescribe(units, customers=[4, 7, np.int64(4)], rng=0).items] == [4, 7]


def test_a_moment_means_nothing_to_a_table(units):
    with pytest.raises(DataError, match="as_of needs a market"):
        prescribe(units, as_of="2024-01-01")


def test_widening_adds_earlier_causes_and_nothing_the_ontology_forbids():
    from causal import Knowledge

    knowledge = Knowledge(**load_ontology().knowledge({**ROLES, "bought": "Purchase", "arm": "Solicitation"}))
    wide = widen(CausalGraph(NODES, EDGES), knowledge, ["bought"], ["age", "discount", "visits", "tickets"])
    assert wide.edges >= set(EDGES) | {("age", "bought"), ("discount", "bought")}
    assert ("tickets", "bought") not in wide.edges and not [e for e in wide.edges - set(EDGES) if e[1] != "bought"]
