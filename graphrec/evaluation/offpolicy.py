"""The value of a policy that was never run, from the log of one that was; or a refusal.

Hides the three estimators, their standard errors, and the check that comes before them: how many events the answer
really rests on. Importance weights turn 10,000 logged rows into an effective sample of a few hundred, and a handful
of sales among them into one or two; below `MINIMUM_POSITIVE_EVENTS` the figure is noise with a decimal point, and
`Unreliable` is raised instead.

The assumption of all three: given what the log records, the logged propensity is the true one and positive wherever
the new policy acts. Without it (an unlogged rule picked the customers) every figure here is biased.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from graphrec.evaluation.inputs import EvaluationError, numbers
from graphrec.evaluation.intervals import Interval, mean_interval

__all__ = [
    "MINIMUM_POSITIVE_EVENTS",
    "PolicyValue",
    "Unreliable",
    "doubly_robust",
    "inverse_propensity",
    "self_normalised",
]

Floats = NDArray[np.float64]
MINIMUM_POSITIVE_EVENTS = 20.0


class Unreliable(ValueError):
    """Too few effective events stand behind the figure to state it.

    Attributes
    ----------
    ess : float
        Effective sample size of the importance weights.
    positive_events : float
        Effective number of rows with an outcome other than zero.
    """

    def __init__(self, message: str, ess: float, positive_events: float) -> None:
        super().__init__(message)
        self.ess = ess
        self.positive_events = positive_events


@dataclass(frozen=True)
class PolicyValue:
    """Estimated mean outcome of a policy per logged decision.

    Attributes
    ----------
    method : str
        ``"IPW"``, ``"SNIPS"`` or ``"DR"``.
    value : float
        The estimate, in the unit of the outcome.
    interval : Interval
        With its standard error, by clusters where given.
    n : int
        Logged rows.
    ess : float
        :math:`(\\sum w)^2 / \\sum w^2`, the rows the weights amount to.
    positive_events : float
        The same over rows with an outcome other than zero.
    mean_weight : float
        Mean importance weight; 1 in expectation, so a value far from 1 says the propensities are wrong.
    largest_weight : float
        The heaviest row after clipping.
    clipped_share : float
        Share of the rows whose weight was cut to `clip`.
    """

    method: str
    value: float
    interval: Interval
    n: int
    ess: float
    positive_events: float
    mean_weight: float
    largest_weight: float
    clipped_share: float


def inverse_propensity(
    outcome: ArrayLike,
    propensity: ArrayLike,
    target: ArrayLike,
    *,
    clip: float | None = None,
    clusters: ArrayLike | None = None,
    level: float = 0.95,
) -> PolicyValue:
    r"""Inverse propensity weighting (Horvitz & Thompson 1952).

    .. math:: \hat V = \frac1n \sum_i w_i Y_i, \qquad w_i = \frac{\pi(A_i \mid X_i)}{p(A_i \mid X_i)}

    Parameters
    ----------
    outcome : (n,) float
        What followed each logged decision.
    propensity : (n,) float
        Probability in (0, 1] with which the log's policy took the logged action.
    target : (n,) float
        Probability in [0, 1] with which the new policy takes that same action (0 or 1 when it is deterministic).
    clip : float, optional
        Largest weight allowed. Lowers the variance and biases the value towards 0; the share cut is reported.
    clusters : (n,), optional
        Labels of the independent units, usually customers.
    level : float
        Confidence level.

    Raises
    ------
    Unreliable
        Under 20 effective positive events.

    Examples
    --------
    >>> import numpy as np
    >>> action = np.tile([0, 1], 100)
    >>> value = inverse_propensity(action, np.full(200, 0.5), target=action == 1)
    >>> value.value, value.ess, value.positive_events
    (1.0, 100.0, 100.0)
    """
    result, weight, cut = _weighted(outcome, propensity, target, clip)
    events = _trust("IPW", weight, result)
    interval = mean_interval(weight * result, clusters=clusters, level=level)
    return _policy_value("IPW", interval, weight, events, cut)


def self_normalised(
    outcome: ArrayLike,
    propensity: ArrayLike,
    target: ArrayLike,
    *,
    clip: float | None = None,
    clusters: ArrayLike | None = None,
    level: float = 0.95,
) -> PolicyValue:
    r"""Self-normalised inverse propensity weighting, SNIPS (Swaminathan & Joachims 2015).

    .. math:: \hat V = \frac{\sum w_i Y_i}{\sum w_i}

    Stays within the range of the outcomes and does not move when a constant is added to them; the bias vanishes as
    1/n. The interval is that of the weighted mean (delta method). Parameters are those of `inverse_propensity`.

    Examples
    --------
    >>> import numpy as np
    >>> action = np.tile([0, 0, 1], 100)
    >>> self_normalised(action + 1.0, np.full(300, 0.5), target=action == 1).value
    2.0
    """
    result, weight, cut = _weighted(outcome, propensity, target, clip)
    events = _trust("SNIPS", weight, result)
    interval = mean_interval(result, clusters=clusters, weights=weight, level=level)
    return _policy_value("SNIPS", interval, weight, events, cut)


def doubly_robust(
    outcome: ArrayLike,
    propensity: ArrayLike,
    target: ArrayLike,
    predicted_logged: ArrayLike,
    predicted_target: ArrayLike,
    *,
    clip: float | None = None,
    clusters: ArrayLike | None = None,
    level: float = 0.95,
) -> PolicyValue:
    r"""Doubly robust value (Dudík, Langford & Li 2011).

    .. math:: \hat V = \frac1n \sum_i \left( \hat q(X_i, \pi) + w_i (Y_i - \hat q(X_i, A_i)) \right)

    Right when the propensities or the outcome model are right, if the model was fitted on other customers than it
    predicts here (cross-fitting).

    Parameters
    ----------
    outcome, propensity, target, clip, clusters, level
        As in `inverse_propensity`.
    predicted_logged : (n,) float
        Predicted outcome under the logged action.
    predicted_target : (n,) float
        Predicted outcome under the new policy (its mean over the policy's actions).

    Examples
    --------
    >>> import numpy as np
    >>> action = np.tile([0, 1], 100)
    >>> model = np.full(200, 0.9)
    >>> round(doubly_robust(action, np.full(200, 0.5), action == 1, model * action, model).value, 12)
    1.0
    """
    result, weight, cut = _weighted(outcome, propensity, target, clip)
    logged = numbers("predicted_logged", predicted_logged, len(result))
    aimed = numbers("predicted_target", predicted_target, len(result))
    events = _trust("DR", weight, result)
    interval = mean_interval(aimed + weight * (result - logged), clusters=clusters, level=level)
    return _policy_value("DR", interval, weight, events, cut)


def _weighted(
    outcome: ArrayLike, propensity: ArrayLike, target: ArrayLike, clip: float | None
) -> tuple[Floats, Floats, float]:
    """Outcomes, clipped importance weights and the share of rows that was clipped."""
    result = numbers("outcome", outcome)
    if len(result) < 2:
        raise EvaluationError(f"outcome has {len(result)} rows; a policy cannot be valued on so few")
    logged = numbers("propensity", propensity, len(result))
    aimed = numbers("target", target, len(result))
    _check_range("propensity", logged, (logged > 0) & (logged <= 1), "above 0 and at most 1")
    _check_range("target", aimed, (aimed >= 0) & (aimed <= 1), "between 0 and 1")
    weight = aimed / logged
    if clip is None:
        return result, weight, 0.0
    if not clip > 0:
        raise EvaluationError(f"clip is {clip!r}; it is the largest weight allowed and must be above 0")
    return result, np.minimum(weight, clip), float(np.mean(weight > clip))


def _check_range(name: str, values: Floats, allowed: NDArray[np.bool_], words: str) -> None:
    if not np.all(allowed):
        row = int(np.argmin(allowed))
        raise EvaluationError(
            f"{name} must be {words}; row {row} has {values[row]}. Rows the log could not have produced must be left "
            "out by rule, before weighting"
        )


def _trust(method: str, weight: Floats, outcome: Floats) -> float:
    """Effective number of positive events, or a refusal that states it."""
    ess, events = _effective(weight), _effective(weight[outcome != 0])
    if events < MINIMUM_POSITIVE_EVENTS:
        raise Unreliable(
            f"{method} would rest on {events:.1f} effective positive events (effective sample size {ess:.0f} of "
            f"{len(weight)} rows); at least {MINIMUM_POSITIVE_EVENTS:.0f} are needed. Log more decisions, judge a "
            "policy closer to the logged one, or run an experiment",
            ess,
            events,
        )
    return events


def _effective(weight: Floats) -> float:
    squares = float(weight @ weight)
    return float(weight.sum()) ** 2 / squares if squares > 0 else 0.0


def _policy_value(method: str, interval: Interval, weight: Floats, events: float, cut: float) -> PolicyValue:
    return PolicyValue(
        method=method,
        value=interval.value,
        interval=interval,
        n=len(weight),
        ess=_effective(weight),
        positive_events=events,
        mean_weight=float(weight.mean()),
        largest_weight=float(weight.max()),
        clipped_share=cut,
    )
