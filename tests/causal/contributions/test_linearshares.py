"""The closed form against the definition on random linear equations."""

from __future__ import annotations

import numpy as np
import pytest

from causal.contributions.coalitions import find_coalitions
from causal.contributions.linearshares import linear_routes


def _random_lines(rng, d, density):
    names = [f"x{i}" for i in range(d)]
    nodes = [*names, "y"]
    slopes = {
        (nodes[i], nodes[j]): float(rng.normal())
        for j in range(1, d + 1)
        for i in range(j)
        if rng.random() < density or j == d
    }
    return names, slopes


def _value(names, slopes, deviation, chosen):
    """Deviation of the outcome from its mean when the chosen causes are set and the rest follow."""
    at = {}
    for node in [*names, "y"]:
        free = sum(slope * at[cause] for (cause, effect), slope in slopes.items() if effect == node)
        at[node] = deviation[node] if node in chosen else free
    return at["y"]


@pytest.mark.parametrize("seed", range(6))
def test_the_closed_form_is_the_definition(seed):
    rng = np.random.default_rng(seed)
    names, slopes = _random_lines(rng, 6, 0.5)
    parents = {node: [c for c, e in slopes if e == node] for node in [*names, "y"]}
    deviation = dict(zip(names, rng.normal(size=6)))
    found = find_coalitions(names, "y", parents)
    values = np.array([_value(names, slopes, deviation, s) for s in found.members])
    ours = linear_routes(names, "y", slopes).matrix @ list(deviation.values())
    np.testing.assert_allclose(ours, found.weights @ values, atol=1e-10)


def test_forty_causes_take_no_time_and_add_up():
    rng = np.random.default_rng(0)
    names, slopes = _random_lines(rng, 40, 0.2)
    deviation = rng.normal(size=40)
    ours = linear_routes(names, "y", slopes).matrix @ deviation
    direct = [slopes[name, "y"] for name in names]
    assert ours.sum() == pytest.approx(np.dot(direct, deviation))
