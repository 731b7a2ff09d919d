"""The simulator keeps its promises: what it says is true is what its tables show."""

from __future__ import annotations

import hashlib
from functools import cache

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from causal import NotIdentifiable, identify
from graphrec.market.panel import build_panel
from graphrec.market.simulation import Simulation, simulate_market

TABLES = ("customers", "products", "solicitations", "events", "consents", "feedback")
HORIZON = pd.Timedelta(days=28)


@cache
def simulated(**options: float) -> Simulation:
    sizes = {"customers": 600, "products": 60, "periods": 8, "rng": 3, "contact_share": 0.01, **options}
    return simulate_market(**sizes)  # type: ignore[arg-type]


def digest(simulation: Simulation) -> str:
    found = hashlib.sha256()
    for name in TABLES:
        found.update(getattr(simulation.market, name).to_csv(index=False).encode())
    return found.hexdigest()


def outcomes(simulation: Simulation) -> pd.DataFrame:
    """Each contact with whether its product was bought within 28 days, from the tables alone."""
    market = simulation.market
    columns = ["solicitation_id", "customer_id", "product_id", "sent_at", "channel", "randomised"]
    contacts = market.solicitations[columns]
    bought = market.events.query("event_type == 'purchase'")[["customer_id", "product_id", "event_time"]]
    pairs = contacts.merge(bought, on=["customer_id", "product_id"], how="left")
    inside = (pairs["event_time"] >= pairs["sent_at"]) & (pairs["event_time"] < pairs["sent_at"] + HORIZON)
    hit = set(pairs.loc[inside, "solicitation_id"])
    return contacts.assign(outcome=contacts["solicitation_id"].isin(hit).astype(float))


def naive_and_true(simulation: Simulation) -> tuple[float, float, float]:
    """Naive difference, true effect on the contacted, true average effect, over all decisions with contacts."""
    contacts = outcomes(simulation)
    truth, market = simulation.truth, simulation.market
    naive, att, ate, weights = [], [], [], []
    bought = market.events.query("event_type == 'purchase'")
    for when, group in contacts.groupby("sent_at"):
        window = bought[(bought["event_time"] >= when) & (bought["event_time"] < when + HORIZON)]
        everyone = len(window.drop_duplicates(["customer_id", "product_id"]))
        rest = len(market.customers) * len(market.products) - len(group)
        naive.append(group["outcome"].mean() - (everyone - group["outcome"].sum()) / rest)
        rows = truth.outcomes_of_rows(group["customer_id"], group["product_id"], when)
        told = sum(rows[f"p_contact[{c}]"] * (group["channel"] == c).to_numpy() for c in truth.channels)
        att.append(float(np.mean(told - rows["p_organic"])))
        shares = group["channel"].value_counts(normalize=True)
        effects = truth.potential_outcomes(at=when).groupby("channel")["uplift"].mean()
        ate.append(float((effects * shares).sum()))
        weights.append(len(group))
    means = [float(np.average(values, weights=weights)) for values in (naive, att, ate)]
    return means[0], means[1], means[2]


def test_same_seed_same_bytes_and_another_seed_other_bytes() -> None:
    first, again = (simulate_market(80, 20, 4, rng=5, bad_control=True, collider=True) for _ in range(2))
    assert digest(first) == digest(again)
    assert digest(first) != digest(simulate_market(80, 20, 4, rng=6, bad_control=True, collider=True))
    pd.testing.assert_frame_equal(first.truth.potential_outcomes(), again.truth.potential_outcomes())


def test_a_generator_is_taken_as_it_stands() -> None:
    assert digest(simulate_market(40, 10, 4, rng=np.random.default_rng(5))) == digest(simulate_market(40, 10, 4, rng=5))


def test_every_row_passes_the_door_and_roles_are_complete() -> None:
    market = simulated(bad_control=True, collider=True).market
    assert market.rejected.empty
    assert market.unmatched == ("engagement_score",)
    assert market.roles["satisfaction_index"].class_name == "Satisfaction"
    assert market.roles["survey_interest"].date_column == "survey_answered_at"
    assert simulated().market.unmatched == ()


