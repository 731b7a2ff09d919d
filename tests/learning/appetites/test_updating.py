from __future__ import annotations

import numpy as np
import pytest
from scipy import sparse

from graphrec.learning import filters
from graphrec.learning.appetites.updating import update_filter
from graphrec.learning.filters import FilterConfig, fit_filter
from graphrec.market.tables import DataError


def _grown(seed: int, n: int = 120, m: int = 60, changed: int = 4) -> tuple[sparse.csr_array, sparse.csr_array]:
    """Histories, and the same with new purchases of a few customers and one customer more."""
    rng = np.random.default_rng(seed)
    group = (np.arange(n)[:, None] % 6) == (np.arange(m) % 6)
    old = ((rng.random((n, m)) < np.where(group, 0.35, 0.01)) * (1.0 + rng.integers(0, 3, (n, m)))).astype(np.float32)
    new = np.vstack([old, np.zeros((1, m), np.float32)])
    for who in [*rng.choice(n, changed, replace=False), n]:
        new[who, rng.choice(m, 3, replace=False)] += 1.0
    return sparse.csr_array(old), sparse.csr_array(new)


@pytest.fixture
def few(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(filters, "DENSE_PRODUCTS", 5)


@pytest.mark.usefixtures("few")
@pytest.mark.parametrize("seed", range(4))
def test_without_pruning_an_update_is_a_refit(seed: int) -> None:
    old, new = _grown(seed)
    config = FilterConfig(neighbours=60, links=59, ease=0.6)
    updated, again = update_filter(fit_filter(old, config), old, new), fit_filter(new, config)
    assert updated.walk.toarray() == pytest.approx(again.walk.toarray(), rel=1e-4, abs=1e-7)
    assert updated.shares(new) == pytest.approx(again.shares(new), abs=1e-4)
    assert np.abs(fit_filter(old, config).shares(new) - again.shares(new)).max() > 0.01  # the events do matter


@pytest.mark.usefixtures("few")
@pytest.mark.parametrize("seed", range(4))
def test_with_pruning_shares_move_by_less_than_a_hundredth(seed: int) -> None:
    old, new = _grown(seed)
    config = FilterConfig(neighbours=12, links=8)
    updated, again = update_filter(fit_filter(old, config), old, new), fit_filter(new, config)
    distance = np.abs(updated.shares(new) - again.shares(new)).sum(axis=1) / 2
    assert distance.mean() < 0.01
    assert np.diff(updated.walk.indptr).max() <= 12


@pytest.mark.usefixtures("few")
def test_nothing_new_changes_nothing() -> None:
    old, _ = _grown(0)
    fitted = fit_filter(old)
    assert update_filter(fitted, old, old) is fitted


def test_few_products_are_fitted_again() -> None:
    old, new = _grown(1)
    updated = update_filter(fit_filter(old), old, new)
    assert updated.shares(new).tobytes() == fit_filter(new).shares(new).tobytes()


def test_histories_that_shrink_are_refused() -> None:
    old, new = _grown(2)
    with pytest.raises(DataError, match="fit again"):
        update_filter(fit_filter(new), new, old)
    with pytest.raises(DataError, match="fit again"):
        update_filter(fit_filter(old), old, new[:, :50])
