from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest

from graphrec.learning.credibility.comparability import Comparability, assess_exposure
from graphrec.learning.heads.nuisances import fit_nuisances


def assess(rows, **plugged):
    return assess_exposure(rows, fit_nuisances(rows, np.random.default_rng(0), arms=False, **plugged).exposure)


@pytest.fixture(scope="module")
def usual(planted):
    return assess(planted(500, n=6_000).rows)


def test_a_stochastic_policy_can_be_compared_with(usual):
    assert usual.status == "enough" and usual.overlap > 0.9 and usual.ess > 100 and usual.certain == 0
    assert usual.cap("c0") == ("B", "")
    assert (usual.balance["after"].abs() <= usual.balance["before"].abs() + 0.05).all()
    assert usual.channels["channel"].tolist() == ["c0", "c1"]
    assert (usual.channels["ess"] <= usual.channels["contacts"] + 1e-6).all()


def test_propensities_of_three_tenths_are_right_three_times_in_ten(usual):
    table = usual.calibration
    assert table["predicted"].is_monotonic_increasing and table["rows"].sum() == 6_000
    assert np.abs(table["predicted"] - table["observed"]).max() < 0.07


def test_a_rule_leaves_nobody_to_compare_with(planted):
    rows = planted(501, n=4_000).rows
    ruled = replace(rows, channel=np.where(rows.matrix[:, 0] > 1.0, 1, 0), channels=("c0",))
    found = assess(ruled)
    assert found.status == "absent" and found.cap("c0")[0] == "X"
    assert "cannot be compared" in found.sentence


def test_a_channel_of_ten_contacts_is_the_models_word(planted):
    rows = planted(502, n=4_000).rows
    channel = rows.channel.copy()
    channel[np.flatnonzero(channel == 2)[10:]] = 1
    found = assess(replace(rows, channel=channel))
    assert found.cap("c0")[0] == "B"
    assert found.cap("c1") == ("C", "only 10 contacts went through c1")


def test_a_lot_that_was_no_lot_is_counted(planted):
    rows = planted(503, n=3_000).rows
    logged = np.where(rows.contacted, 1.0, np.nan)
    found = assess(replace(rows, logged=logged))
    assert found.certain == pytest.approx(rows.contacted.mean())


def test_it_survives_json(usual):
    again = Comparability.from_dict(json.loads(json.dumps(usual.to_dict())), usual.balance)
    assert again.sentence == usual.sentence and again.channels.equals(usual.channels)
    assert again.calibration.equals(usual.calibration)
