"""scikit-learn estimators as parts of a learner: checked, cloned, fitted with weights, never changed.

Hides the differences between classifiers, regressors and pipelines. An estimator that cannot take row weights where
they matter is refused rather than fitted without them: weights stand for rows that were not drawn, and leaving them
out answers another question.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from graphrec.market.tables import DataError

__all__ = ["check_estimator", "fit_clone", "predict_mean"]


def check_estimator(estimator: Any, place: str, *, binary: bool, regressor: bool = True) -> None:
    """Refuse what cannot serve as a model of a mean.

    Parameters
    ----------
    estimator : scikit-learn estimator
    place : str
        Name of the argument, for the message.
    binary : bool
        Whether what is learned is 0/1.
    regressor : bool
        Whether a regressor may serve.

    Raises
    ------
    DataError
        Not an estimator; a regressor where none may serve; a classifier without probabilities, or for an amount.
    """
    name = type(estimator).__name__
    if isinstance(estimator, type) or not all(hasattr(estimator, part) for part in ("fit", "get_params")):
        raise DataError(f"{place} is {estimator!r}; give a scikit-learn estimator, such as LogisticRegression()")
    if not regressor and not _classifies(estimator):
        raise DataError(f"{place} {name} is no classifier; give one with predict_proba, such as LogisticRegression()")
    if not _classifies(estimator):
        if not hasattr(estimator, "predict"):
            raise DataError(f"{place} {name} cannot predict; give a classifier or a regressor")
        return
    if not binary:
        raise DataError(f"{place} {name} is a classifier, and the outcome is an amount; give a regressor")
    if not hasattr(estimator, "predict_proba"):
        raise DataError(
            f"{place} {name} has no predict_proba, and classes without probabilities have no effect; use another "
            "classifier, or wrap it in sklearn.calibration.CalibratedClassifierCV"
        )


def _classifies(estimator: Any) -> bool:
    from sklearn.base import is_classifier

    return bool(is_classifier(estimator))


def fit_clone(
    estimator: Any,
    matrix: np.ndarray,
    outcome: np.ndarray,
    weights: np.ndarray | None,
    rows: np.ndarray,
    seed: int,
    place: str,
) -> Any:
    """A fitted clone; the outcome itself where the rows show a single value.

    Raises
    ------
    DataError
        The weights differ and the estimator takes none.
    """
    from sklearn.base import clone

    target = outcome[rows]
    if not len(target) or target.min() == target.max():
        return float(target[0]) if len(target) else 0.0
    fresh = clone(estimator)
    unset = {name: seed for name, value in fresh.get_params().items() if _seeds(name) and value is None}
    fresh.set_params(**unset)
    given = {} if weights is None else _weight_argument(fresh, weights[rows], place)
    target = target.astype(np.int64) if _classifies(fresh) else target
    return fresh.fit(matrix[rows], target, **given)


def _seeds(name: str) -> bool:
    return name.split("__")[-1] == "random_state"


def _weight_argument(estimator: Any, weights: np.ndarray, place: str) -> dict[str, np.ndarray]:
    """How the estimator wants its weights; nothing where all are equal."""
    from sklearn.utils.validation import has_fit_parameter

    if np.allclose(weights, weights[0]):
        return {}
    scaled = weights / weights.mean()
    if has_fit_parameter(estimator, "sample_weight"):
        return {"sample_weight": scaled}
    steps = getattr(estimator, "steps", None)
    if steps and has_fit_parameter(steps[-1][1], "sample_weight"):
        return {f"{steps[-1][0]}__sample_weight": scaled}
    raise DataError(
        f"{place} {type(estimator).__name__} takes no sample_weight, and the rows have different weights; use an "
        "estimator whose fit has sample_weight"
    )


def predict_mean(fitted: Any, matrix: np.ndarray, binary: bool) -> np.ndarray:
    """Predicted mean of rows, shape (n,); a probability for a yes/no outcome."""
    if isinstance(fitted, float):
        return np.full(len(matrix), fitted)
    if not len(matrix):
        return np.zeros(0)
    if _classifies(fitted):
        classes = list(fitted.classes_)
        return np.asarray(fitted.predict_proba(matrix)[:, classes.index(1)], dtype=np.float64)
    found = np.asarray(fitted.predict(matrix), dtype=np.float64).ravel()
    return np.clip(found, 0.0, 1.0) if binary else found
