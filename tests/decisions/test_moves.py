from itertools import combinations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from causal import CausalGraph, fit_scm
from graphrec.decisions.prescriptions.moves import MoveError, search_moves
from ontology import Lever

NODES = ["wealth", "discount", "price", "reminders", "visits", "spend", "tickets"]
EDGES = [
    ("wealth", "discount"),
    ("wealth", "price"),
    ("wealth", "spend"),
    ("discount", "spend"),
    ("price", "spend"),
    ("reminders", "visits"),
    ("visits", "spend"),
    ("spend", "tickets"),
]
GRAPH = CausalGraph(NODES, EDGES)
DISCOUNT = Lever("discount", "Discount", direction=1, minimum=0.0, maximum=0.5, step=0.05, exclusive="price")
PRICE = Lever("price", "Price", direction=-1, minimum=0.0, exclusive="price")
REMINDERS = Lever("reminders", "Solicitation", direction=0)
TICKETS = Lever("tickets", "SupportTicket", direction=0)


def draw_rows(n, seed=0):
    """Discounts, prices and reminders raise, lower and (through visits alone) raise the spending."""
    rng = np.random.default_rng(seed)
    wealth = rng.normal(size=n)
    discount = np.clip(0.2 + 0.1 * wealth + rng.normal(0, 0.12, n), 0, 0.5)
    price = 10 + wealth + rng.normal(0, 2, n)
    reminders = rng.normal(3, 1, n)
    visits = 0.8 * reminders + rng.normal(0, 0.5, n)
    spend = wealth + 4.0 * discount - 0.3 * price + visits + rng.normal(0, 0.3, n)
    tickets = spend + rng.normal(0, 0.2, n)
    columns = [wealth, discount, price, reminders, visits, spend, tickets]
    return pd.DataFrame(dict(zip(NODES, columns)))


@pytest.fixture(scope="module")
def model():
    return fit_scm(draw_rows(3_000), GRAPH, rng=0)


def brute_force(model, row, levers, costs, quantiles):
    """Net gain of the best move of one row, every candidate asked of `do` alone."""
    best = 0.0
    for size in (1, 2):
        for chosen in combinations(levers, size):
            words = [lever.exclusive for lever in chosen if lever.exclusive]
            if len(set(words)) < len(words):
                continue
            grids = [targets_of(model, row, lever, quantiles) for lever in chosen]
            for values in np.array(np.meshgrid(*grids)).reshape(size, -1).T:
                move = {lever.column: value for lever, value in zip(chosen, values)}
                gain = model.outcome_effect(row, move, "spend")[0]
                steps = [
                    abs(value - row[lever.column].iloc[0]) / (lever.step or 1.0) for lever, value in zip(chosen, values)
                ]
                best = max(best, gain - sum(costs[lever.column] * step for lever, step in zip(chosen, steps)))
    return best


def targets_of(model, row, lever, quantiles):
    now = row[lever.column].iloc[0]
    if lever.column in model.equations:
        equation = model.equations[lever.column]
        usual = equation.mean(row)[0] + np.quantile(equation.noise, quantiles)
    else:
        usual = np.quantile(model.exogenous[lever.column], quantiles)
    low, high = usual[0], usual[-1]
    slack = 1e-9
    if lever.step:
        usual, slack = np.round(usual / lever.step) * lever.step, lever.step / 2 + 1e-9
    usual = np.clip(
        usual, lever.minimum or -np.inf if lever.minimum is None else lever.minimum, lever.maximum or np.inf
    )
    kept = [value for value in usual if low - slack <= value <= high + slack]
    return [value for value in kept if (lever.direction or 0) * (value - now) >= 0 and abs(value - now) > 1e-9]


def test_finds_what_trying_every_move_of_every_row_finds(model):
    rows = draw_rows(4, seed=5)
    quantiles, costs = (0.1, 0.5, 0.9), {"discount": 0.08, "price": 0.4, "reminders": 0.5}
    levers = [DISCOUNT, PRICE, REMINDERS]
    found = search_moves(model, rows, levers, "spend", costs=costs, quantiles=quantiles).to_frame()
    expected = [brute_force(model, rows.iloc[[i]], levers, costs, quantiles) for i in range(len(rows))]
    np.testing.assert_allclose(found["net_gain"], expected, atol=1e-9)
    assert found["second_lever"].notna().any() and len(set(found["lever"])) > 1


def test_a_lever_works_through_its_mediator(model):
    rows = draw_rows(50, seed=1)
    moves = search_moves(model, rows, [REMINDERS], "spend", quantiles=(0.05, 0.95)).to_frame()
    rise = moves["to"].astype(float) - moves["from"].astype(float)
    moved = moves["lever"].notna()
    assert moved.mean() > 0.9
    np.testing.assert_allclose(moves["change"][moved], 0.8 * rise[moved], atol=0.25)


def test_never_moves_a_consequence_of_the_outcome(model):
    moves = search_moves(model, draw_rows(40), [TICKETS, DISCOUNT], "spend")
    assert "tickets" not in set(moves.to_frame()["lever"]) and "no directed path" in moves.blocked["tickets"]


