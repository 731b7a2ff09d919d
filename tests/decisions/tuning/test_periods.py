"""Nothing that a candidate learns from may know of what it is judged on."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from graphrec.decisions.tuning.periods import cut_periods
from graphrec.market.tables import DataError


@given(st.integers(1, 60), st.integers(5, 900), st.integers(-5_000, 20_000))
def test_no_outcome_window_reaches_into_the_part_that_is_judged(horizon: int, span: int, first: int) -> None:
    days = np.arange(first, first + span)
    try:
        cut = cut_periods(days, horizon)
    except DataError:
        assert span < 5 * horizon + max(4, 0.4 * span)
        return
    for part in ("validation", "last"):
        assert cut.learns(part)[1] + horizon < cut.judges(part)[0]
        assert cut.learns(part)[0] == first
    assert cut.validation[1] + horizon < cut.last[0]
    assert cut.last[1] == first + span - 1
    lengths = [1 + end - start for start, end in (cut.validation, cut.last)]
    assert lengths[0] == lengths[1] >= horizon


def test_too_few_periods_are_refused_with_the_number_that_is_needed() -> None:
    with pytest.raises(DataError, match=r"span 100 days .* at least 113"):
        cut_periods(np.arange(100), 28)


def test_days_without_decisions_change_nothing() -> None:
    assert cut_periods(np.array([0, 308]), 28) == cut_periods(np.arange(309), 28)
