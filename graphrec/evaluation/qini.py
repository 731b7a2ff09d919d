"""Gain curves: what contacting the best share of a population changes.

Hides how curves are built from one sort, how ties and row weights are counted and what a curve is measured against.
A block of equal scores is a straight piece of the curve: the expected curve over the orders within the block, exactly
for true uplifts and to first order for observed outcomes, where the curve is a ratio. So a constant score always
lies on the line of random targeting, whatever the order of the rows.

`qini_observed` and `uplift_observed` follow the definitions of scikit-uplift (and Radcliffe 2007); their areas
here are per head, so that curves of samples of different size compare. The coefficient is the same figure as
scikit-uplift's ``qini_auc_score`` and ``uplift_auc_score``.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from graphrec.evaluation.inputs import EvaluationError, numbers, weights_of

__all__ = ["GainCurve", "auuc", "qini_observed", "qini_true", "uplift_observed"]

Floats = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class GainCurve:
    """A gain curve, the line of random targeting and the best possible curve.

    Attributes
    ----------
    share : (points,) float
        Share of the population contacted, from 0 to 1.
    gain : (points,) float
        What contacting that share changes, per head of the population; starts at 0 and ends at the average effect.
    area, random_area, oracle_area : float
        Area under the curve, under the straight line to its end, and under the best possible curve.
        `oracle_area` is None where the data has no such curve (outcomes that are not 0/1).
    """

    share: Floats
    gain: Floats
    area: float
    random_area: float
    oracle_area: float | None

    @property
    def lift(self) -> float:
        """Area between the curve and the line of random targeting (0 for a random order)."""
        return self.area - self.random_area

    @property
    def coefficient(self) -> float:
        """`lift` as a share of the best possible lift: 1 perfect, 0 random, negative worse than random."""
        if self.oracle_area is None:
            raise EvaluationError(
                "the best possible curve is defined for 0/1 outcomes only; compare `lift` between models instead"
            )
        best = self.oracle_area - self.random_area
        if best <= 1e-12 * max(1.0, abs(self.oracle_area)):
            raise EvaluationError(
                f"the best possible lift is {best:.3g}: no order of these rows beats a random one, so the coefficient "
                "has no meaning (are all effects equal?)"
            )
        return self.lift / best

    def at(self, share: float) -> float:
        """Gain per head when the best `share` of the population is contacted."""
        if not 0 <= share <= 1:
            raise EvaluationError(f"share is {share!r}; it must lie between 0 and 1, for example 0.1")
        return float(np.interp(share, self.share, self.gain))


def qini_true(scores: ArrayLike, uplift: ArrayLike, weights: ArrayLike | None = None) -> GainCurve:
    r"""Gain curve of a score when the true uplifts are known (simulation).

    .. math:: G(s) = \frac{1}{\sum_i w_i} \sum_{i\text{ among the best } s} w_i \tau_i

    Parameters
    ----------
    scores, uplift : (n,)
        Score (higher = contacted earlier) and true uplift of each row.
    weights : (n,), optional
        Weight of each row.

    Examples
    --------
    >>> curve = qini_true([3.0, 2.0, 1.0], [0.3, 0.1, -0.1])
    >>> round(curve.coefficient, 12), round(curve.at(1 / 3), 12)
    (1.0, 0.1)
    >>> qini_true([1.0, 1.0, 1.0], [0.3, 0.1, -0.1]).coefficient
    0.0
    """
    score, effect, weight = _columns(scores, uplift, weights, "uplift")
    share, gain = _true_curve(score, effect, weight)
    return _finish(share, gain, *_true_curve(effect, effect, weight))


def qini_observed(
    scores: ArrayLike, outcome: ArrayLike, treatment: ArrayLike, weights: ArrayLike | None = None
) -> GainCurve:
    r"""Qini curve of a randomised (or weighted) sample: incremental outcomes per treated head.

    .. math:: Q(s) = \frac{1}{N^t} \left( Y^t_s - Y^c_s \frac{N^t_s}{N^c_s} \right)

    with :math:`N_s, Y_s` the weight and the outcome sum of the treated and of the controls among the best `s`
    (Radcliffe 2007). While a share holds no control, nothing is subtracted. The best possible curve ranks treated
    responders first and control responders last.

    Parameters
    ----------
    scores, outcome, treatment : (n,)
        Score, outcome (0/1 for a coefficient) and treatment (0/1) of each row.
    weights : (n,), optional
        Sampling or inverse propensity weights. Without them the treatment must be randomised: under confounding
        this curve rewards the model that predicts who *was* treated.

    Examples
    --------
    >>> curve = qini_observed([4, 3, 2, 1], [1, 0, 0, 1], [1, 0, 1, 0])
    >>> curve.gain.tolist(), curve.coefficient
    ([0.0, 0.5, 0.5, 0.5, 0.0], 1.0)
    """
    score, result, treated, weight = _trial(scores, outcome, treatment, weights)
    share, gain = _qini_curve(score, result, treated, weight)
    best = _qini_curve(np.where(treated, result, -result), result, treated, weight)
    return _finish(share, gain, *(best if _is_binary(result) else (None, None)))


def uplift_observed(
    scores: ArrayLike, outcome: ArrayLike, treatment: ArrayLike, weights: ArrayLike | None = None
) -> GainCurve:
    r"""Uplift curve of a randomised sample: difference of the mean outcomes among the best, times their share.

    .. math:: U(s) = s \left( \frac{Y^t_s}{N^t_s} - \frac{Y^c_s}{N^c_s} \right)

    Parameters are those of `qini_observed`; a mean over no row counts as 0, as in scikit-uplift.

    Examples
    --------
    >>> uplift_observed([4, 3, 2, 1], [1, 0, 0, 1], [1, 0, 1, 0]).gain.tolist()
    [0.0, 0.25, 0.5, 0.375, 0.0]
    """
    score, result, treated, weight = _trial(scores, outcome, treatment, weights)
    share, gain = _uplift_curve(score, result, treated, weight)
    if not _is_binary(result):
        return _finish(share, gain, None, None)
    controls_respond_more = np.sum(result[~treated] == 1) > np.sum(result[treated] == 0)
    best_score = 2.0 * (result == treated) + (result if controls_respond_more else treated)
    return _finish(share, gain, *_uplift_curve(best_score, result, treated, weight))


def auuc(scores: ArrayLike, outcome: ArrayLike, treatment: ArrayLike, weights: ArrayLike | None = None) -> float:
    """Area under the uplift curve, per head; see `uplift_observed` for the curve and its coefficient.

    Examples
    --------
    >>> auuc([4, 3, 2, 1], [1, 0, 0, 1], [1, 0, 1, 0])
    0.28125
    """
    return uplift_observed(scores, outcome, treatment, weights).area


def _columns(
    scores: ArrayLike, values: ArrayLike, weights: ArrayLike | None, name: str
) -> tuple[Floats, Floats, Floats]:
    score = numbers("scores", scores)
    if not len(score):
        raise EvaluationError("scores has no rows, so there is no curve")
    return score, numbers(name, values, len(score)), weights_of(weights, len(score))


def _trial(
    scores: ArrayLike, outcome: ArrayLike, treatment: ArrayLike, weights: ArrayLike | None
) -> tuple[Floats, Floats, NDArray[np.bool_], Floats]:
    score, result, weight = _columns(scores, outcome, weights, "outcome")
    arm = numbers("treatment", treatment, len(score))
    if np.any((arm != 0) & (arm != 1)):
        raise EvaluationError(
            f"treatment must hold 0 and 1 only, it holds {np.unique(arm)[:5].tolist()}; judge one contact against "
            "its control at a time"
        )
    treated = arm == 1
    for name, members in (("treated", treated), ("control", ~treated)):
        if weight[members].sum() <= 0:
            raise EvaluationError(f"there is no {name} row with weight, so no effect can be observed")
    return score, result, treated, weight


def _is_binary(outcome: Floats) -> bool:
    return bool(np.all((outcome == 0) | (outcome == 1)))


def _running(score: Floats, *columns: Floats) -> list[Floats]:
    """Running sums of the columns by falling score, at the end of each block of ties, starting at 0."""
    order = np.argsort(-score)  # need not be stable: ties are joined in blocks
    ordered = score[order]
    ends = np.concatenate((np.flatnonzero(ordered[1:] != ordered[:-1]), [len(score) - 1]))
    return [np.concatenate(([0.0], np.cumsum(column[order])[ends])) for column in columns]


def _true_curve(score: Floats, effect: Floats, weight: Floats) -> tuple[Floats, Floats]:
    mass, gain = _running(score, weight, weight * effect)
    return mass / mass[-1], gain / mass[-1]


def _qini_curve(score: Floats, result: Floats, treated: NDArray[np.bool_], weight: Floats) -> tuple[Floats, Floats]:
    n_t, n_c, y_t, y_c = _arms(score, result, treated, weight)
    scale = np.divide(n_t, n_c, out=np.zeros_like(n_t), where=n_c > 0)
    return (n_t + n_c) / (n_t[-1] + n_c[-1]), (y_t - y_c * scale) / n_t[-1]


def _uplift_curve(score: Floats, result: Floats, treated: NDArray[np.bool_], weight: Floats) -> tuple[Floats, Floats]:
    n_t, n_c, y_t, y_c = _arms(score, result, treated, weight)
    means = [np.divide(y, n, out=np.zeros_like(y), where=n > 0) for y, n in ((y_t, n_t), (y_c, n_c))]
    share = (n_t + n_c) / (n_t[-1] + n_c[-1])
    return share, (means[0] - means[1]) * share


def _arms(score: Floats, result: Floats, treated: NDArray[np.bool_], weight: Floats) -> list[Floats]:
    in_t, in_c = weight * treated, weight * ~treated
    return _running(score, in_t, in_c, in_t * result, in_c * result)


def _finish(share: Floats, gain: Floats, best_share: Floats | None, best_gain: Floats | None) -> GainCurve:
    best = None if best_share is None or best_gain is None else float(np.trapezoid(best_gain, best_share))
    return GainCurve(share, gain, float(np.trapezoid(gain, share)), float(gain[-1]) / 2, best)
