"""Models of taste that need a customer x product matrix and nothing else, each a function from matrix to scorer.

Hides the formulas of the filters and of the baselines they are held against. Every recipe takes the matrix first and
its settings as keywords, and gives a `Scorer`; `RECIPES` names them, with the settings worth trying.

- popular: how often a product was bought.
- item-knn: cosine of products, shrunk, the k largest (Sarwar et al. 2001; Deshpande & Karypis 2004).
- rp3beta: random walk of three steps with popular answers discounted (Paudel et al. 2017).
- ease: the whole ridge regression (Steck 2019), refused beyond `EASE_LIMIT` products.
- low-pass: projection on the largest singular vectors of ``D_c^-1/2 X D_p^-1/2`` (the ideal filter of GF-CF, Shen et
  al. 2021), by a randomised decomposition (Halko et al. 2011).
- likeness: the walk of the filter from customer to customer.
- filter: the project's own, walk and ridge regression mixed (`graphrec.learning.filters`).
- als, bpr: matrix factorisations of the library `implicit` (Hu et al. 2008; Rendle et al. 2009), where it is installed.

The trained graph network stands in `lightgcn`, because it loads torch.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import numpy as np
from scipy import sparse

from graphrec.learning.appetites.localridge import GramRows, local_ease
from graphrec.learning.appetites.scorers import Likeness, Links, Scorer, Vectors
from graphrec.learning.filters import FilterConfig, column_sums, ease_weights, fit_filter, inverse_power
from graphrec.market.tables import DataError

__all__ = [
    "EASE_LIMIT",
    "RECIPES",
    "check_histories",
    "fit_als",
    "fit_bpr",
    "fit_ease",
    "fit_item_knn",
    "fit_likeness",
    "fit_local_ridge",
    "fit_low_pass",
    "fit_mixed_filter",
    "fit_popular",
    "fit_rp3beta",
    "fit_similar_ridge",
]

EASE_LIMIT = 12_000
"""Beyond this many products the inverse of `fit_ease` needs more than 1.2 GB and minutes."""


def check_histories(histories: sparse.csr_array) -> sparse.csr_array:
    """A customer x product matrix as float32 CSR.

    Raises
    ------
    DataError
        An entry is negative or not finite.
    """
    matrix = sparse.csr_array(histories).astype(np.float32)
    wrong = ~(np.isfinite(matrix.data) & (matrix.data >= 0))
    if wrong.any():
        raise DataError(
            f"{int(wrong.sum())} weights of the histories are negative or not finite, the first is "
            f"{matrix.data[wrong][0]}; use counts or weights of at least zero"
        )
    matrix.sum_duplicates()
    matrix.eliminate_zeros()
    return matrix


def _links(histories: sparse.csr_array, links: Any) -> Links:
    return Links(column_sums(histories), histories.shape[0], histories, links)


def fit_popular(histories: sparse.csr_array) -> Scorer:
    """The same order for everybody: how often each product was bought."""
    histories = check_histories(histories)
    n, m = histories.shape
    return Vectors(column_sums(histories), n, np.ones((n, 1), np.float32), column_sums(histories).reshape(m, 1))


def fit_item_knn(histories: sparse.csr_array, *, neighbours: int = 100, shrink: float = 10.0) -> Scorer:
    """Fit cosines ``g_ij / (sqrt(g_ii g_jj) + shrink)``, approximated by shrinking both norms alike."""
    histories = check_histories(histories)
    rows = GramRows.of(histories, 0.0)
    norm = 1.0 / np.sqrt(rows.diagonal() + shrink + 1e-9)
    return _links(histories, sparse.csr_array(rows.largest(neighbours, norm, norm).T))


def fit_rp3beta(histories: sparse.csr_array, *, alpha: float = 1.0, beta: float = 0.6, neighbours: int = 200) -> Scorer:
    """Fit ``(P_pc)^alpha (P_cp)^alpha`` with each answer divided by ``degree^beta``."""
    histories = check_histories(histories)
    degree = column_sums(histories)
    reached = GramRows.of(histories, alpha).largest(
        neighbours, inverse_power(degree, alpha), inverse_power(degree, beta)
    )
    return _links(histories, reached)


def fit_ease(histories: sparse.csr_array, *, ridge: float = 400.0) -> Scorer:
    """Fit the whole ridge regression; refused where its inverse would not fit."""
    histories = check_histories(histories)
    if histories.shape[1] > EASE_LIMIT:
        raise DataError(
            f"ease inverts a matrix of {histories.shape[1]:,} x {histories.shape[1]:,}; use it up to {EASE_LIMIT:,} "
            "products, and the filter with its local regressions beyond"
        )
    return _links(histories, ease_weights(histories, ridge))


def fit_low_pass(histories: sparse.csr_array, *, components: int = 256, target: float = 0.5, seed: int = 0) -> Scorer:
    """Project each history on the strongest directions of the normalised matrix; fixed seed, so deterministic."""
    histories = check_histories(histories)
    n, m = histories.shape
    size = min(components, n, m)
    degree = column_sums(histories)
    normal = sparse.csr_array(
        sparse.diags_array(inverse_power(histories.sum(axis=1), 0.5))
        @ histories
        @ sparse.diags_array(inverse_power(degree, 0.5))
    )
    back = sparse.csr_array(normal.T)
    basis = np.random.default_rng(seed).normal(size=(m, min(size + 20, m))).astype(np.float32)
    for _ in range(2):  # two power iterations separate the spectrum well enough for an ideal filter
        basis = np.linalg.qr(back @ (normal @ basis))[0]
    image = normal @ basis
    turn = np.linalg.eigh(image.T @ image)[1][:, ::-1][:, :size]
    directions = np.asarray(basis @ turn, dtype=np.float32)
    source = np.asarray(histories @ (inverse_power(degree, 0.5)[:, None] * directions), dtype=np.float32)
    return Vectors(degree, n, source, (degree ** np.float32(target))[:, None] * directions)


def fit_likeness(
    histories: sparse.csr_array,
    *,
    source: float = 0.25,
    target: float = 0.5,
    power: float = 1.5,
    answer: float = 0.25,
    neighbours: int = 200,
) -> Scorer:
    """Fit the walk between customers: ``(X D_p^-a X' D_c^-b)^e``, its largest entries, times ``X D_p^-c``."""
    histories = check_histories(histories)
    across = sparse.csr_array(histories.T)
    length = column_sums(across)
    likeness = GramRows.of(across, source).largest(neighbours, None, inverse_power(length, target), power)
    degree = column_sums(histories)
    answers = sparse.csr_array(histories @ sparse.diags_array(inverse_power(degree, answer)))
    return Likeness(degree, histories.shape[0], likeness, answers)


def fit_similar_ridge(
    histories: sparse.csr_array, *, customer: float = 0.25, links: int = 60, penalty: float = 20.0, answer: float = 0.15
) -> Scorer:
    """Fit the local ridge regression of each customer on the most similar ones, times ``X D_p^-c``."""
    histories = check_histories(histories)
    weights = local_ease(sparse.csr_array(histories.T), customer, links, penalty)
    degree = column_sums(histories)
    answers = sparse.csr_array(histories @ sparse.diags_array(inverse_power(degree, answer)))
    return Likeness(degree, histories.shape[0], sparse.csr_array(weights.T), answers)


def fit_local_ridge(
    histories: sparse.csr_array, *, customer: float = 0.5, links: int = 60, penalty: float = 8.0
) -> Scorer:
    """Fit the local ridge regression of each product alone."""
    histories = check_histories(histories)
    return _links(histories, local_ease(histories, customer, links, penalty))


def fit_mixed_filter(histories: sparse.csr_array, config: FilterConfig | None = None) -> Scorer:
    """Fit the project's filter as one matrix of links: walk and regression, each divided by its sum."""
    histories = check_histories(histories)
    config = config or FilterConfig()
    fitted = fit_filter(histories, replace(config, sharpness=1.0))
    walk = fitted.walk
    if fitted.ease is None:
        return _links(histories, walk)
    regression: Any = fitted.ease
    positive = regression.sum() if sparse.issparse(regression) else np.maximum(regression, 0.0).sum()
    scale = (1.0 - config.ease) / max(float(walk.sum()), 1e-12), config.ease / max(float(positive), 1e-12)
    mixed = walk * np.float32(scale[0]) + regression * np.float32(scale[1])
    return _links(histories, sparse.csr_array(mixed) if sparse.issparse(mixed) else mixed)


def fit_als(
    histories: sparse.csr_array, *, factors: int = 64, regularization: float = 0.01, alpha: float = 1.0, seed: int = 0
) -> Scorer:
    """Alternating least squares of the library `implicit`."""
    return _factorised("als", histories, seed, {"factors": factors, "regularization": regularization, "alpha": alpha})


def fit_bpr(
    histories: sparse.csr_array, *, factors: int = 64, learning_rate: float = 0.05, epochs: int = 100, seed: int = 0
) -> Scorer:
    """Bayesian personalised ranking of the library `implicit`."""
    settings = {"factors": factors, "learning_rate": learning_rate, "iterations": epochs}
    return _factorised("bpr", histories, seed, settings)


def _factorised(kind: str, histories: sparse.csr_array, seed: int, settings: Mapping[str, float]) -> Scorer:
    histories = check_histories(histories)
    try:
        from implicit.als import AlternatingLeastSquares
        from implicit.bpr import BayesianPersonalizedRanking
    except ImportError as error:
        raise DataError(f"{kind} is a model of the library implicit; install it with: pip install implicit") from error
    family: Any = AlternatingLeastSquares if kind == "als" else BayesianPersonalizedRanking
    model = family(random_state=seed, num_threads=1, **settings)
    model.fit(sparse.csr_matrix(histories), show_progress=False)
    vectors = (np.asarray(part, dtype=np.float32) for part in (model.user_factors, model.item_factors))
    return Vectors(column_sums(histories), histories.shape[0], *vectors)


RECIPES: Mapping[str, Callable[..., Scorer]] = {
    "popular": fit_popular,
    "item-knn": fit_item_knn,
    "rp3beta": fit_rp3beta,
    "ease": fit_ease,
    "low-pass": fit_low_pass,
    "likeness": fit_likeness,
    "local ridge": fit_local_ridge,
    "ridge of customers": fit_similar_ridge,
    "filter": fit_mixed_filter,
    "als": fit_als,
    "bpr": fit_bpr,
}
"""Every recipe by name; all take a customer x product matrix first."""
