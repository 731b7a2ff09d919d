from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as nst

from graphrec.decisions import scoring
from graphrec.decisions.scoring import SCORE_COLUMNS, best_rows, final_grades, uplift_interval
from graphrec.market.tables import DataError

PROBABILITIES = nst.arrays(np.float64, 5, elements=st.floats(1e-6, 1 - 1e-6))


@given(nst.arrays(np.int8, st.tuples(st.integers(1, 5), st.integers(1, 12))), st.integers(1, 15))
def test_the_best_come_first_and_ties_go_to_the_lower_column(key, n):
    """Against brute force, with many ties."""
    found = best_rows(key.astype(np.float64), n)
    for row, columns in zip(key.astype(int), found):
        brute = sorted(range(len(row)), key=lambda column: (-row[column], column))[:n]
        assert columns.tolist() == brute


def test_what_has_no_number_comes_last():
    assert best_rows(np.array([[np.nan, -1.0, 2.0]]), 2).tolist() == [[2, 1]]


@given(PROBABILITIES, PROBABILITIES, nst.arrays(np.float64, 5, elements=st.floats(0, 10)), st.floats(0.01, 0.999))
def test_intervals_hold_the_uplift_and_stay_inside_what_probabilities_allow(organic, contact, se, level):
    low, high = uplift_interval(organic, contact, se, level, np.full(5, "B"))
    uplift = contact - organic
    assert (low <= uplift).all() and (uplift <= high).all()
    assert (low >= -organic).all() and (high <= 1 - organic).all()


@given(PROBABILITIES, PROBABILITIES)
def test_of_grade_x_nothing_is_excluded(organic, contact):
    low, high = uplift_interval(organic, contact, np.zeros(5), 0.9, np.full(5, "X"))
    np.testing.assert_array_equal(low, -organic)
    np.testing.assert_array_equal(high, 1 - organic)


def test_a_higher_level_is_wider_and_no_standard_error_is_no_interval():
    one = (np.array([0.5]), np.array([0.6]), np.array([0.05]))
    narrow, wide = (uplift_interval(*one, level, np.array(["B"])) for level in (0.8, 0.95))
    assert wide[0] < narrow[0] and wide[1] > narrow[1]
    assert wide[1] - wide[0] == pytest.approx(2 * 1.959964 * 0.05)
    assert np.isnan(uplift_interval(*one[:2], np.array([np.nan]), 0.9, np.array(["C"]))).all()


def test_only_grade_b_needs_support():
    effects = SimpleNamespace(channels=("a", "b", "x"), grades={"a": "A", "b": "B", "x": "X"})
    channel = np.array([0, 1, 2, 0, 1, 2])
    supported = np.array([True, True, True, False, False, False])
    assert final_grades(effects, channel, supported).tolist() == ["A", "B", "X", "A", "C", "X"]


def test_scores_have_the_promised_columns_in_order(model):
    assert tuple(model.recommend(n=2, customers=["C001"]).columns) == SCORE_COLUMNS


def test_the_best_are_the_best_of_all_pairs(model):
    scorer = model.scorer()
    codes = np.arange(20)
    found = scorer.scores(codes, model.effects.channels, 5, "uplift")
    matrix = model.effects.design.transform(scorer.frame(codes))
    response = model.effects.doubted(model.effects.model.predict(matrix), matrix)
    supported = model.effects.exposure.supported(matrix)
    key = response.uplift.reshape(20, -1)
    place = np.argsort(-key, axis=1, kind="stable")[:, :5]
    np.testing.assert_array_equal(found["uplift"].to_numpy().reshape(20, 5), np.take_along_axis(key, place, axis=1))
    row = np.arange(20)[:, None] * len(scorer.offers) + place // 3
    se = response.se[row, place % 3].ravel()
    low, high = uplift_interval(found["p_organic"], found["p_contact"], se, scorer.level, found["grade"])
    np.testing.assert_allclose(found["uplift_low"], low, rtol=1e-9)
    np.testing.assert_allclose(found["uplift_high"], high, rtol=1e-9)
    assert (found["grade"] == np.where(supported[row].ravel(), model.effects.grades["call"], "C")).all()


def test_chunks_change_nothing(model, monkeypatch):
    scorer, codes = model.scorer(), np.arange(50)
    whole = scorer.scores(codes, model.effects.channels, 4, "uplift")
    monkeypatch.setattr(scoring, "_CHUNK_ROWS", 7 * len(scorer.offers))
    again = scorer.scores(codes, model.effects.channels, 4, "uplift")
    assert whole.drop(columns=["p_organic", "p_contact", "uplift", "uplift_low", "uplift_high", "net_value"]).equals(
        again.drop(columns=["p_organic", "p_contact", "uplift", "uplift_low", "uplift_high", "net_value"])
    )
    np.testing.assert_allclose(whole["uplift_low"], again["uplift_low"], rtol=1e-9, atol=1e-12)


def test_pairs_that_cannot_be_are_never_recommended(model):
    scorer = model.scorer()
    possible = np.zeros_like(scorer.possible)
    possible[3, 1] = possible[5, 0] = True
    found = replace(scorer, possible=possible).scores(np.arange(10), model.effects.channels, 4, "net_value")
    assert len(found) == 20
    names = scorer.covariates.offers.index.decode(scorer.offers[[3, 5]])
    pairs = {(names[0], model.effects.channels[1]), (names[1], model.effects.channels[0])}
    assert set(zip(found["product_id"], found["channel"])) == pairs


def test_channels_without_an_offer_are_refused(model):
    scorer = model.scorer()
    possible = np.ones_like(scorer.possible)
    possible[:, 0] = False
    with pytest.raises(DataError, match=f"no offer of this market goes through {model.effects.channels[0]}"):
        replace(scorer, possible=possible).scores(np.arange(3), model.effects.channels[:1], 4, "uplift")


def test_net_value_is_value_times_uplift_minus_cost(model):
    found = model.recommend(n=3)
    np.testing.assert_allclose(found["net_value"], found["uplift"] * found["value"] - found["cost"])
    np.testing.assert_allclose(found["uplift"], found["p_contact"] - found["p_organic"])


def test_the_frame_is_what_the_panel_would_hold(model):
    scorer = model.scorer()
    frame = scorer.frame(np.array([4, 2]))
    assert len(frame) == 2 * len(scorer.offers)
    assert set(model.effects.design.sources) <= set(frame.columns)
    one = scorer.covariates.at(np.array([2]), np.array([7]), np.array([scorer.time]))
    row = frame.iloc[[len(scorer.offers) + 7]][list(one.columns)]
    assert row.reset_index(drop=True).equals(one)
