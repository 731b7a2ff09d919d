from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest
from scipy.special import expit

from graphrec.learning.credibility.form import FormError, fit_form_error
from graphrec.learning.regressions.logistic import logit
from graphrec.learning.response import Response, fit_structured_uplift


def respond(made):
    return Response(made.organic, made.organic[:, None] + made.uplift, np.full_like(made.uplift, 0.01))


def judge(made, shift):
    """Judge the truth, moved by ``shift`` for the contacted."""
    rows = made.rows
    received = np.where(rows.contacted, made.uplift[:, 0], 0.0) + made.organic
    expected = received + shift * rows.contacted
    weights = np.ones(int((~rows.contacted).sum()))
    return fit_form_error(rows, expected, respond(made), weights, rows.modifiers)


@pytest.fixture(scope="module")
def made(planted):
    return planted(200, n=20_000, level=(0.8,), confounding=0.0, contacted=0.4)


def test_a_right_prediction_is_left_alone(made, planted):
    found = [judge(made, 0.0)]
    found += [judge(planted(s, n=8_000, level=(0.8,), confounding=0.0), 0.0) for s in (201, 202, 203)]
    assert sum(not one.findings for one in found) >= 3


def test_a_prediction_that_is_wrong_on_both_sides_of_a_threshold_is_found(made):
    side = made.rows.matrix[:, 2] > 0.5
    form = judge(made, np.where(side, -0.1, 0.03))
    assert 2 in {column for _, column, *_ in form.findings}
    bias = np.sqrt(form.squared_bias(made.rows.matrix, respond(made), 1)[:, 0])
    assert bias[side].mean() == pytest.approx(0.1, abs=0.03)
    assert bias[~side].mean() < 0.06
    assert "groups of x2" in form.sentence(made.rows.names)


def test_intervals_get_wider_and_nothing_else_changes(made):
    form = judge(made, np.where(made.rows.matrix[:, 2] > 0.5, -0.1, 0.03))
    n = len(made.organic)
    narrow = Response(made.organic, np.column_stack([made.organic + 0.1] * 2), np.full((n, 2), 0.01))
    assert FormError().widen(narrow, made.rows.matrix, 1) is narrow
    wide = form.widen(narrow, made.rows.matrix, 1)
    assert np.array_equal(wide.uplift, narrow.uplift) and (wide.se >= narrow.se).all()
    assert wide.se.shape == (n, 2)
    assert FormError.from_list(json.loads(json.dumps(form.to_list()))) == form


@pytest.mark.slow
def test_where_an_effect_jumps_most_intervals_hold_it_on_both_sides(planted):
    """A line through the jump covered 4 to 48 % of one side."""
    covered = []
    for seed in range(300, 303):
        made = planted(seed, n=8_000, level=(0.8,), slope=0.0)
        side = made.rows.matrix[:, 2] > 0.5
        contact = expit(logit(made.organic) + 1.5 * side - 0.2)
        chance = np.where(made.rows.contacted, contact, made.organic)
        rows = replace(made.rows, outcome=(np.random.default_rng(seed).random(len(side)) < chance).astype(float))
        model = fit_structured_uplift(rows, np.random.default_rng(seed))
        found = model.predict(rows.matrix)
        form = fit_form_error(rows, model.expected, found, model.exposure.control_weights, rows.modifiers)
        wide = form.widen(found, rows.matrix, 1)
        hit = np.abs(wide.uplift[:, 0] - (contact - made.organic)) <= 1.645 * wide.se[:, 0]
        covered.append([hit[side].mean(), hit[~side].mean()])
    assert (np.mean(covered, axis=0) > 0.6).all()
