r"""A structured learner for counts and amounts: what is bought anyway, plus a small effect of each channel.

.. math::
    E[Y | no contact] = f(x), \qquad E[Y | contact through c] = f(x) + d_c(x)

Hides three decisions. (1) f is learned on rows without contact and taken out of every row by models that have not seen
its customer, so the effect is read off residuals, whose noise is a part of the outcome's. (2) Residuals of contacted
rows and of controls, weighted like them, are regressed on the same few columns; d is the difference, so it is right if
either f or the propensity is, and one covariance by customer holds the noise of both sides. (3) The channels share one
effect and differ by shrunken deviations; the ridge is chosen on customers left out.

Alternative considered: the same on the logarithm of the amount. It needs everybody to spend something, and the mean of
a logarithm says nothing about money.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from graphrec.learning.heads.means import MeanModel, read_mean
from graphrec.learning.heads.nuisances import Nuisances, fit_nuisances
from graphrec.learning.heads.projected import EffectBasis, fit_basis
from graphrec.learning.heads.projection import PENALTIES, Projection, fit_projection
from graphrec.learning.regressions.learnersettings import LearnerSettings
from graphrec.learning.regressions.parts import Parts, join_parts
from graphrec.learning.response import Response
from graphrec.learning.rows import TrainingRows

__all__ = ["AdditiveUplift", "fit_additive"]

_DEVIATION_FACTORS = (1.0, 4.0)
_BASELINE_RIDGE = 10.0


@dataclass(frozen=True, eq=False)
class AdditiveUplift:
    """An organic mean and effects that are sums in the outcome's unit.

    Attributes
    ----------
    control : MeanModel
        f.
    basis : EffectBasis
        Columns that the effect is linear in.
    effect : Projection
        Coefficients of the baseline, the shared effect, and each channel's deviation where there are several.
    channels : int
    expected : numpy.ndarray, shape (n,)
        Expected outcome of each training row as it was treated, f from models that had not seen its customer; empty
        after loading.
    """

    control: MeanModel
    basis: EffectBasis
    effect: Projection
    channels: int
    expected: np.ndarray = field(default_factory=lambda: np.empty(0))

    def predict(self, matrix: np.ndarray, *, errors: bool = True) -> Response:
        """Expected outcomes, and standard errors of the conditional mean effect."""
        organic = self.control.mean(matrix)
        columns = self.basis.columns(matrix, organic)
        contrasts = [_contrast(columns, c, self.channels) for c in range(self.channels)]
        effect = np.column_stack([self.effect.predict(one) for one in contrasts])
        contact = self.basis.bound(organic, effect)
        if not errors:
            return Response(organic, contact, np.full(contact.shape, np.nan))
        return Response(organic, contact, np.column_stack([self.effect.standard_errors(one) for one in contrasts]))

    def to_parts(self) -> Parts:
        """The storable form."""
        parts = {"control": self.control.to_parts(), "basis": self.basis.to_parts(), "effect": self.effect.to_parts()}
        return join_parts(parts, {"channels": self.channels})

    @classmethod
    def from_parts(cls, parts: Parts) -> AdditiveUplift:
        """Rebuild from `to_parts`."""
        effect = Projection.from_parts(parts.part("effect"))
        basis = EffectBasis.from_parts(parts.part("basis"))
        return cls(read_mean(parts.part("control")), basis, effect, parts.meta["channels"])


def _contrast(columns: np.ndarray, channel: int, channels: int) -> np.ndarray:
    """Regressors of a contact less those of none: (0, z, own copy of z)."""
    n, width = columns.shape
    blocks = [np.zeros((n, width)), columns]
    if channels > 1:
        blocks += [columns if c == channel else np.zeros((n, width)) for c in range(channels)]
    return np.column_stack(blocks)


def fit_additive(
    rows: TrainingRows,
    rng: np.random.Generator,
    *,
    outcome_model: Any = None,
    propensity_model: Any = None,
    shared: Nuisances | None = None,
    settings: LearnerSettings | None = None,
) -> AdditiveUplift:
    """Fit the learner.

    Parameters
    ----------
    rows : TrainingRows
        Outcome of any kind.
    rng : numpy.random.Generator
    outcome_model, propensity_model
        Plugged-in scikit-learn estimators, as in `graphrec.learning.heads.nuisances.fit_nuisances`.
    shared : Nuisances, optional
        Fitted already.
    settings : LearnerSettings, optional
        Clipping and the shape of our own blend.

    Notes
    -----
    Needs that contacts are as good as random given the columns, and that few columns carry the effect: where it jumps
    at a threshold the line is an average over both sides.
    """
    if shared is None:
        shared = fit_nuisances(
            rows, rng, outcome_model=outcome_model, propensity_model=propensity_model, arms=False, settings=settings
        )
    organic = shared.control.cross_mean(rows.matrix, shared.folds)
    basis = fit_basis(rows, organic, shared.binary)
    columns = basis.columns(rows.matrix, organic)
    regressors = _regressors(columns, rows.channel, len(rows.channels))
    residual = rows.outcome - organic
    unit = max(float(residual.std()), 1e-12)
    fitted = fit_projection(
        regressors,
        residual / unit,
        weights=_weights(rows, shared),
        clusters=rows.clusters,
        folds=shared.folds,
        penalties=_penalties(columns.shape[1], len(rows.channels)),
    )
    effect = Projection(fitted.coefficients * unit, fitted.covariance * unit**2)
    expected = organic + regressors @ effect.coefficients
    return AdditiveUplift(shared.control, basis, effect, len(rows.channels), expected)


def _regressors(columns: np.ndarray, channel: np.ndarray, channels: int) -> np.ndarray:
    """(z, z of the contacted, z of each channel where there are several)."""
    blocks = [columns, columns * (channel > 0)[:, None]]
    if channels > 1:
        blocks += [columns * (channel == c)[:, None] for c in range(1, channels + 1)]
    return np.column_stack(blocks)


def _weights(rows: TrainingRows, shared: Nuisances) -> np.ndarray:
    """One for the contacted; controls look like them and weigh as much together."""
    weights = rows.weights.astype(np.float64).copy()
    control = ~rows.contacted
    odds = shared.exposure.control_weights
    weights[control] = odds / odds.sum() * weights[~control].sum() if odds.sum() > 0 else weights[control]
    return weights


def _penalties(width: int, channels: int) -> list[np.ndarray]:
    found = []
    for size in PENALTIES:
        for factor in _DEVIATION_FACTORS if channels > 1 else (1.0,):
            baseline = np.r_[1e-6, np.full(width - 1, _BASELINE_RIDGE)]
            shared = np.r_[1e-6, np.full(width - 1, size)]
            deviation = np.r_[1.0, np.full(width - 1, size * factor)]
            found.append(np.concatenate([baseline, shared, *[deviation] * (channels if channels > 1 else 0)]))
    return found
