import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.optimize import linprog

from graphrec.decisions.planning.prices import Problem, choose, find_prices


def problem(seed, customers=12, candidates=5, limit=1, capacity=(3, 2), budget=4.0, levels=None):
    rng = np.random.default_rng(seed)
    n = customers * candidates
    value = rng.lognormal(0, 1, n)
    return Problem(
        customer=np.repeat(np.arange(customers), candidates),
        offer=np.sort(rng.integers(0, 3, (customers, candidates)), axis=1).ravel(),
        channel=rng.integers(0, len(capacity), n),
        value=value if levels is None else np.ceil(value * levels) / levels,
        cost=rng.choice([0.0, 0.5, 1.0], n),
        limit=limit,
        capacity=np.array(capacity, dtype=float),
        budget=budget,
    )


def relaxation(p):
    """Optimum of the linear program with all constraints written down."""
    offers = p.customer * 10 + p.offer
    rows = [offers == o for o in np.unique(offers)] + [p.channel == c for c in range(len(p.capacity))]
    most = [1.0] * len(np.unique(offers)) + list(p.capacity)
    if p.limit is not None:
        rows += [p.customer == c for c in range(p.customers)]
        most += [p.limit] * p.customers
    matrix = np.vstack([np.array(rows, dtype=float), p.cost])
    found = linprog(-p.value, A_ub=matrix, b_ub=[*most, p.budget], bounds=(0, 1))
    return -found.fun


@given(seed=st.integers(0, 10_000), limit=st.sampled_from([1, 2, None]), levels=st.sampled_from([None, 1]))
def test_the_minimum_of_the_dual_is_the_linear_relaxation(seed, limit, levels):
    p = problem(seed, limit=limit, levels=levels)
    assert find_prices(p).bound == pytest.approx(relaxation(p), rel=1e-6)


@given(seed=st.integers(0, 10_000), limit=st.sampled_from([0, 1, 2, None]))
def test_choosing_alone_is_best_for_every_customer(seed, limit):
    p = problem(seed, customers=4, candidates=4, limit=limit)
    reduced = p.value - 1.0
    rows = choose(p, reduced)
    for customer in range(4):
        mine = [r for r in rows if p.customer[r] == customer]
        best_of_offer = sorted(
            (max(reduced[(p.customer == customer) & (p.offer == o)], default=0) for o in range(3)), reverse=True
        )
        expected = sum(max(v, 0) for v in best_of_offer[: 3 if limit is None else limit])
        assert len({p.offer[r] for r in mine}) == len(mine)
        assert reduced[mine].sum() == pytest.approx(expected)