def test_nothing_is_done_where_every_move_costs_more_than_it_brings(model):
    costs = {"discount": 100.0, "price": 100.0, "reminders": 100.0}
    found = search_moves(model, draw_rows(40), [DISCOUNT, PRICE, REMINDERS], "spend", costs=costs).to_frame()
    assert found["lever"].isna().all() and (found["net_gain"] == 0).all() and (found["change"] == 0).all()


def test_levers_that_exclude_each_other_are_not_moved_together(model):
    moves = search_moves(model, draw_rows(40), [DISCOUNT, PRICE, REMINDERS], "spend")
    pairs = {option.columns for option in moves.options if len(option.columns) == 2}
    assert pairs == {("discount", "reminders"), ("price", "reminders")}


@settings(max_examples=25)
@given(
    direction=st.sampled_from([-1, 0, 1]),
    minimum=st.sampled_from([None, 0.0, 0.1]),
    width=st.sampled_from([None, 0.2, 0.4]),
    step=st.sampled_from([None, 0.05, 0.1]),
)
def test_moves_stay_inside_direction_range_and_step(model, direction, minimum, width, step):
    maximum = None if width is None else (minimum or 0.0) + width
    lever = Lever("discount", "Discount", direction=direction, minimum=minimum, maximum=maximum, step=step)
    option = search_moves(model, draw_rows(30, seed=3), [lever], "spend").options
    for found in option:
        possible = np.isfinite(found.net_gain)
        to, rise = found.after[0][possible], (found.after[0] - found.before[0])[possible]
        assert (direction * rise >= 0).all() and (np.abs(rise) > 0).all()
        assert (to >= (-np.inf if minimum is None else minimum)).all()
        assert (to <= (np.inf if maximum is None else maximum)).all()
        if step is not None:
            inside = (to != minimum) & (to != maximum)
            grid = (to[inside] - (minimum or 0.0)) / step
            np.testing.assert_allclose(grid, np.round(grid), atol=1e-6)


def test_moves_stay_between_the_outer_conditional_quantiles(model):
    rows = draw_rows(300, seed=4)
    option = search_moves(model, rows, [REMINDERS], "spend", quantiles=(0.2, 0.8)).options[0]
    low, high = np.quantile(model.exogenous["reminders"], [0.2, 0.8])
    assert option.after[0].min() >= low - 1e-9 and option.after[0].max() <= high + 1e-9


def test_permuting_rows_permutes_moves_and_one_row_alone_gets_the_same(model):
    rows = draw_rows(30, seed=6)
    levers, costs = [DISCOUNT, PRICE, REMINDERS], {"price": 0.2, "reminders": 0.4}
    whole = search_moves(model, rows, levers, "spend", costs=costs).to_frame()
    order = np.random.default_rng(0).permutation(len(rows))
    shuffled = search_moves(model, rows.iloc[order], levers, "spend", costs=costs).to_frame()
    pd.testing.assert_frame_equal(shuffled, whole.iloc[order].reset_index(drop=True))
    alone = search_moves(model, rows.iloc[[7]], levers, "spend", costs=costs).to_frame()
    pd.testing.assert_frame_equal(alone, whole.iloc[[7]].reset_index(drop=True))


def test_more_levers_and_lower_costs_never_lower_the_gain(model):
    rows = draw_rows(60, seed=7)
    costs = {"discount": 0.1, "price": 0.3, "reminders": 0.4}

    def gain(levers, most, factor):
        scaled = {column: factor * cost for column, cost in costs.items()}
        return search_moves(model, rows, levers, "spend", costs=scaled, maximum_moves=most).to_frame()["net_gain"]

    everything = gain([DISCOUNT, PRICE, REMINDERS], 2, 1.0)
    assert (everything >= gain([DISCOUNT, PRICE, REMINDERS], 1, 1.0) - 1e-9).all()
    assert (everything >= gain([DISCOUNT, PRICE], 2, 1.0) - 1e-9).all()
    assert (gain([DISCOUNT, PRICE, REMINDERS], 2, 0.5) >= everything - 1e-9).all()


def test_costs_may_depend_on_row_and_outcome(model):
    rows = draw_rows(20, seed=8)
    each = np.where(np.arange(20) % 2, 1e3, 0.0)

    def cost(at, before, after, outcome):
        assert len(at) == len(before) == len(after) == len(outcome)
        return each[at]

    found = search_moves(model, rows, [DISCOUNT], "spend", costs={"discount": cost}).to_frame()
    assert found["lever"][1::2].isna().all() and found["lever"][::2].notna().any()


