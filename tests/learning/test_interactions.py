from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from graphrec.learning.interactions import SIGNALS, Interactions, read_interactions, split_time
from graphrec.market.history import to_microseconds

DAY = 86_400_000_000


def make(rows: list[tuple[int, int, int, int]]) -> Interactions:
    table = np.array(sorted(rows, key=lambda row: row[2]), dtype=np.int64).reshape(-1, 4)
    return Interactions(
        table[:, 0].astype(np.int32), table[:, 1].astype(np.int32), table[:, 2], table[:, 3].astype(np.int8), 4, 5
    )


@given(
    st.lists(
        st.tuples(st.integers(0, 3), st.integers(0, 4), st.integers(0, 50), st.integers(0, 2)), min_size=0, max_size=60
    ),
    st.integers(0, 50),
)
def test_matrix_is_the_logarithm_of_weighted_counts_before_the_cut(
    rows: list[tuple[int, int, int, int]], cut: int
) -> None:
    weights = {"purchase": 1.0, "cart": 0.5, "view": 0.2}
    expected = np.zeros((4, 5))
    for customer, product, time, kind in rows:
        if time < cut:
            expected[customer, product] += weights[SIGNALS[kind]]
    found = make(rows).before(cut).matrix(weights)
    assert found.toarray() == pytest.approx(np.log2(1 + expected), abs=1e-6)
    assert found.has_sorted_indices


def test_a_long_history_keeps_the_most_recent_products() -> None:
    rows = [(0, 0, 10, 0), (0, 1, 20, 0), (0, 2, 30, 0), (0, 0, 40, 0), (1, 4, 5, 0)]
    kept = make(rows).matrix(history=2).toarray() > 0
    assert kept[0].tolist() == [True, False, True, False, False]
    assert kept[1, 4]


def test_reading_is_blind_to_the_order_of_equal_times(tasted) -> None:
    made = tasted(0)
    frames = dict(made.frames)
    frames["events"] = frames["events"].assign(event_time=frames["events"]["event_time"].dt.floor("D"))
    shuffled = frames | {"events": frames["events"].sample(frac=1.0, random_state=1)}
    from graphrec.market.tables import Market

    roles = {"age": "Age", "wealth": "Wealth"}
    first, second = (read_interactions(Market.from_frames(**f, roles=roles)) for f in (frames, shuffled))
    for name in ("customers", "products", "times", "kinds"):
        assert np.array_equal(getattr(first, name), getattr(second, name))


def test_only_purchases_carts_and_views_are_read(tasted) -> None:
    made = tasted(0, views=True)
    read = read_interactions(made.market)
    assert len(read) == len(made.market.events)
    assert np.array_equal(np.sort(read.times), np.sort(to_microseconds(made.market.events["event_time"])))


@pytest.mark.parametrize(("length", "expected"), [(200, 200 - 28), (30, 27)])
def test_the_validation_window_is_28_days_or_a_tenth(length: int, expected: int) -> None:
    times = np.arange(0, length * DAY, DAY // 4)
    assert split_time(times, length * DAY) / DAY == pytest.approx(expected, abs=0.5)
