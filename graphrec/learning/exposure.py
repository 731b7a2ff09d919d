"""How likely each contact was: propensities on the columns of the adjustment, overlap and balance.

Hides how the probability is learned, where the logged one takes its place, and the clipping. It serves two purposes:
to say where contacted and not contacted customers can be compared at all, and to weight controls like the contacted
(ATT weights e / (1 - e)), which makes the organic model honest exactly where the contacts went.

A probability that the policy logged is a fact, a learned one an estimate: rows with a log use it, the others the
learned one. The weights by a log are right although the policy used something that is not among the columns; those by
a learned probability then balance what was measured and nothing else. Most companies log the contacts they send and
not those they do not, so the controls' weights are learned in most markets. Moving the learned model towards the logs
of the contacted was tried: on simulated markets it changed nothing for the controls.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
import pandas as pd
from scipy.special import expit

from graphrec.learning.regressions.estimators import fit_clone, predict_mean
from graphrec.learning.regressions.logistic import logit
from graphrec.learning.regressions.outcome import BinaryModel, fit_binary
from graphrec.learning.regressions.parts import NotStorable, Parts
from graphrec.market.tables import DataError

if TYPE_CHECKING:
    from graphrec.learning.rows import TrainingRows

__all__ = [
    "EstimatorPropensity",
    "Exposure",
    "PropensityModel",
    "effective_sample_size",
    "fit_exposure",
    "fit_rows_exposure",
    "read_propensity",
]

_LARGEST_ODDS_QUANTILE = 0.995
_RARELY = 1e-9
"""No probability is taken to be smaller."""


class PropensityModel(Protocol):
    """Log-odds of a contact: our blend, or a plugged-in classifier."""

    @property
    def out_of_fold(self) -> np.ndarray:
        """Log-odds of each training row by the model that has not seen its customer, shape (n,)."""

    def logits(self, matrix: np.ndarray) -> np.ndarray:
        """Log-odds of new rows, shape (n,)."""

    def to_parts(self) -> tuple[dict[str, np.ndarray], dict[str, str]]:
        """Arrays and texts, or `NotStorable`."""

    def stored(self) -> Parts:
        """The same as `Parts`."""


@dataclass(frozen=True, eq=False)
class EstimatorPropensity:
    """A fitted clone of a scikit-learn classifier, and what clones that had not seen them said of the training rows."""

    estimator: Any
    out_of_fold: np.ndarray

    def logits(self, matrix: np.ndarray) -> np.ndarray:
        """Log-odds of new rows, shape (n,); probabilities of 0 and 1 count as one in a million."""
        return logit(predict_mean(self.estimator, matrix, True))

    def to_parts(self) -> tuple[dict[str, np.ndarray], dict[str, str]]:
        """Refuse: an estimator of another library has no form without pickle."""
        raise NotStorable(
            f"the propensity model {type(self.estimator).__name__} has no form that can be stored without pickle, so "
            "this recommender cannot be saved; refit without propensity_model=, or store the scores"
        )

    def stored(self) -> Parts:
        """Refuse, as `to_parts`."""
        return Parts(*self.to_parts())


def read_propensity(parts: Parts) -> PropensityModel:
    """Rebuild a stored model; plugged-in ones are never stored."""
    return BinaryModel.from_stored(parts)


@dataclass(frozen=True, eq=False)
class Exposure:
    """Propensity of a contact (any channel) and what it says about comparability.

    Attributes
    ----------
    model : PropensityModel
        Probability of a contact in the risk set.
    control_weights : numpy.ndarray, shape (n_controls,)
        ATT weights of the control rows, times their sampling weight, clipped at the named quantile.
    clipped_share : float
        Share of control rows whose weight was clipped.
    ess : float
        Effective sample size of the weighted controls.
    contacted_range : tuple of float
        1st and 99th percentile of the contacted rows' propensity logit: the region of support.
    balance : pandas.DataFrame
        Standardised mean difference of each column before and after weighting.
    propensity : numpy.ndarray, shape (n, 1 + number of channels)
        Probability of no contact and of a contact through each channel, of the training rows; each row adds up to 1.
        Empty after loading.
    logged_share : float
        Share of the contacted rows whose probability was logged.
    """

    model: PropensityModel
    control_weights: np.ndarray
    clipped_share: float
    ess: float
    contacted_range: tuple[float, float]
    balance: pd.DataFrame
    propensity: np.ndarray = field(default_factory=lambda: np.empty((0, 0)))
    logged_share: float = 0.0

    def inverse_weights(self, channel: np.ndarray, weights: np.ndarray) -> np.ndarray:
        """Weights under which the rows of each arm stand for the whole risk set, shape (n,).

        ``weights / P(arm received)``, clipped at the named quantile of each arm.
        """
        raw = weights / np.maximum(self.propensity[np.arange(len(channel)), channel], _RARELY)
        for arm in np.unique(channel):
            own = channel == arm
            raw[own] = np.minimum(raw[own], np.quantile(raw[own], _LARGEST_ODDS_QUANTILE))
        return np.asarray(raw)

    def supported(self, matrix: np.ndarray) -> np.ndarray:
        """True where rows like this one were contacted in the past."""
        logits = self.model.logits(matrix)
        return (logits >= self.contacted_range[0]) & (logits <= self.contacted_range[1])


def effective_sample_size(weights: np.ndarray) -> float:
    """(sum w)^2 / sum w^2 (Kish)."""
    total = float(np.square(weights).sum())
    return float(weights.sum()) ** 2 / total if total > 0 else 0.0


def fit_exposure(
    matrix: np.ndarray,
    contacted: np.ndarray,
    folds: np.ndarray,
    names: tuple[str, ...],
    *,
    weights: np.ndarray,
    seed: int = 0,
    channel: np.ndarray | None = None,
    logged: np.ndarray | None = None,
    estimator: Any = None,
    clip: float = _LARGEST_ODDS_QUANTILE,
) -> Exposure:
    """Learn the propensity of a contact, and use the logged one where there is one.

    Parameters
    ----------
    matrix : numpy.ndarray, shape (n, p)
        Columns of the adjustment.
    contacted : numpy.ndarray, shape (n,), bool
        Whether the row was contacted.
    folds : numpy.ndarray, shape (n,)
        Customer fold of each row.
    names : tuple of str
        Names of the matrix columns, for the balance table.
    weights : numpy.ndarray, shape (n,)
        Sampling weights: rows of the risk set that each row stands for.
    seed : int
        Seed of the boosting.
    channel : numpy.ndarray, shape (n,), int, optional
        0 for no contact, 1.. for the channels; by default all contacts are of one channel.
    logged : numpy.ndarray, shape (n,), optional
        Probability of what the row received (its channel, or no contact) as the policy logged it; nan where it did
        not. The probability must be about the decision of the row: this offer at this moment.
    estimator : scikit-learn classifier, optional
        Learns the probability of a contact instead of our blend; it must take row weights where they differ.
    clip : float
        Quantile at which the weights of the controls are cut.

    Raises
    ------
    DataError
        A logged probability is outside (0, 1], or all of them say that nothing was left to chance.
    """
    arm = contacted.astype(np.int64) if channel is None else channel
    known = np.full(len(arm), np.nan) if logged is None else logged
    _check_logged(known)
    model = _fit_model(estimator, matrix, contacted.astype(np.float64), folds, weights, seed)
    learned = _by_channel(expit(model.out_of_fold), _channel_shares(matrix, arm, folds, weights))
    propensity = _with_log(learned, arm, known)
    control = ~contacted
    none = np.maximum(propensity[control, 0], _RARELY)
    raw = propensity[control, 1:].sum(axis=1) / none * weights[control]
    if not raw.any():
        raise _without_chance("row without contact")
    limit = float(np.quantile(raw, clip))
    clipped = np.minimum(raw, limit)
    low, high = np.quantile(model.out_of_fold[contacted], [0.01, 0.99])
    return Exposure(
        model=model,
        control_weights=clipped,
        clipped_share=float((raw > limit).mean()),
        ess=effective_sample_size(clipped),
        contacted_range=(float(low), float(high)),
        balance=_balance(matrix, contacted, weights[control], clipped, names),
        propensity=propensity,
        logged_share=float(np.isfinite(known[contacted]).mean()),
    )


def fit_rows_exposure(
    rows: TrainingRows, folds: np.ndarray, seed: int, estimator: Any = None, clip: float = _LARGEST_ODDS_QUANTILE
) -> Exposure:
    """`fit_exposure` of the rows of a panel: their weights, channels and logged probabilities."""
    return fit_exposure(
        rows.matrix,
        rows.contacted,
        folds,
        rows.names,
        weights=rows.weights,
        seed=seed,
        channel=rows.channel,
        logged=rows.logged,
        estimator=estimator,
        clip=clip,
    )


def _fit_model(
    estimator: Any, matrix: np.ndarray, contacted: np.ndarray, folds: np.ndarray, weights: np.ndarray, seed: int
) -> PropensityModel:
    if estimator is None:
        return fit_binary(matrix, contacted, folds, weights=weights, seed=seed)
    unseen = np.empty(len(contacted))
    for fold in np.unique(folds):
        clone = fit_clone(estimator, matrix, contacted, weights, folds != fold, seed, "propensity_model")
        unseen[folds == fold] = predict_mean(clone, matrix[folds == fold], True)
    everything = np.ones(len(contacted), dtype=bool)
    whole = fit_clone(estimator, matrix, contacted, weights, everything, seed, "propensity_model")
    return EstimatorPropensity(whole, logit(unseen))


def _check_logged(logged: np.ndarray) -> None:
    wrong = logged[np.isfinite(logged) & ~((logged > 0) & (logged <= 1))]
    if len(wrong):
        shown = ", ".join(f"{value:g}" for value in wrong[:3])
        raise DataError(
            f"a logged propensity is a probability in (0, 1], found {shown}; give the chance of what was done"
        )
    if len(logged) and (np.isclose(logged, 1.0, rtol=0.0, atol=_RARELY) | (logged <= _RARELY)).all():
        raise _without_chance("row")


def _without_chance(kind: str) -> DataError:
    return DataError(
        f"the propensity is 1, or next to 0, in every {kind}: nothing was left to chance, so no comparison is left; "
        "log the chance of what was done as the policy drew it, or leave the propensity out"
    )


def _channel_shares(matrix: np.ndarray, arm: np.ndarray, folds: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """P(channel | contacted, columns) of every row, by a logistic regression that did not see its customer."""
    count = int(arm.max(initial=1))
    if count == 1:
        return np.ones((len(arm), 1))
    contacted = arm > 0
    shares = np.empty((len(arm), count))
    for fold in np.unique(folds):
        shares[folds == fold] = _fit_shares(matrix, arm, weights, contacted & (folds != fold), folds == fold, count)
    return shares


def _fit_shares(
    matrix: np.ndarray, arm: np.ndarray, weights: np.ndarray, train: np.ndarray, test: np.ndarray, count: int
) -> np.ndarray:
    """Channel shares of the ``test`` rows from the ``train`` rows; the plain shares where these use one channel."""
    from sklearn.linear_model import LogisticRegression

    plain = np.bincount(arm[train] - 1, weights[train], count)
    if np.count_nonzero(plain) < 2 or matrix.shape[1] == 0:
        shares = plain / plain.sum() if plain.any() else np.full(count, 1.0 / count)
        return np.tile(shares, (int(test.sum()), 1))
    model = LogisticRegression(C=0.1, max_iter=500).fit(matrix[train], arm[train], weights[train])
    found = np.zeros((int(test.sum()), count))
    found[:, model.classes_ - 1] = model.predict_proba(matrix[test])
    return found


def _by_channel(any_contact: np.ndarray, shares: np.ndarray) -> np.ndarray:
    """Probability of no contact and of each channel, shape (n, 1 + channels)."""
    return np.column_stack([1.0 - any_contact, any_contact[:, None] * shares])


def _with_log(learned: np.ndarray, arm: np.ndarray, logged: np.ndarray) -> np.ndarray:
    """The table with the logged probability of what each row received; the rest shares what that leaves.

    The rest keeps the proportions that were learned, so that every row still adds up to 1.
    """
    rows = np.flatnonzero(np.isfinite(logged))
    own = np.arange(len(rows)), arm[rows]
    rest = learned[rows] + _RARELY
    rest[own] = 0.0
    part = rest * ((1.0 - logged[rows]) / rest.sum(axis=1))[:, None]
    part[own] = logged[rows]
    table = learned.copy()
    table[rows] = part
    return table


def _balance(
    matrix: np.ndarray, contacted: np.ndarray, before: np.ndarray, after: np.ndarray, names: tuple[str, ...]
) -> pd.DataFrame:
    treated = matrix[contacted].mean(axis=0)
    spread = np.maximum(matrix[contacted].std(axis=0), 1e-9)
    controls = matrix[~contacted]
    return pd.DataFrame(
        {
            "column": list(names),
            "before": (treated - np.average(controls, axis=0, weights=before)) / spread,
            "after": (treated - np.average(controls, axis=0, weights=after)) / spread,
        }
    )
