r"""The X-learner (Kuenzel et al. 2019): effects imputed from the other arm's model, blended by the propensity.

.. math:: \hat\tau(x) = g(x) \hat\tau_0(x) + (1 - g(x)) \hat\tau_1(x)

Hides the imputation. :math:`\hat\tau_1` regresses Y - mu_0(x) of the contacted, :math:`\hat\tau_0` regresses
mu_c(x) - Y of those not contacted, and g is the probability of a contact. Made for few contacts and many controls:
g is then small and the blend leans on the contacted.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.special import expit

from graphrec.learning.exposure import PropensityModel, read_propensity
from graphrec.learning.heads.means import MeanModel, read_mean
from graphrec.learning.heads.nuisances import Nuisances
from graphrec.learning.heads.projected import EffectBasis, fit_basis
from graphrec.learning.heads.projection import Projection, fit_projection
from graphrec.learning.regressions.parts import Parts, join_parts
from graphrec.learning.response import Response
from graphrec.learning.rows import TrainingRows

__all__ = ["XLearner", "fit_x_learner"]


@dataclass(frozen=True, eq=False)
class XLearner:
    """Two regressions of imputed effects for each channel and what blends them."""

    control: MeanModel
    basis: EffectBasis
    from_contacted: tuple[Projection, ...]
    from_controls: tuple[Projection, ...]
    propensity: PropensityModel
    arms: tuple[MeanModel, ...]

    def predict(self, matrix: np.ndarray, *, errors: bool = True) -> Response:
        """Potential outcomes; the standard error adds up both regressions and the models that imputed their targets."""
        organic = self.control.mean(matrix)
        columns = self.basis.columns(matrix, organic)
        share = expit(self.propensity.logits(matrix))[:, None]
        contacted = np.column_stack([one.predict(columns) for one in self.from_contacted])
        controls = np.column_stack([one.predict(columns) for one in self.from_controls])
        contact = self.basis.bound(organic, share * controls + (1.0 - share) * contacted)
        if not errors:
            return Response(organic, contact, np.full(contact.shape, np.nan))
        own = np.column_stack([one.standard_errors(columns) for one in self.from_contacted])
        other = np.column_stack([one.standard_errors(columns) for one in self.from_controls])
        imputed = (1.0 - share) * self.control.standard_errors(matrix)[:, None]
        arms = share * np.column_stack([arm.standard_errors(matrix) for arm in self.arms])
        regressed = (share * other) ** 2 + ((1.0 - share) * own) ** 2
        return Response(organic, contact, np.sqrt(regressed + imputed**2 + arms**2))

    def to_parts(self) -> Parts:
        """The storable form."""
        parts = {
            "control": self.control.to_parts(),
            "basis": self.basis.to_parts(),
            "propensity": self.propensity.stored(),
        }
        for i, (one, other) in enumerate(zip(self.from_contacted, self.from_controls)):
            parts |= {f"contacted{i}": one.to_parts(), f"controls{i}": other.to_parts()}
        parts |= {f"arm{i}": arm.to_parts() for i, arm in enumerate(self.arms)}
        return join_parts(parts, {"channels": len(self.from_contacted)})

    @classmethod
    def from_parts(cls, parts: Parts) -> XLearner:
        """Rebuild from `to_parts`."""
        count = range(parts.meta["channels"])
        return cls(
            read_mean(parts.part("control")),
            EffectBasis.from_parts(parts.part("basis")),
            tuple(Projection.from_parts(parts.part(f"contacted{i}")) for i in count),
            tuple(Projection.from_parts(parts.part(f"controls{i}")) for i in count),
            read_propensity(parts.part("propensity")),
            tuple(read_mean(parts.part(f"arm{i}")) for i in count),
        )


def fit_x_learner(rows: TrainingRows, shared: Nuisances) -> XLearner:
    """Fit the X-learner; needs that contacts are as good as random given the columns.

    Notes
    -----
    Intervals are too narrow on small tables: the ridge of the regressions leaves a bias that no standard error holds.
    In eight experiments of 1,000 rows with linear effects on money, intervals of 90 % held the effect of 75 % of rows.
    """
    means = shared.means(rows.matrix)
    basis = fit_basis(rows, means[:, 0], shared.binary)
    columns = basis.columns(rows.matrix, means[:, 0])

    def project(own: np.ndarray, target: np.ndarray) -> Projection:
        return fit_projection(
            columns[own],
            target[own],
            weights=rows.weights[own],
            clusters=rows.clusters[own],
            folds=shared.folds[own],
        )

    arms = range(1, len(rows.channels) + 1)
    contacted = tuple(project(rows.channel == arm, rows.outcome - means[:, 0]) for arm in arms)
    controls = tuple(project(rows.channel == 0, means[:, arm] - rows.outcome) for arm in arms)
    return XLearner(shared.control, basis, contacted, controls, shared.exposure.model, shared.arms)
