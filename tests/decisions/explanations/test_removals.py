"""Removing one purchase from a filter against fitting it again without it, and paths against the walk itself."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from scipy import sparse

from graphrec.decisions.explanations.purchasepaths import find_paths
from graphrec.decisions.explanations.removals import appetite_without
from graphrec.learning import filters
from graphrec.learning.appetite import Appetite
from graphrec.learning.filters import FilterConfig, fit_filter
from graphrec.market.tables import DataError

CONFIGS = {
    "walk": FilterConfig(ease=0.0),
    "walk and ease": FilterConfig(ridge=5.0, ease=0.4, sharpness=1.5),
    "ease": FilterConfig(ridge=2.0, ease=1.0),
}


def _histories(seed, customers=40, products=12):
    draw = np.random.default_rng(seed)
    bought = (draw.random((customers, products)) < 0.3) * np.log2(1 + draw.integers(1, 4, (customers, products)))
    return sparse.csr_array(bought.astype(np.float32))


def _appetite(histories, config, sets=None):
    products = histories.shape[1]
    popularity = np.full(products, 1 / products)
    sets = sparse.csr_array(sparse.eye_array(products, dtype=np.float32)) if sets is None else sets
    return Appetite(
        "filter", 0, histories, popularity, sets, 2.0, np.ones(histories.shape[0] + 1), fit_filter(histories, config)
    )


def _without(histories, customer, product):
    dense = histories.toarray()
    dense[customer, product] = 0.0
    return sparse.csr_array(dense)


@pytest.mark.parametrize("name", CONFIGS)
@pytest.mark.parametrize("seed", [0, 1])
def test_a_removal_equals_a_refit(name, seed):
    histories = _histories(seed)
    appetite = _appetite(histories, CONFIGS[name])
    customer, offer = 3, 7
    products, values = appetite_without(appetite, customer, offer)
    full = appetite.matrix(np.array([customer]))[0, offer]
    for product, value in zip(products, values):
        again = _appetite(_without(histories, customer, product), CONFIGS[name])
        assert value == pytest.approx(full - again.matrix(np.array([customer]))[0, offer], abs=2e-4), product
    assert np.abs(values).max() > 0.01


def test_a_removal_equals_a_refit_beyond_the_dense_limit(monkeypatch):
    monkeypatch.setattr(filters, "DENSE_PRODUCTS", 5)
    config = FilterConfig(neighbours=4, ease=0.0)
    histories = _histories(2)
    appetite = _appetite(histories, config)
    assert sparse.issparse(appetite.filter.walk)
    products, values = appetite_without(appetite, 3, 7)
    full = appetite.matrix(np.array([3]))[0, 7]
    for product, value in zip(products, values):
        again = _appetite(_without(histories, 3, product), config)
        assert value == pytest.approx(full - again.matrix(np.array([3]))[0, 7], abs=2e-4), product


def test_beyond_the_dense_limit_the_links_of_the_regressions_stay_as_fitted(monkeypatch):
    monkeypatch.setattr(filters, "DENSE_PRODUCTS", 5)
    config = FilterConfig(neighbours=4, links=4, ease=1.0)
    histories = _histories(2)
    appetite = _appetite(histories, config)
    products, values = appetite_without(appetite, 3, 7)
    full = appetite.matrix(np.array([3]))[0, 7]
    for product, value in zip(products, values):
        less = replace(appetite, histories=_without(histories, 3, product))
        assert value == pytest.approx(full - less.matrix(np.array([3]))[0, 7], abs=2e-4), product


def test_an_offer_that_is_a_set_of_products_works_too():
    sets = sparse.csr_array(np.kron(np.eye(4), np.ones((3, 1))).astype(np.float32))
    histories = _histories(3)
    appetite = _appetite(histories, CONFIGS["walk"], sets)
    products, values = appetite_without(appetite, 5, 2)
    full = appetite.matrix(np.array([5]))[0, 2]
    again = _appetite(_without(histories, 5, products[0]), CONFIGS["walk"], sets)
    assert values[0] == pytest.approx(full - again.matrix(np.array([5]))[0, 2], abs=2e-4)


def test_nobody_is_explained_by_nothing():
    histories = _without(_without(_histories(0, customers=2), 0, 0), 0, 0).tolil()
    histories[0] = 0
    products, values = appetite_without(_appetite(sparse.csr_array(histories), CONFIGS["walk"]), 0, 1)
    assert len(products) == len(values) == 0


def test_an_encoder_alone_is_refused():
    appetite = replace(_appetite(_histories(0), CONFIGS["walk"]), filter=None)
    with pytest.raises(DataError, match="trained encoder"):
        appetite_without(appetite, 0, 0)
    with pytest.raises(DataError, match="trained encoder"):
        find_paths(appetite, 0, 0)


def test_unknown_codes_are_refused():
    appetite = _appetite(_histories(0), CONFIGS["walk"])
    with pytest.raises(DataError, match="does not exist"):
        appetite_without(appetite, 99, 0)
    with pytest.raises(DataError, match="does not exist"):
        find_paths(appetite, 0, 99)


def test_paths_add_up_to_the_walk():
    histories = _histories(4)
    appetite = _appetite(histories, CONFIGS["walk"])
    found = find_paths(appetite, 3, 7, n=10_000)
    assert found.products["share"].sum() == pytest.approx(1.0)
    assert found.covered == pytest.approx(1.0)
    by_product = found.paths.groupby("product")["share"].sum()
    np.testing.assert_allclose(by_product[found.products["product"]], found.products["share"], rtol=1e-6)
    dense = histories.toarray()
    for row in found.paths.itertuples():
        assert dense[3, row.product] > 0
        assert dense[row.through, row.product] > 0
        assert dense[row.through, 7] > 0


def test_a_link_through_one_customer_has_one_path():
    histories = sparse.csr_array(np.array([[1, 0, 1], [1, 1, 0], [0, 0, 1]], dtype=np.float32))
    found = find_paths(_appetite(histories, FilterConfig(ease=0.0)), 0, 1)
    assert found.paths.to_dict("records") == [{"product": 0, "through": 1, "share": pytest.approx(1.0)}]
