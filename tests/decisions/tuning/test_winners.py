"""The one-standard-error rule on scores whose differences are known by construction."""

from __future__ import annotations

import numpy as np
import pytest

from graphrec.decisions.tuning.scored import Score, customer_groups
from graphrec.decisions.tuning.searchspace import policy_space
from graphrec.decisions.tuning.trialbook import Trial
from graphrec.decisions.tuning.winners import choose_winner, compare_last, within_one_error
from graphrec.evaluation.intervals import mean_interval
from graphrec.market.tables import DataError

SPACE = policy_space(views=False, binary=True)
GROUPS = 100
NOISE = np.random.default_rng(0).normal(size=GROUPS)


def made(number: int, lead: np.ndarray | float, **params: object) -> Trial:
    """A trial that is ahead of common noise by a lead in each group."""
    score = Score(10.0 + NOISE + np.zeros(GROUPS) + lead, np.ones(GROUPS))
    return Trial(number, "", SPACE.completed(params), "complete", score, "", 1.0, 1.0, 1.0)


def scatter(mean: float, se: float) -> np.ndarray:
    """A lead with this mean and standard error, by construction."""
    drawn = np.random.default_rng(1).normal(size=GROUPS)
    drawn = (drawn - drawn.mean()) / drawn.std(ddof=1)
    return np.asarray(mean + se * np.sqrt(GROUPS) * drawn)


@pytest.mark.parametrize(("ahead", "winner"), [(0.9, 0), (1.1, 1)])
def test_the_default_keeps_its_place_until_it_is_one_standard_error_behind(ahead: float, winner: int) -> None:
    trials = [made(0, 0.0), made(1, scatter(ahead * 0.05, 0.05), head="dr")]
    assert choose_winner(trials, SPACE).number == winner


def test_the_simplest_of_those_that_tie_wins_and_not_the_best() -> None:
    lead = scatter(1.0, 0.01)
    turned = {"head": "dr", "clip": 0.9, "leaves": 4}
    trials = [made(0, 0.0), made(1, lead, **turned), made(2, lead + scatter(-0.005, 0.01), head="x")]
    assert [one.number for one in within_one_error(trials)] == [1, 2]
    assert choose_winner(trials, SPACE).number == 2


def test_common_noise_does_not_hide_a_difference() -> None:
    trials = [made(0, 0.0), made(1, 0.01, head="dr")]
    assert trials[0].score is not None and trials[0].score.interval.se > 0.05
    assert choose_winner(trials, SPACE).number == 1


def test_a_lead_that_rests_on_a_handful_of_customers_counts_as_none() -> None:
    lucky = np.zeros(GROUPS)
    lucky[:5] = 20.0
    wide = np.zeros(GROUPS)
    wide[:60] = 20.0
    assert choose_winner([made(0, 0.0), made(1, lucky, head="dr")], SPACE).number == 0
    assert choose_winner([made(0, 0.0), made(1, wide, head="dr")], SPACE).number == 1


def test_failed_trials_do_not_win_and_their_reason_is_told_where_all_failed() -> None:
    failed = Trial(0, "default", SPACE.completed({}), "failed", None, "DataError: no luck", 1.0, 1.0, 1.0)
    assert choose_winner([failed, made(1, 0.0, head="t")], SPACE).number == 1
    with pytest.raises(DataError, match="no luck"):
        choose_winner([failed], SPACE)


def test_groups_give_the_mean_and_standard_error_of_their_customers() -> None:
    rng = np.random.default_rng(3)
    customers, weights = rng.integers(0, 80, 2_000), rng.uniform(0.5, 2.0, 2_000)
    values = rng.normal(size=2_000) + customers / 40
    score = Score.of(values, weights, customer_groups(customers, rng))
    rows = mean_interval(values, clusters=customers, weights=weights, level=0.9)
    assert score.interval.value == pytest.approx(rows.value)
    assert score.interval.se == pytest.approx(rows.se)


def test_the_last_period_holds_until_the_rival_is_a_standard_error_ahead() -> None:
    for gap, holds in ((0.5, True), (-0.009, True), (-0.02, False)):
        rival, own = made(0, 0.0).score, made(1, scatter(gap, 0.01)).score
        assert rival is not None and own is not None
        last = compare_last({"default": rival, "own": own}, "own", ("default", "the default"), {}, 1)
        assert last.holds is holds
        assert last.differences["default"].value == pytest.approx(gap)