def test_promises_come_from_other_rows_and_resist_the_curse_of_the_winner():
    """Where no lever does anything, the largest of many estimates looks good and its promise does not."""
    rng = np.random.default_rng(0)
    names = [f"lever{k}" for k in range(6)]
    table = pd.DataFrame({name: rng.normal(size=600) for name in names}).assign(spend=rng.normal(size=600))
    graph = CausalGraph([*names, "spend"], [(name, "spend") for name in names])
    choice, promise = (fit_scm(table.iloc[half::2], graph, rng=half) for half in (0, 1))
    levers = [Lever(name, "Discount", direction=0) for name in names]
    rows = table.head(200)
    chosen = search_moves(choice, rows, levers, "spend")
    judged = search_moves(choice, rows, levers, "spend", promise=promise)
    taken = np.column_stack([option.net_gain for option in judged.options])[np.arange(200), chosen.chosen]
    assert chosen.to_frame()["net_gain"].mean() > 0.2
    assert taken.mean() < 0.5 * chosen.to_frame()["net_gain"].mean()
    promised = judged.to_frame()["net_gain"]
    assert (promised >= 0).all() and promised.mean() < 0.7 * chosen.to_frame()["net_gain"].mean()


def test_a_move_is_given_up_where_its_promise_is_not_kept():
    rng = np.random.default_rng(0)
    table = pd.DataFrame({"lever": rng.normal(size=400), "spend": 0.0})
    noise = rng.normal(0, 0.1, 400)
    graph = CausalGraph(["lever", "spend"], [("lever", "spend")])
    up, down = (fit_scm(table.assign(spend=sign * table["lever"] + noise), graph, rng=0) for sign in (1, -1))
    lever = Lever("lever", "Discount", direction=1)
    assert (search_moves(up, table.head(50), [lever], "spend").chosen >= 0).mean() > 0.9
    assert (search_moves(up, table.head(50), [lever], "spend", promise=up).chosen >= 0).mean() > 0.9
    assert (search_moves(up, table.head(50), [lever], "spend", promise=down).chosen == -1).all()


def test_a_second_lever_needs_a_promise_of_its_own():
    """Both models agree on the first lever; only the choosing one believes in the second."""
    rng = np.random.default_rng(0)
    table = pd.DataFrame({"sure": rng.normal(size=400), "rumour": rng.normal(size=400)})
    graph = CausalGraph(["sure", "rumour", "spend"], [("sure", "spend"), ("rumour", "spend")])
    noise = rng.normal(0, 0.1, 400)
    choice, promise = (
        fit_scm(table.assign(spend=table["sure"] + belief * table["rumour"] + noise), graph, rng=0)
        for belief in (1, -0.3)
    )
    levers = [Lever(name, "Discount", direction=1) for name in ("sure", "rumour")]
    rows = table.head(50).assign(spend=0.0)
    believed = search_moves(choice, rows, levers, "spend").to_frame()
    checked = search_moves(choice, rows, levers, "spend", promise=promise).to_frame()
    assert believed["second_lever"].notna().mean() > 0.8
    assert checked["second_lever"].isna().all() and (checked["lever"] == "sure").mean() > 0.8


def test_switches_a_category_only_to_levels_that_were_usual_for_such_rows():
    rng = np.random.default_rng(1)
    n = 3_000
    rich = rng.random(n) < 0.5
    offer = np.where(rich, rng.choice(["gold", "silver"], n), rng.choice(["silver", "bronze"], n))
    worth = {"gold": 3.0, "silver": 1.0, "bronze": 0.0}
    spend = np.array([worth[o] for o in offer]) + rng.normal(0, 0.1, n)
    table = pd.DataFrame({"rich": rich.astype(float), "offer": pd.Categorical(offer), "spend": spend})
    graph = CausalGraph(["rich", "offer", "spend"], [("rich", "offer"), ("rich", "spend"), ("offer", "spend")])
    fitted = fit_scm(table, graph, rng=0)
    rows = table.head(200)
    found = search_moves(fitted, rows, [Lever("offer", "Category", direction=0)], "spend").to_frame()
    poor = rows["rich"].to_numpy() == 0
    assert not (found["to"][poor] == "gold").any()
    assert (found["to"][poor & (rows["offer"] == "bronze").to_numpy()] == "silver").all()
    assert (found["to"][~poor & (rows["offer"] == "silver").to_numpy()] == "gold").all()


def test_a_row_without_the_value_of_a_lever_keeps_its_other_levers(model):
    rows = draw_rows(5, seed=9)
    rows.loc[2, "discount"] = np.nan
    moves = search_moves(model, rows, [DISCOUNT, REMINDERS], "spend")
    single = {option.columns: option for option in moves.options}
    assert not np.isfinite(single["discount",].net_gain[2]) and np.isfinite(single["reminders",].net_gain[2])


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"levers": [Lever("colour", "Discount")]}, "colour"),
        ({"outcome": "joy"}, "joy"),
        ({"maximum_moves": 3}, "maximum_moves is 3"),
        ({"quantiles": (0.5, 0.2)}, "increasing"),
        ({"value": [1.0, 2.0]}, "value"),
        ({"costs": {"discount": np.inf}}, "cost of 'discount'"),
        ({"frame": draw_rows(5).drop(columns="visits")}, "visits"),
    ],
)
def test_says_what_is_wrong_with_a_question(model, change, words):
    question = {"frame": draw_rows(5), "levers": [DISCOUNT], "outcome": "spend", **change}
    with pytest.raises(MoveError, match=words):
        search_moves(model, **question)
