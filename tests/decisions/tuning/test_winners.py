"""The one-standard-error rule on scores whose differences are known by construction."""

from __future__ import annotations

import numpy as np
import pytest

from graphrec.decisions.tuning.scored import Score, customer_groups
from graphrec.decisions.tuning.searchspace import policy_space
from graphrec.decisions.tuning.trialbook import Trial
from graphrec.decisions.tuning.winners import choose_winner, compare_last
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


def noise(rng: np.random.Generator, mean: float = 0.0, se: float = 0.05) -> np.ndarray:
    """A lead as a study may show it: its mean in truth, its own scatter."""
    return np.asarray(rng.normal(mean, se * np.sqrt(GROUPS), GROUPS))


@pytest.mark.parametrize(("ahead", "winner"), [(1.1, 0), (1.5, 1)])
def test_one_rival_needs_the_lead_that_one_study_of_ten_shows_by_chance(ahead: float, winner: int) -> None:
    trials = [made(0, 0.0), made(1, scatter(ahead * 0.05, 0.05), head="dr")]
    found = choose_winner(trials, SPACE)
    assert found.winner.number == winner
    assert found.leads is not None and found.leads.needed == pytest.approx(1.28, abs=0.08)
    assert found.leads.found == {1: pytest.approx(ahead)}


def test_the_luck_of_many_seldom_wins_and_a_true_lead_does() -> None:
    lucky = chosen = 0
    for seed in range(40):
        rng = np.random.default_rng(seed)
        rivals = [made(1 + k, noise(rng), head="dr") for k in range(20)]
        lucky += choose_winner([made(0, 0.0), *rivals], SPACE).winner.number != 0
        true = made(21, noise(rng, mean=0.25), head="x")
        chosen += choose_winner([made(0, 0.0), *rivals, true], SPACE).winner.number == 21
    assert lucky <= 9  # one in ten is promised: 4, and 9 is more than two standard errors above
    assert chosen >= 36


def test_candidates_that_choose_alike_count_as_one() -> None:
    lead = scatter(0.09, 0.05)
    same = [made(1 + k, lead + scatter(0.0, 1e-4), head="dr") for k in range(30)]
    found = choose_winner([made(0, 0.0), *same], SPACE)
    assert found.leads is not None and found.leads.needed < 1.5
    assert found.winner.number > 0


def test_noise_does_not_make_a_candidate_one_of_the_best() -> None:
    """Its standard error is so large that it is within one of anything, though it stands behind the default."""
    good = made(1, scatter(0.5, 0.05), head="dr", clip=0.9)
    noisy = made(2, scatter(-0.1, 5.0), head="x")
    assert choose_winner([made(0, 0.0), good, noisy], SPACE).winner.number == 1


def test_the_simplest_of_those_that_tie_wins_and_not_the_best() -> None:
    lead = scatter(1.0, 0.01)
    turned = {"head": "dr", "clip": 0.9, "leaves": 4}
    trials = [made(0, 0.0), made(1, lead, **turned), made(2, lead + scatter(-0.005, 0.01), head="x")]
    found = choose_winner(trials, SPACE)
    assert [one.number for one in found.near] == [1, 2]
    assert found.winner.number == 2


def test_common_noise_does_not_hide_a_difference() -> None:
    trials = [made(0, 0.0), made(1, 0.01, head="dr")]
    assert trials[0].score is not None and trials[0].score.interval.se > 0.05
    assert choose_winner(trials, SPACE).winner.number == 1


def test_a_lead_that_rests_on_a_handful_of_customers_counts_as_none() -> None:
    lucky = np.zeros(GROUPS)
    lucky[:5] = 20.0
    wide = np.zeros(GROUPS)
    wide[:60] = 20.0
    assert choose_winner([made(0, 0.0), made(1, lucky, head="dr")], SPACE).winner.number == 0
    assert choose_winner([made(0, 0.0), made(1, wide, head="dr")], SPACE).winner.number == 1


def test_failed_trials_do_not_win_and_their_reason_is_told_where_all_failed() -> None:
    failed = Trial(0, "default", SPACE.completed({}), "failed", None, "DataError: no luck", 1.0, 1.0, 1.0)
    found = choose_winner([failed, made(1, 0.0, head="t")], SPACE)
    assert found.winner.number == 1 and found.leads is None
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