@pytest.mark.parametrize("option", [{}, {"confounding": 2.0}, {"randomised": 1.0}, {"collider": True}])
def test_contacted_outcomes_match_their_probability(option: dict[str, float]) -> None:
    simulation = simulated(**option)
    contacts = outcomes(simulation)
    for channel, group in contacts.groupby("channel"):
        rows = simulation.truth.outcomes_of_rows(group["customer_id"], group["product_id"], group["sent_at"])
        told = rows[f"p_contact[{channel}]"]
        error = np.sqrt(np.sum(told * (1 - told)))
        assert abs(group["outcome"].sum() - told.sum()) < 4 * error, channel


def test_randomised_contacts_show_the_average_probability_under_contact() -> None:
    simulation = simulated(randomised=0.5, contact_share=0.02)
    contacts = outcomes(simulation).query("randomised")
    for when, group in contacts.groupby("sent_at"):
        everyone = simulation.truth.potential_outcomes(at=when)
        for channel, sent in group.groupby("channel"):
            told = everyone.loc[everyone["channel"] == channel, "p_contact"]
            spread = np.sqrt(told.mean() * (1 - told.mean()) / len(sent))
            assert abs(sent["outcome"].mean() - told.mean()) < 4 * spread


def test_outcomes_without_contact_match_the_organic_probability() -> None:
    simulation = simulated()
    market, truth = simulation.market, simulation.truth
    bought = market.events.query("event_type == 'purchase'")
    for when in truth.decision_times[:-1]:
        pairs = truth.potential_outcomes(at=when).query("channel == 'email'").set_index(["customer_id", "product_id"])
        sent = market.solicitations.query("sent_at == @when")
        rest = pairs.drop(pd.MultiIndex.from_frame(sent[["customer_id", "product_id"]]))
        inside = bought[(bought["event_time"] >= when) & (bought["event_time"] < when + HORIZON)]
        hits = rest.index.isin(pd.MultiIndex.from_frame(inside[["customer_id", "product_id"]]))
        told = rest["p_organic"]
        assert abs(hits.sum() - told.sum()) < 4 * np.sqrt(np.sum(told * (1 - told))), when


def test_number_of_contacts_matches_the_propensity() -> None:
    simulation = simulated()
    when = simulation.truth.decision_times[5]
    told = simulation.truth.propensity(at=when)
    sent = simulation.market.solicitations.query("sent_at == @when")
    for channel, group in told.groupby("channel"):
        p = group["propensity"]
        assert abs((sent["channel"] == channel).sum() - p.sum()) < 4 * np.sqrt(np.sum(p * (1 - p)))
    logged = sent.merge(told, on=["customer_id", "product_id", "channel"], suffixes=("", "_told"))
    np.testing.assert_allclose(logged["propensity"], logged["propensity_told"], rtol=1e-12)


@settings(max_examples=8, deadline=None)
@given(
    confounding=st.floats(0, 3),
    overlap=st.floats(0.2, 5),
    popularity=st.floats(0, 2),
    randomised=st.floats(0, 1),
    seed=st.integers(0, 2**32 - 1),
)
def test_probabilities_are_inside_zero_and_one(
    confounding: float, overlap: float, popularity: float, randomised: float, seed: int
) -> None:
    simulation = simulate_market(
        30, 8, 3, rng=seed, confounding=confounding, overlap=overlap, popularity=popularity, randomised=randomised
    )
    told = simulation.truth.potential_outcomes()
    p = np.concatenate([told["p_organic"], told["p_contact"], simulation.truth.propensity()["propensity"]])
    assert (p > 0).all() and (p < 1).all()
    np.testing.assert_allclose(told["uplift"], told["p_contact"] - told["p_organic"])


def test_randomised_contacts_have_one_propensity() -> None:
    simulation = simulated(randomised=1.0)
    told = simulation.truth.propensity()["propensity"]
    assert told.to_numpy() == pytest.approx(0.01 / 3)
    assert simulation.market.solicitations["randomised"].all()


