"""Effects as one linear function of a few columns, each learned by regressing a pseudo-outcome on them.

Hides what the DR-learner and the learner by inverse propensities have in common once their pseudo-outcomes are made:
the columns (the organic outcome, its square and the modifiers), the ridge, the standard error, and that a probability
plus an effect stays a probability.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from graphrec.learning.heads.means import MeanModel, read_mean
from graphrec.learning.heads.nuisances import Nuisances
from graphrec.learning.heads.projection import Projection, fit_projection
from graphrec.learning.regressions.logistic import logit
from graphrec.learning.regressions.modification import effect_columns
from graphrec.learning.regressions.parts import Parts, join_parts
from graphrec.learning.response import Response
from graphrec.learning.rows import TrainingRows

__all__ = ["EffectBasis", "ProjectedUplift", "fit_basis", "fit_projected"]


@dataclass(frozen=True, eq=False)
class EffectBasis:
    """Columns that an effect is linear in: 1, the organic outcome and its square, the modifiers.

    Attributes
    ----------
    modifiers : numpy.ndarray, shape (p,), bool
        Matrix columns by whose value the effect may differ.
    scale : tuple of float
        Mean and standard deviation of the organic outcome (its logit for 0/1).
    binary : bool
    """

    modifiers: np.ndarray
    scale: tuple[float, float]
    binary: bool

    def columns(self, matrix: np.ndarray, organic: np.ndarray) -> np.ndarray:
        """Shape (n, 3 + number of modifiers)."""
        base = logit(organic) if self.binary else organic
        return effect_columns(matrix[:, self.modifiers], base, self.scale)

    def bound(self, organic: np.ndarray, effect: np.ndarray) -> np.ndarray:
        """Mean given contact: inside [0, 1] where outcomes are."""
        contact = organic[:, None] + effect
        return np.asarray(np.clip(contact, 0.0, 1.0) if self.binary else contact)

    def to_parts(self) -> Parts:
        """The storable form."""
        return Parts({"modifiers": self.modifiers.astype(np.uint8)}, {}, {"scale": self.scale, "binary": self.binary})

    @classmethod
    def from_parts(cls, parts: Parts) -> EffectBasis:
        """Rebuild from `to_parts`."""
        low, high = parts.meta["scale"]
        return cls(parts.arrays["modifiers"].astype(bool), (low, high), parts.meta["binary"])


def fit_basis(rows: TrainingRows, organic: np.ndarray, binary: bool) -> EffectBasis:
    """Basis whose organic outcome is standardised on the contacted rows, where effects are read."""
    base = (logit(organic) if binary else organic)[rows.contacted]
    return EffectBasis(rows.modifiers, (float(base.mean()), float(max(base.std(), 1e-6))), binary)


@dataclass(frozen=True, eq=False)
class ProjectedUplift:
    """An organic mean and a linear effect of each channel.

    Attributes
    ----------
    control : MeanModel
    basis : EffectBasis
    effects : tuple of Projection
        One for each channel.
    """

    control: MeanModel
    basis: EffectBasis
    effects: tuple[Projection, ...]

    def predict(self, matrix: np.ndarray, *, errors: bool = True) -> Response:
        """Potential outcomes; the standard error is that of the projection."""
        organic = self.control.mean(matrix)
        columns = self.basis.columns(matrix, organic)
        effect = np.column_stack([one.predict(columns) for one in self.effects])
        contact = self.basis.bound(organic, effect)
        if not errors:
            return Response(organic, contact, np.full(contact.shape, np.nan))
        return Response(organic, contact, np.column_stack([one.standard_errors(columns) for one in self.effects]))

    def to_parts(self) -> Parts:
        """The storable form."""
        parts = {"control": self.control.to_parts(), "basis": self.basis.to_parts()}
        parts |= {f"effect{i}": effect.to_parts() for i, effect in enumerate(self.effects)}
        return join_parts(parts, {"channels": len(self.effects)})

    @classmethod
    def from_parts(cls, parts: Parts) -> ProjectedUplift:
        """Rebuild from `to_parts`."""
        effects = tuple(Projection.from_parts(parts.part(f"effect{i}")) for i in range(parts.meta["channels"]))
        return cls(read_mean(parts.part("control")), EffectBasis.from_parts(parts.part("basis")), effects)


def fit_projected(rows: TrainingRows, shared: Nuisances, pseudo: np.ndarray, organic: np.ndarray) -> ProjectedUplift:
    """Regress each channel's pseudo-outcome on the basis.

    Parameters
    ----------
    rows : TrainingRows
    shared : Nuisances
    pseudo : numpy.ndarray, shape (n, number of channels)
        Values whose mean given the columns is the effect of the channel.
    organic : numpy.ndarray, shape (n,)
        Cross-fitted mean without contact.
    """
    basis = fit_basis(rows, organic, shared.binary)
    columns = basis.columns(rows.matrix, organic)
    effects = tuple(
        fit_projection(columns, target, weights=rows.weights, clusters=rows.clusters, folds=shared.folds)
        for target in pseudo.T
    )
    return ProjectedUplift(shared.control, basis, effects)
