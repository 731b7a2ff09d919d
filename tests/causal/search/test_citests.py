from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest

from causal.search.citests import register_tests

pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings("ignore")]


def questions(width):
    for a, b in combinations(range(width), 2):
        rest = [c for c in range(width) if c not in (a, b)]
        for size in range(3):
            yield from ((a, b, given) for given in combinations(rest, size))


def both(ours, theirs, data):
    from causallearn.utils.cit import CIT

    register_tests()
    pairs = [(CIT(data, ours), CIT(data, theirs))]
    return np.array([(one(a, b, s), other(a, b, s)) for one, other in pairs for a, b, s in questions(data.shape[1])])


def test_fisher_z_agrees():
    rng = np.random.default_rng(0)
    data = rng.normal(size=(300, 5)) @ (np.eye(5) + 0.3 * rng.normal(size=(5, 5)))
    values = both("graphrec-fisherz", "fisherz", data)
    assert values[:, 0] == pytest.approx(values[:, 1], abs=1e-9)
    assert (values[:, 0] > 0.01).any()


def test_the_likelihood_ratio_agrees_and_chi_squared_is_near():
    """Enough rows for every cell, where the two libraries count the same degrees of freedom."""
    rng = np.random.default_rng(1)
    first = rng.integers(0, 3, 20_000)
    second = (first + (rng.random(20_000) < 0.7) * rng.integers(0, 3, 20_000)) % 3
    third = (rng.random(20_000) < 0.2 + 0.05 * second).astype(int)
    data = np.column_stack([first, second, third, rng.integers(0, 2, 20_000)])
    values = both("graphrec-gsq", "gsq", data)
    assert values[:, 0] == pytest.approx(values[:, 1], abs=1e-9)
    pearson = both("graphrec-gsq", "chisq", data)
    assert np.abs(pearson[:, 0] - pearson[:, 1]).max() < 0.01
    assert ((values[:, 0] > 0.01) == (pearson[:, 1] > 0.01)).all()
    assert 0 < (values[:, 0] > 0.01).sum() < len(values)


def test_the_search_of_the_library_runs_on_our_test():
    from causallearn.search.ConstraintBased.PC import pc

    rng = np.random.default_rng(2)
    left, right, noise = rng.normal(size=(3, 1000))
    register_tests()
    found = pc(np.column_stack([left, right, left + right + noise]), 0.01, "graphrec-fisherz", show_progress=False)
    assert found.G.graph.tolist() == [[0, 0, -1], [0, 0, -1], [1, 1, 0]]


def test_gaps_are_refused():
    from causallearn.utils.cit import CIT

    register_tests()
    with pytest.raises(AssertionError, match="NaN"):
        CIT(np.array([[np.nan, 1.0]] * 20), "graphrec-gsq")