def test_without_confounding_the_naive_difference_is_the_effect() -> None:
    naive, att, ate = naive_and_true(simulated(confounding=0.0, contact_share=0.02, customers=1_000))
    contacts = outcomes(simulated(confounding=0.0, contact_share=0.02, customers=1_000))
    error = contacts["outcome"].std() / np.sqrt(len(contacts))
    assert abs(naive - att) < 4 * error
    assert abs(naive - ate) < 5 * error


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_by_default_the_naive_difference_is_several_times_the_effect(seed: int) -> None:
    naive, att, ate = naive_and_true(simulate_market(600, 200, 8, rng=seed))
    assert naive > 3 * ate and naive > 2 * att
    assert 0.03 < ate < 0.06
    assert 0.0 < att < 0.1


def test_the_policy_aims_at_buyers_and_some_customers_are_put_off() -> None:
    truth = simulated().truth
    told, sent = truth.potential_outcomes(), truth.propensity()["propensity"]
    assert np.average(told["p_organic"], weights=sent) > 3 * told["p_organic"].mean()
    assert 0.02 < (told["uplift"] < 0).mean() < 0.4
    best = told.nlargest(len(told) // 100, "uplift")
    assert best["p_organic"].between(0.01, 0.5).mean() > 0.8


def test_policies_share_all_other_chance() -> None:
    aimed, blind = simulated(), simulated(confounding=0.0)
    first_contact = aimed.market.solicitations["sent_at"].min()
    kinds = ["view", "purchase"]

    def before(simulation: Simulation) -> pd.DataFrame:
        events = simulation.market.events
        rows = events[(events["event_time"] < first_contact) & events["event_type"].isin(kinds)]
        columns = ["customer_id", "product_id", "event_type"]
        return rows[columns].sort_values(columns, ignore_index=True)

    pd.testing.assert_frame_equal(before(aimed), before(blind))


def test_a_purchase_comes_after_its_view_and_cart_and_a_click_after_its_open() -> None:
    events = simulated().market.events
    session = events[events["session_id"].notna() & events["product_id"].notna()]
    times = session.pivot_table(
        index=["session_id", "customer_id", "product_id"], columns="event_type", values="event_time", aggfunc="min"
    )
    both = times.dropna(subset=["view", "purchase"])
    assert len(both) > 100 and (both["view"] < both["purchase"]).all()
    both = times.dropna(subset=["cart", "purchase"])
    assert len(both) > 100 and (both["cart"] < both["purchase"]).all()
    answers = events[events["event_type"].isin(["open", "click", "visit"]) & events["solicitation_id"].notna()]
    times = answers.pivot_table(index="solicitation_id", columns="event_type", values="event_time", aggfunc="min")
    assert times.loc[times["click"].notna(), "open"].notna().all()
    clicked = times.dropna(subset=["click"])
    assert (clicked["open"] < clicked["click"]).all()
    visited = times.dropna(subset=["visit"])
    assert len(visited) > 20 and (visited["click"] < visited["visit"]).all()


def test_no_event_of_a_period_lies_outside_it() -> None:
    simulation = simulated()
    starts, events = simulation.truth.decision_times, simulation.market.events
    assert events["event_time"].min() > starts[0]
    assert events["event_time"].max() < starts[-1]
    sent = simulation.market.solicitations
    assert sent["sent_at"].isin(starts).all()
    assert (sent["sent_at"] >= starts[2]).all()


def test_history_features_are_what_the_policy_saw() -> None:
    """Recomputing the score from the tables gives the logged probability: the backdoor path is closed by columns."""
    simulation = simulated(randomised=0.0)
    market, when = simulation.market, simulation.truth.decision_times[5]
    past = market.events[market.events["event_time"] < when]
    bought = past[past["event_type"] == "purchase"]
    sent = market.solicitations[market.solicitations["sent_at"] == when].copy()
    pairs = bought.groupby(["customer_id", "product_id"]).size().rename("offer_purchases")
    seen = past[past["event_type"] == "view"].groupby(["customer_id", "product_id"]).size().rename("offer_views")
    sent = sent.join(pairs, on=["customer_id", "product_id"]).join(seen, on=["customer_id", "product_id"])
    sent["past_purchases"] = sent["customer_id"].map(bought["customer_id"].value_counts())
    recent = bought[bought["event_time"] >= when - pd.Timedelta(days=84)]
    sent["popularity"] = sent["product_id"].map(recent["product_id"].value_counts())
    sent = sent.fillna({"offer_purchases": 0, "offer_views": 0, "past_purchases": 0, "popularity": 0})
    sent = sent.merge(market.customers, on="customer_id")
    total = simulation.truth.outcomes_of_rows(sent["customer_id"], sent["product_id"], when)["propensity"]
    floor = 0.2 * 0.01
    logit = np.log((total - floor) / (0.5 - total))
    columns = [
        (np.log(sent["wealth"]) - 10.8) / 0.9,
        np.log1p(sent["offer_purchases"]),
        np.log1p(sent["offer_views"]),
        np.log1p(sent["past_purchases"]),
        np.log1p(sent["popularity"]),
        (sent["tenure"] - 8) / 5.5,
        np.ones(len(sent)),
    ]
    design = np.column_stack(columns)
    fit, *_ = np.linalg.lstsq(design, logit, rcond=None)
    np.testing.assert_allclose(fit[:6], [1.0, 1.8, 1.0, 0.2, 0.3, 0.4], atol=0.01)
    assert np.abs(design @ fit - logit).max() < 0.01


def test_rows_and_grid_agree() -> None:
    truth = simulated().truth
    grid = truth.potential_outcomes(["C002", "C007"], ["P003", "P001"], at=truth.decision_times[4])
    wide = truth.outcomes_of_rows(["C007", "C002"], ["P001", "P003"], at=truth.decision_times[4])
    one = grid.query("customer_id == 'C007' and product_id == 'P001' and channel == 'call'").iloc[0]
    assert wide.loc[0, "p_contact[call]"] == pytest.approx(one["p_contact"])
    assert wide.loc[0, "p_organic"] == pytest.approx(one["p_organic"])
    assert list(grid.columns) == ["customer_id", "product_id", "channel", "p_organic", "p_contact", "uplift"]
    assert grid["customer_id"].tolist()[:6] == ["C002"] * 6


def test_permuting_customers_permutes_the_truth() -> None:
    truth = simulated().truth
    key = ["customer_id", "product_id", "channel"]
    some = truth.potential_outcomes(["C001", "C002", "C003"]).sort_values(key, ignore_index=True)
    turned = truth.potential_outcomes(["C003", "C001", "C002"]).sort_values(key, ignore_index=True)
    pd.testing.assert_frame_equal(some, turned)


def test_graph_closes_the_backdoor_with_recorded_columns_only_when_it_should() -> None:
    graph = simulated().truth.graph
    latent = {name for pair in graph.bidirected_edges for name in pair if "treatment" in pair}
    assert latent == set()
    assert set(graph.parents("treatment")) >= {"wealth", "offer_purchases", "offer_views", "popularity", "tenure"}
    assert "treatment" in graph.parents("outcome")
    hidden = simulated(latent_targeting=1.0).truth.graph
    assert any(set(pair) == {"treatment", "outcome"} for pair in hidden.bidirected_edges)
    blind = simulated(confounding=0.0).truth.graph
    assert blind.parents("treatment") == ("tenure",)
    assert simulated(randomised=1.0).truth.graph.parents("treatment") == ()
    collider = simulated(collider=True).truth.graph
    ends = {name for pair in collider.bidirected_edges for name in pair if "survey_interest" in pair}
    assert {"treatment", "outcome"} <= ends and not collider.children("survey_interest")


def test_the_true_graph_is_identified_by_the_panels_columns_unless_taste_is_targeted() -> None:
    simulation = simulated(bad_control=True, collider=True)
    estimand = identify(simulation.truth.graph, "treatment", "outcome")
    panel = build_panel(simulation.market, rng=0)
    assert set(estimand.adjustment_set) <= set(panel.covariates) - {"survey_interest"}
    assert {"wealth", "offer_purchases", "offer_views"} <= set(estimand.adjustment_set)
    assert {"engagement_score", "satisfaction_index", "opened"} <= set(estimand.forbidden)
    assert set(panel.variables) <= set(simulation.truth.graph.nodes)
    with pytest.raises(NotIdentifiable):
        identify(simulated(latent_targeting=1.0).truth.graph, "treatment", "outcome")


def test_panel_rows_show_the_true_means() -> None:
    """Covariates apart, the panel's outcome column is the simulator's outcome."""
    simulation = simulated()
    panel, ids = build_panel(simulation.market, rng=0), simulation.market.vocabulary
    frame = panel.frame
    truth = simulation.truth.outcomes_of_rows(
        ids.customers.decode(frame["customer"]), ids.products.decode(frame["offer"]), frame["decided_at"]
    )
    told = truth["p_organic"].to_numpy(copy=True)
    for channel in panel.channels:
        mine = (frame["treatment"] == channel).to_numpy()
        told[mine] = truth.loc[mine, f"p_contact[{channel}]"]
        np.testing.assert_allclose(frame.loc[mine, "propensity"], truth.loc[mine, f"propensity[{channel}]"])
    for rows in (panel.contacted, ~panel.contacted):
        error = np.sqrt(np.sum(told[rows] * (1 - told[rows])))
        assert abs(frame.loc[rows, "outcome"].sum() - told[rows].sum()) < 4 * error


def test_latent_targeting_logs_no_propensity() -> None:
    assert simulated(latent_targeting=1.0).market.solicitations["propensity"].isna().all()
    assert simulated(log_propensity=False).market.solicitations["propensity"].isna().all()
    assert simulated().market.solicitations["propensity"].between(0, 0.5, inclusive="neither").all()


def test_the_collider_is_tied_to_contacts_and_to_buying_but_not_through_wealth() -> None:
    market = simulated(collider=True).market
    people = market.customers.set_index("customer_id")
    contacts = market.solicitations["customer_id"].value_counts().reindex(people.index, fill_value=0)
    bought = market.events.query("event_type == 'purchase'")["customer_id"].value_counts()
    survey = people["survey_interest"]
    assert survey.corr(np.log1p(contacts)) > 0.2
    assert survey.corr(np.log1p(bought.reindex(people.index, fill_value=0))) > 0.2
    assert abs(survey.corr(np.log(people["wealth"]))) < 0.15


def test_equations_name_every_channel_and_option() -> None:
    lines = simulated(collider=True, bad_control=True).truth.equations
    assert {"outcome", "treatment", "survey_interest", "engagement_score"} <= set(lines)
    assert all(f"strength[{channel}]" in lines for channel in ("email", "call", "mailing"))
    assert "1 wealth" in lines["policy"] and "1.2 zeal" in lines["policy"]
    assert "zeal" not in simulated().truth.equations["policy"]


def test_feedback_speaks_french_and_english_and_consents_are_dated() -> None:
    market = simulated().market
    assert market.feedback["text"].str.contains("é|ç|J'").any()
    assert market.feedback["text"].str.contains("delivery|product|quality").any()
    assert market.feedback["score"].between(1, 5).all()
    assert market.consents["changed_at"].notna().all()
    assert set(market.consents["channel"]) == {"email", "call", "mailing"}


def test_one_channel_and_tiny_markets_work() -> None:
    simulation = simulate_market(5, 3, 1, rng=0, channels=["call"])
    assert set(simulation.truth.potential_outcomes()["channel"]) == {"call"}
    assert len(simulation.truth.potential_outcomes()) == 15


@pytest.mark.parametrize(
    ("option", "word"),
    [
        ({"customers": 0}, "customers is 0"),
        ({"periods": 1.5}, "periods is 1.5"),
        ({"randomised": 1.2}, "from 0 to 1"),
        ({"overlap": 0.0}, "overlap is 0"),
        ({"confounding": float("nan")}, "confounding is nan"),
        ({"channels": ["fax"]}, "choose one or more of email, call, mailing"),
        ({"channels": []}, "choose one or more"),
        ({"warmup": 9}, "use 0 to 3"),
    ],
)
def test_bad_parameters_are_refused_with_the_remedy(option: dict[str, object], word: str) -> None:
    with pytest.raises(ValueError, match=word):
        simulate_market(**{"customers": 10, "products": 5, "periods": 4, "rng": 0, **option})  # type: ignore[arg-type]


def test_unknown_customers_and_times_are_refused_with_the_remedy() -> None:
    truth = simulated().truth
    with pytest.raises(ValueError, match="first nobody; this market has C001 to C600"):
        truth.potential_outcomes(["nobody"])
    with pytest.raises(ValueError, match="start of each 28-day period"):
        truth.potential_outcomes(at="2024-02-10")
    with pytest.raises(ValueError, match="one product for each customer"):
        truth.outcomes_of_rows(["C001", "C002"], ["P001"])
