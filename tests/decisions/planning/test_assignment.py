import numpy as np
import pytest

from graphrec.decisions.planning.assignment import assign
from graphrec.decisions.planning.prices import find_prices


@pytest.mark.parametrize("limit", [1, 2, None])
@pytest.mark.parametrize("levels", [None, 1])
def test_repair_alone_keeps_every_limit_when_nothing_can_be_polished(draw, monkeypatch, limit, levels):
    """With no core to re-solve, prices, repair and filling must already be feasible and near."""
    monkeypatch.setattr("graphrec.decisions.planning.assignment._CORE_ROWS", 0)
    monkeypatch.setattr("graphrec.decisions.planning.assignment._MARGIN_ROWS", 0)
    for seed in range(5):
        p = draw(seed, customers=400, candidates=6, limit=limit, capacity=(60, 25), budget=40.0, levels=levels)
        found = assign(p)
        assert p.fits(found.rows)
        held = p.local[found.rows].ravel()
        assert len(np.unique(held)) == len(held)
        assert p.value[found.rows].sum() >= 0.97 * found.bound


@pytest.mark.parametrize("capacity", [(500.0, 500.0), (300.0, 100.0), (0.0, 1000.0)])
def test_complete_ties_are_settled_within_the_limits(make, capacity):
    """All candidates alike: prices decide nothing, repair decides everything."""
    p = make(
        customer=np.repeat(np.arange(2000), 2),
        offer=np.zeros(4000, dtype=np.int64),
        channel=np.tile([0, 1], 2000),
        value=np.ones(4000),
        cost=np.ones(4000),
        limit=1,
        capacity=np.array(capacity),
        budget=np.inf,
    )
    found = assign(p)
    assert p.fits(found.rows)
    assert len(found.rows) == sum(capacity)
    assert found.bound == pytest.approx(sum(capacity))


@pytest.mark.parametrize("costs", ["by channel", "any", "heavy tail"])
@pytest.mark.parametrize("limit", [1, 2, None])
def test_prices_decide_nothing_among_ties_yet_the_plan_is_close(make, costs, limit):
    """Two levels of value, thousands of ties, scarce channels and money: the hardest case for prices."""
    rng = np.random.default_rng(4)
    customers, candidates = 2000, 6
    n = customers * candidates
    channel = rng.integers(0, 3, n)
    cost = {
        "by channel": np.array([0.1, 1.0, 3.0])[channel],
        "any": rng.random(n),
        "heavy tail": rng.lognormal(0, 3, n),
    }
    p = make(
        customer=np.repeat(np.arange(customers), candidates),
        offer=np.sort(rng.integers(0, 3, (customers, candidates)), axis=1).ravel(),
        channel=channel,
        value=rng.choice([5.0, 10.0], n, p=[0.9, 0.1]),
        cost=cost[costs],
        limit=limit,
        capacity=np.array([np.inf, 700.0, 200.0]),
        budget=0.02 * float(cost[costs].sum()),
    )
    found = assign(p)
    assert p.fits(found.rows)
    assert p.value[found.rows].sum() >= 0.999 * found.bound


def test_a_proven_optimum_is_below_the_relaxation(draw):
    p = draw(1, customers=40, candidates=6, capacity=(9, 4), budget=3.3)
    found = assign(p)
    assert found.bound == pytest.approx(p.value[found.rows].sum(), rel=1e-9)
    assert found.bound < find_prices(p).bound


def test_the_exact_search_leaves_the_standard_output_clean(make, capfd):
    """On this problem the HiGHS inside scipy 1.17 prints ten stray lines."""
    rng = np.random.default_rng(1)
    value, channel = rng.lognormal(0, 1, 500), rng.integers(0, 3, 500)
    cost = np.array([0.1, 0.5, 2.0])[channel]
    p = make(
        customer=np.repeat(np.arange(100), 5),
        offer=np.sort(rng.integers(0, 3, (100, 5)), axis=1).ravel(),
        channel=channel,
        value=value,
        cost=cost,
        limit=1,
        capacity=np.array([np.inf, 30, 20]),
        budget=0.05 * float(cost.sum()),
    )
    assert p.fits(assign(p).rows)
    assert capfd.readouterr().out == ""
