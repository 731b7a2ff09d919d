from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest

from graphrec.learning.credibility.crossfit import leave_out, take_rows
from graphrec.learning.credibility.recalibration import Recalibration, fit_recalibration
from graphrec.learning.heads.nuisances import fit_nuisances
from graphrec.learning.heads.registry import recipe_of
from graphrec.learning.response import Response
from graphrec.market.tables import DataError


@pytest.fixture(scope="module")
def made(planted):
    return planted(400, n=6_000, level=(0.0,), slope=1.0, contacted=0.4)


@pytest.fixture(scope="module")
def left(made):
    propensity = fit_nuisances(made.rows, np.random.default_rng(0), arms=False).exposure.propensity
    return leave_out(made.rows, recipe_of("t"), propensity, np.random.default_rng(1))


def test_scores_are_right_on_average_and_nobody_is_judged_by_a_model_that_saw_him(made, left):
    assert left.uplift.shape == left.scores.shape == left.overlap.shape == (6_000, 1)
    noise = left.scores.std() / np.sqrt(2_000)
    assert left.scores.mean() == pytest.approx(made.uplift.mean(), abs=4 * noise)
    for customer in np.unique(made.rows.clusters)[:20]:
        assert len(np.unique(left.folds[made.rows.clusters == customer])) == 1


def test_the_slope_of_a_good_model_is_one_and_it_is_left_alone(made, left):
    found = fit_recalibration(left)
    true = np.polyfit(left.uplift[:, 0], made.uplift[:, 0], 1)[0]
    assert found.interval[0] < true < found.interval[1]
    assert not found.applies and "right in size" in found.sentence
    assert len(found.deciles.predicted) == 10


def test_an_exaggerating_model_is_corrected_and_a_noisy_one_is_not(left):
    loud = fit_recalibration(replace(left, uplift=5.0 * left.uplift))
    assert loud.applies and loud.slope == pytest.approx(fit_recalibration(left).slope / 5)
    assert "corrected by that line" in loud.sentence
    response = Response(np.array([0.5]), np.array([[1.5]]), np.array([[0.2]]))
    fixed = loud.apply(response)
    assert fixed.uplift[0, 0] == pytest.approx(loud.intercept + loud.slope) and fixed.se[0, 0] < 0.2
    rng = np.random.default_rng(0)
    noise = fit_recalibration(replace(left, uplift=left.scores.mean() + 0.02 * rng.normal(size=left.uplift.shape)))
    assert not noise.applies and noise.apply(response) is response


def test_a_constant_prediction_has_no_slope(left):
    found = fit_recalibration(replace(left, uplift=np.full_like(left.uplift, 0.1)))
    assert np.isnan(found.slope) and not found.applies and "same effect" in found.sentence


def test_it_survives_json(left):
    found = replace(fit_recalibration(left), deciles=None)
    assert Recalibration.from_dict(json.loads(json.dumps(found.to_dict()))) == found


def test_rows_of_one_kind_are_refused(made):
    with pytest.raises(DataError, match="more customers are needed"):
        take_rows(made.rows, made.rows.contacted)
