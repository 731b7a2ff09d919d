"""Slots share one effect: what they add is found where it is, and left out where it is not."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest
from scipy.special import expit

from graphrec.learning.response import StructuredUplift, fit_structured_uplift

SLOTS = ("evening", "morning")


def with_slots(planted, seed, level=0.0, slope=1.0, few=None, n=8_000):
    """Planted rows whose contacts have a slot, drawn by the second column; evenings help where the third is high."""
    made = planted(seed, n=n, level=(0.6,), slope=0.0)
    rng = np.random.default_rng(seed + 1)
    rows, x = made.rows, made.rows.matrix.astype(float)
    slot = np.where(rng.random(n) < expit(1.5 * x[:, 1]), 0, 1)
    if few is not None:
        rare = np.flatnonzero((slot == 0) & rows.contacted)[few:]
        slot[rare] = 1
    base = np.log(made.organic / (1 - made.organic))
    shift = np.column_stack([level + slope * x[:, 2], -level - slope * x[:, 2]])
    told = expit(base[:, None] + 0.6 + shift)
    chance = np.where(rows.contacted, told[np.arange(n), slot], made.organic)
    outcome = (rng.random(n) < chance).astype(float)
    slot = np.where(rows.contacted, slot, -1)
    return replace(rows, outcome=outcome, slot=slot, slots=SLOTS), told - made.organic[:, None]


def fit(rows, seed=0):
    return fit_structured_uplift(rows, np.random.default_rng(seed))


@pytest.fixture(scope="module")
def case(planted):
    rows, uplift = with_slots(planted, 31)
    return rows, uplift, fit(rows)


def test_evening_people_are_found_although_slots_are_confounded(case):
    rows, uplift, model = case
    found = model.predict(rows.matrix, slots=(0, 1))
    assert model.moments.modifiers[0] == 2
    gap, true = found.uplift[:, 0] - found.uplift[:, 1], uplift[:, 0] - uplift[:, 1]
    assert np.corrcoef(gap, true)[0, 1] > 0.9
    assert (np.sign(gap) == np.sign(true)).mean() > 0.85
    assert np.isfinite(found.se).all() and found.se.shape == (len(rows.matrix), 2)


def test_without_a_slot_the_contact_is_one_at_the_usual_mixture(case):
    rows, _, model = case
    usual = model.predict(rows.matrix, errors=False).p_contact[:, 0]
    both = model.predict(rows.matrix, errors=False, slots=(0, 1)).p_contact
    assert (usual >= both.min(axis=1) - 1e-12).all() and (usual <= both.max(axis=1) + 1e-12).all()
    turned = model.predict(rows.matrix, errors=False, slots=(1, 0)).p_contact
    np.testing.assert_array_equal(turned, both[:, ::-1])


def test_slots_without_effect_are_alike(planted):
    for seed in (32, 33, 34):
        rows, _ = with_slots(planted, seed, slope=0.0)
        found = fit(rows).predict(rows.matrix, errors=False, slots=(0, 1)).p_contact
        assert np.abs(found[:, 0] - found[:, 1]).mean() < 0.02


def test_a_slot_with_ten_contacts_leans_on_the_other(planted):
    rows, _ = with_slots(planted, 35, slope=0.0, few=10)
    model = fit(rows)
    found = model.predict(rows.matrix, slots=(0, 1))
    assert np.abs(found.p_contact[:, 0] - found.p_contact[:, 1]).mean() < 0.1
    assert model.moments.shares[0] < 0.02


def test_the_level_of_a_slot_is_found(planted):
    rows, uplift = with_slots(planted, 36, level=0.6, slope=0.0)
    found = fit(rows).predict(rows.matrix, errors=False, slots=(0, 1)).uplift.mean(axis=0)
    np.testing.assert_allclose(found, uplift.mean(axis=0), atol=0.05)


def test_unknown_slots_cost_nothing_and_one_slot_is_none(case):
    rows, _, model = case
    rng = np.random.default_rng(3)
    hidden = replace(rows, slot=np.where(rng.random(len(rows.slot)) < 0.3, -1, rows.slot))
    again = fit(hidden).predict(rows.matrix, errors=False, slots=(0, 1)).uplift
    assert np.corrcoef(again[:, 0], model.predict(rows.matrix, errors=False, slots=(0, 1)).uplift[:, 0])[0, 1] > 0.9
    single = fit(replace(rows, slot=np.minimum(rows.slot, 0), slots=("evening",)))
    plain = fit(replace(rows, slot=None, slots=()))
    assert single.moments is None and single.slots == ()
    assert single.predict(rows.matrix).p_contact.tobytes() == plain.predict(rows.matrix).p_contact.tobytes()


def test_parts_hold_the_slots(case):
    rows, _, model = case
    arrays, texts, meta = model.to_parts()
    again = StructuredUplift.from_parts(
        arrays, texts, json.loads(json.dumps(meta)), model.exposure.control_weights, model.exposure.balance
    )
    assert again.slots == SLOTS
    first, second = (m.predict(rows.matrix[:50], slots=(0, 1)) for m in (model, again))
    assert first.p_contact.tobytes() == second.p_contact.tobytes() and first.se.tobytes() == second.se.tobytes()
