from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from graphrec.learning.credibility.falsification import negative_control
from graphrec.learning.exposure import fit_exposure
from graphrec.learning.regressions.outcome import customer_folds


def check(rows, twin, seed=0):
    folds = customer_folds(rows.clusters, 5, np.random.default_rng(seed))
    exposure = fit_exposure(rows.matrix, rows.contacted, folds, rows.names, weights=rows.weights)
    return negative_control(rows, twin, exposure.model.out_of_fold)


def twins(rows, strength, seed=0):
    """A share of twin offers bought that depends on what drove the contact."""
    noise = np.random.default_rng(seed).normal(0, 0.1, len(rows.outcome))
    return 0.3 + strength * (rows.matrix[:, 0] + rows.matrix[:, 1]) + noise


def hidden(rows):
    """The same rows without the columns that drove the contact."""
    return replace(rows, matrix=rows.matrix[:, 2:], names=rows.names[2:], modifiers=rows.modifiers[2:])


@pytest.fixture(scope="module")
def rows(planted):
    return planted(0, n=6_000, level=(1.0,)).rows


def test_it_passes_when_the_columns_hold_the_reason_of_contact(rows):
    found = check(rows, twins(rows, 0.1))
    assert found.passed and found.status == "passed"
    assert abs(found.estimate) < 0.01 and "passed" in found.sentence


def test_it_fails_when_the_reason_of_contact_is_hidden(rows):
    found = check(hidden(rows), twins(rows, 0.1))
    assert found.status == "failed" and not found.passed
    assert found.estimate > 0.05
    assert "not among the columns" in found.sentence


def test_it_fails_when_the_contact_moves_the_twins(rows):
    assert check(rows, twins(rows, 0.0) + 0.05 * rows.contacted).estimate == pytest.approx(0.05, abs=0.01)


def test_it_fails_one_time_in_twenty_by_chance(planted):
    passed = []
    for seed in range(25):
        rows = planted(seed, n=1_200, level=(1.0,)).rows
        passed.append(check(rows, twins(rows, 0.1, seed), seed).passed)
    assert np.mean(passed) >= 0.92


def test_rows_of_one_customer_are_not_independent(rows):
    """Forty rows of each customer share outcome and contact: the standard error must be sqrt(40) times larger."""
    customer = np.arange(len(rows.outcome)) // 40
    shared = np.random.default_rng(1).normal(0, 0.2, customer.max() + 1)[customer]
    assigned = replace(rows, channel=(customer % 2).astype(np.int64))
    logit = np.zeros(len(customer))
    clustered = negative_control(replace(assigned, clusters=customer), shared, logit)
    naive = negative_control(replace(assigned, clusters=np.arange(len(customer))), shared, logit)
    assert clustered.se / naive.se == pytest.approx(np.sqrt(40), rel=0.05)


@pytest.mark.parametrize(
    "spoil",
    [
        lambda rows, twin: np.full(len(twin), np.nan),
        lambda rows, twin: np.zeros(len(twin)),
        lambda rows, twin: np.where(rows.contacted & (np.cumsum(rows.contacted) > 30), np.nan, twin),
    ],
    ids=["unknown", "nobody buys twins", "thirty contacts"],
)
def test_without_twins_it_is_not_possible_and_never_passed(rows, spoil):
    found = check(rows, spoil(rows, twins(rows, 0.1)))
    assert found.status == "not possible" and not found.passed
    assert np.isnan(found.estimate) and "No negative control" in found.sentence


def test_gaps_in_the_twins_are_left_out(rows):
    gaps = np.random.default_rng(2).random(len(rows.outcome)) < 0.3
    found = check(rows, np.where(gaps, np.nan, twins(rows, 0.1)))
    assert found.passed and np.isfinite(found.se)
