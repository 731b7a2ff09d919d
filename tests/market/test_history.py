"""As-of answers equal brute force, to the last bit and whatever comes later."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from graphrec.market.history import History, pair_codes, to_microseconds

NEVER = np.iinfo(np.int64).min
RECORDS = st.lists(
    st.tuples(st.integers(-1, 4), st.integers(0, 12), st.floats(-1e6, 1e6, allow_nan=False)), max_size=30
)
QUESTIONS = st.lists(st.tuples(st.integers(-1, 5), st.integers(-3, 16)), min_size=1, max_size=20)
WINDOWS = st.none() | st.integers(1, 20)


def columns(rows):
    groups, times, *values = (np.array(column) for column in zip(*rows)) if rows else (np.zeros(0, int),) * 3
    return groups.astype(np.int64), times.astype(np.int64), *values


@given(RECORDS, QUESTIONS, WINDOWS)
def test_answers_equal_brute_force(records, questions, window):
    history = History(*columns(records))
    asked, when = columns(questions)
    inside = [
        [(t, v) for g, t, v in records if g == group >= 0 and t < time and (window is None or t >= time - window)]
        for group, time in questions
    ]
    assert history.count(asked, when, window).tolist() == [len(rows) for rows in inside]
    np.testing.assert_allclose(
        history.total(asked, when, window), [sum(v for _, v in rows) for rows in inside], rtol=1e-9, atol=1e-5
    )
    before = [[t for g, t, _ in records if g == group >= 0 and t < time] for group, time in questions]
    assert history.last_time(asked, when).tolist() == [max(times, default=NEVER) for times in before]


@given(RECORDS, RECORDS, st.integers(0, 4), st.integers(0, 12))
def test_a_total_is_the_same_to_the_last_bit_whatever_other_groups_and_later_records_hold(records, others, group, time):
    kept = [record for record in records if record[0] == group and record[1] < time]
    noise = [record for record in others if record[0] != group or record[1] >= time]
    question = (np.array([group]), np.array([time]))
    alone, mixed = History(*columns(kept)), History(*columns(kept + noise))
    for window in (None, 3):
        assert alone.total(*question, window).tobytes() == mixed.total(*question, window).tobytes()


@given(RECORDS, QUESTIONS)
def test_the_order_of_records_does_not_matter(records, questions):
    backwards = History(*columns(records[::-1]))
    history = History(*columns(records))
    assert history.count(*columns(questions)).tolist() == backwards.count(*columns(questions)).tolist()


def test_a_record_at_the_moment_itself_is_not_before_it():
    history = History(np.array([3]), np.array([10]))
    assert history.count(np.array([3, 3]), np.array([10, 11])).tolist() == [0.0, 1.0]


def test_the_window_holds_its_start_and_not_its_end():
    history = History(np.array([3, 3]), np.array([10, 20]))
    assert history.count(np.array([3, 3]), np.array([20, 21]), 10).tolist() == [1.0, 1.0]


def test_an_empty_history_knows_nothing():
    empty = History(np.zeros(0, np.int64), np.zeros(0, np.int64), np.zeros(0))
    question = (np.array([0, 1]), np.array([5, 5]))
    assert empty.count(*question).tolist() == [0.0, 0.0]
    assert empty.total(*question).tolist() == [0.0, 0.0]
    assert empty.last_time(*question).tolist() == [NEVER, NEVER]


def test_sums_need_values():
    with pytest.raises(ValueError, match="pass values="):
        History(np.array([0]), np.array([1])).total(np.array([0]), np.array([2]))


def test_many_groups_over_many_years_do_not_overflow():
    n = 300_000
    times = np.linspace(0, to_microseconds(["2040-01-01"])[0], n).astype(np.int64)
    history = History(np.arange(n), times)
    assert history.count(np.arange(n), times + 1).sum() == n
    assert history.count(np.arange(n), times).sum() == 0


def test_times_are_microseconds_of_utc():
    expected = pd.Timestamp("2024-07-01 16:00", tz="UTC").value // 1000
    local = pd.Series([pd.Timestamp("2024-07-01 12:00", tz="America/New_York")])
    assert to_microseconds(local).tolist() == [expected]
    assert to_microseconds(["2024-07-01 16:00"]).tolist() == [expected]
    assert to_microseconds([pd.NaT]).tolist() == [NEVER]


def test_a_pair_with_an_unknown_side_is_unknown():
    assert pair_codes(np.array([0, 2, -1, 1]), np.array([1, 2, 0, -1]), 3).tolist() == [1, 8, -1, -1]
