import itertools
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import linprog

from graphrec.decisions.planning.exact import solve
from graphrec.decisions.planning.prices import _descend, choose, evaluate, find_prices


def relaxation(p, limit, capacity, budget):
    """Optimum of the linear program with all constraints written down."""
    rows = [p.customer == c for c in range(p.customers)] if limit is not None else []
    most = [limit] * len(rows)
    if p.local.shape[1]:
        rows += [p.local[:, 0] == group for group in range(len(p.room))]
        most += [1.0] * len(p.room)
    rows += [p.cells[:, 0] == c for c in range(len(capacity))]
    matrix = np.vstack([np.array(rows, dtype=float), p.cost])
    found = linprog(-p.value, A_ub=matrix, b_ub=[*most, *capacity, budget], bounds=(0, 1))
    return -found.fun


@settings(max_examples=40)
@given(seed=st.integers(0, 10_000), limit=st.sampled_from([1, 2, None]), levels=st.sampled_from([None, 1]))
def test_the_minimum_of_the_dual_is_the_linear_relaxation(draw, seed, limit, levels):
    p = draw(seed, limit=limit, levels=levels)
    assert find_prices(p).bound == pytest.approx(relaxation(p, limit, (3, 2), 4.0), rel=1e-6)


@settings(max_examples=15)
@given(seed=st.integers(0, 10_000), levels=st.sampled_from([None, 2]))
def test_the_descent_reaches_what_the_linear_program_finds(draw, seed, levels):
    p = draw(seed, customers=400, candidates=6, capacity=(60, 25), budget=40.0, levels=levels)
    descended = _descend(p, np.zeros(3))
    assert descended.bound >= find_prices(p).bound * (1 - 1e-9)
    assert descended.bound == pytest.approx(find_prices(p).bound, rel=2e-3)


@settings(max_examples=40)
@given(seed=st.integers(0, 10_000))
def test_any_prices_bound_every_plan(draw, seed):
    p = draw(seed)
    rng = np.random.default_rng(seed)
    rows, proven, possible = solve(p, 0.0)
    assert possible and p.worth(rows) <= proven + 1e-6
    assert evaluate(p, rng.exponential(1.0, 3))[0] >= p.worth(rows) - 1e-9


def best_set(p, customer, reduced):
    """Brute force over all sets of one customer's candidates."""
    mine = np.flatnonzero(p.customer == customer)
    best = 0.0
    for size in range(1, int(p.most[customer]) + 1):
        for rows in itertools.combinations(mine, size):
            groups = p.local[list(rows)]
            counts = np.bincount(groups[groups >= 0], minlength=len(p.room))
            if np.all(counts <= p.room):
                best = max(best, float(reduced[list(rows)].sum()))
    return best


@given(seed=st.integers(0, 10_000), most=st.sampled_from([0, 1, 2, 6]))
def test_choosing_alone_is_best_for_every_customer_whatever_limits_cross(draw, seed, most):
    """Offers once, a window of one channel and an exclusive group, crossing each other."""
    rng = np.random.default_rng(seed)
    p = draw(seed, customers=4, candidates=6, limit=None)
    groups = len(p.room)
    window = np.where(p.cells[:, 0] == 0, p.customer + groups, -1)
    exclusive = np.where(rng.random(24) < 0.5, p.customer + groups + 4, -1)
    local = np.column_stack((p.local[:, 0], window, exclusive))
    room = np.concatenate((p.room, np.full(4, 2), np.ones(4, dtype=np.int64)))
    p = replace(p, local=local, room=room, most=np.full(4, most))
    reduced = p.value - 1.0
    rows, total = choose(p, reduced)
    expected = [best_set(p, customer, reduced) for customer in range(4)]
    assert total == pytest.approx(sum(expected))
    for customer in range(4):
        assert reduced[rows[p.customer[rows] == customer]].sum() == pytest.approx(expected[customer])
    assert (room == np.concatenate((p.room[:groups], np.full(4, 2), np.ones(4)))).all()
