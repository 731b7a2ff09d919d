"""Influence of past contacts against fitting the same regression without them."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from scipy.stats import spearmanr

from graphrec.decisions.explanations.contactinfluence import _Reading, contact_influence
from graphrec.decisions.explanations.customers import customer_rows
from graphrec.learning.regressions.logistic import fit_logistic
from graphrec.market.tables import DataError


def test_leaving_a_contact_out_moves_the_uplift_by_its_influence(model):
    effects, panel = model.effects, model.panel
    head, past = effects.model, panel.frame[panel.contacted].reset_index(drop=True)
    place = past[panel.treatment].astype(str).map({c: i for i, c in enumerate(effects.channels)}).to_numpy(np.int64)
    outcome = past[panel.outcome].to_numpy(float)
    matrix = effects.design.transform(past)
    read = _Reading.of(head, matrix, place, outcome)
    row = effects.design.transform(customer_rows(model, n=1))
    uplift, influence = read.influence(head, row, np.array([0]))
    assert influence.shape == (len(past),)
    ridge = np.linalg.inv(read.inverse).diagonal() - np.einsum(
        "i,ij->j", read.expected * (1 - read.expected), read.columns**2
    )
    offset = np.log(read.expected / (1 - read.expected)) - read.columns @ read.coefficients
    order = np.argsort(-np.abs(influence))
    truth = []
    for at in order[:25]:
        kept = np.arange(len(past)) != at
        beta = fit_logistic(read.columns[kept], outcome[kept], penalty=ridge, offset=offset[kept]).coefficients
        without = replace(read, coefficients=beta).influence(head, row, np.array([0]))[0]
        truth.append(uplift - without)
    assert spearmanr(influence[order[:25]], truth).statistic > 0.98
    np.testing.assert_allclose(influence[order[:25]], truth, rtol=0.25, atol=2e-4)


def test_the_table_names_nobody_else_and_the_linear_part_follows_the_model(model):
    customer = customer_rows(model, n=1).index[0][0]
    found = contact_influence(model, customer)
    assert list(found.contacts) == ["offer", "channel", "decided_at", "own", "happened", "influence"]
    assert found.contacts["influence"].abs().is_monotonic_decreasing
    assert found.fidelity > 0.8
    assert found.by_offer(3).index.isin(model.panel.offers.index.ids).all()
    own = model.panel.frame["customer"].to_numpy() == model.market.vocabulary.customers.encode([customer])[0]
    assert found.contacts["own"].sum() == (own & model.panel.contacted).sum()


def test_what_is_not_known_is_refused(model, unit_model):
    with pytest.raises(DataError, match="not known"):
        contact_influence(model, "nobody")
    with pytest.raises(DataError, match="was not learned"):
        contact_influence(model, customer_rows(model, n=1).index[0][0], channel="pigeon")
    found = contact_influence(unit_model, "u3")
    assert np.isfinite(found.contacts["influence"]).all() and found.contacts["own"].sum() <= 1
