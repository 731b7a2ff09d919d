"""What a contact changes: the organic outcome as an offset, a small effect of each channel on top.

    logit P(Y | no contact)        = f(x)
    logit P(Y | contact through c) = f(x) + d_c(x),   d_c = linear in (1, f, appetite, attributes, pressure) + trees

Hides seven decisions. (1) f is first learned on rows that were not contacted, a large and clean sample. (2) Before the
effect is read off, f is moved to fit controls weighted like the contacted (a targeting step, van der Laan & Rubin
2006), so the effect is right if either f or the propensity is. (3) The channels share one effect and differ by shrunken
deviations. (4) Which columns modify the effect, and how strongly it is shrunk, is chosen on customers left out.
(5) Slots add shrunken deviations of their own (`graphrec.learning.sloteffects`). (6) Trees add what the linear effect
leaves, as far as customers left out confirm it. (7) With the effect known, f is learned again on everybody.

The structure matters more than the width: the same columns in a free-form learner did far worse, because the effect
is estimated on the few contacted rows only. Needs that, given the columns, the contact was as good as random.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd
from scipy.special import expit

from graphrec.learning.exposure import Exposure, fit_rows_exposure
from graphrec.learning.regressions.learnersettings import LearnerSettings
from graphrec.learning.regressions.logistic import LogisticFit, fit_logistic
from graphrec.learning.regressions.modification import effect_columns, fit_modification
from graphrec.learning.regressions.outcome import BinaryModel, customer_folds, fit_binary
from graphrec.learning.regressions.residual import BoostedResidual, LeftOver, fit_residual
from graphrec.learning.rows import TrainingRows
from graphrec.learning.sloteffects import SlotEffects, fit_slots
from graphrec.market.tables import DataError

__all__ = ["Response", "StructuredUplift", "fit_structured_uplift"]

_FOLDS = 5
_MINIMUM_ESS = 100.0
"""Effective number of weighted controls below which the targeting step is left out."""
_FARTHEST = 20.0
"""Predicted logits end here: further out a probability cannot be told from 0 or 1."""


@dataclass(frozen=True, eq=False)
class Response:
    """Potential outcomes of rows.

    Attributes
    ----------
    p_organic : numpy.ndarray, shape (n,)
        P(Y | no contact).
    p_contact : numpy.ndarray, shape (n, number of channels)
        P(Y | contact). Where slots were asked for there is one column for each channel and slot, slots varying fastest.
    se : numpy.ndarray, the shape of p_contact
        Standard error of the conditional mean uplift; nan where the method gives none.
    """

    p_organic: np.ndarray
    p_contact: np.ndarray
    se: np.ndarray

    @property
    def uplift(self) -> np.ndarray:
        """p_contact - p_organic, the shape of p_contact."""
        return np.asarray(self.p_contact - self.p_organic[:, None])


@dataclass(frozen=True, eq=False)
class StructuredUplift:
    """A fitted offset-structured uplift model; see the module's text.

    Attributes
    ----------
    organic : BinaryModel
        f, learned on everybody.
    exposure : Exposure
        Propensity of a contact.
    effect : LogisticFit
        Coefficients of the shared effect, followed by each channel's deviation where there are several channels, and
        by each slot's where slots differ.
    offset_scale : tuple of float
        Mean and standard deviation of f among the contacted.
    channels, names : tuple of str
        Channels in the order of the predictions; names of the matrix columns.
    targeting : LogisticFit
        Level and slope of the targeting step, in logits.
    modifiers : numpy.ndarray, shape (p,), bool
        Matrix columns by whose value the effect differs.
    residual : BoostedResidual or None
        What trees add to the effect; None where left-out customers do not confirm it.
    moments : SlotEffects or None
        The slots and what they change; None where the contacts had none.
    folds : numpy.ndarray, shape (n,)
        Customer fold of each training row; empty after loading.
    expected : numpy.ndarray, shape (n,)
        Expected outcome of each training row as it was treated, f and trees from models that had not seen its
        customer; empty after loading.
    """

    organic: BinaryModel
    exposure: Exposure
    effect: LogisticFit
    offset_scale: tuple[float, float]
    channels: tuple[str, ...]
    names: tuple[str, ...]
    targeting: LogisticFit
    modifiers: np.ndarray
    residual: BoostedResidual | None = None
    folds: np.ndarray = field(default_factory=lambda: np.empty(0, dtype=np.int64))
    moments: SlotEffects | None = None
    expected: np.ndarray = field(default_factory=lambda: np.empty(0))

    @property
    def slots(self) -> tuple[str, ...]:
        """Slots that can be asked for, the most used first; empty where there are none."""
        return () if self.moments is None else self.moments.slots

    def predict(
        self, matrix: np.ndarray, *, errors: bool = True, batch: int = 200_000, slots: Sequence[int] | None = None
    ) -> Response:
        """Potential outcomes of new rows, in batches of bounded memory.

        Without ``errors`` the standard errors, which take five times as long as the rest, are nan. ``slots`` are
        positions in `slots`; without them a contact is one at the usual mixture of slots.
        """
        parts = [self._predict(matrix[i : i + batch], errors, slots) for i in range(0, max(len(matrix), 1), batch)]
        return Response(
            np.concatenate([part.p_organic for part in parts]),
            np.concatenate([part.p_contact for part in parts]),
            np.concatenate([part.se for part in parts]),
        )

    def _predict(self, matrix: np.ndarray, errors: bool, slots: Sequence[int] | None) -> Response:
        offset = np.clip(self.organic.logits(matrix), -_FARTHEST, _FARTHEST)
        spread = self.organic.standard_errors(matrix) if errors else np.full(len(matrix), np.nan)
        p_organic = expit(offset)
        asked = [None] if slots is None or self.moments is None else list(slots)
        p_contact = np.empty((len(matrix), len(self.channels) * len(asked)))
        se = np.full_like(p_contact, np.nan)
        base = effect_columns(matrix[:, self.modifiers], offset, self.offset_scale)
        columns = base if self.moments is None else np.column_stack([base, self.moments.columns(matrix)])
        # The effect was read off from where f was moved to: an error of that move is one of the effect.
        aim = self.targeting.variance(base[:, :2])
        for c in range(len(self.channels)):
            trees, doubt = self._trees(matrix, offset, c, errors)
            for place, slot in enumerate(asked, start=c * len(asked)):
                effect = self._effect_of(c, base.shape[1], slot)
                p = expit(np.clip(offset + (effect.predict(columns) + trees), -_FARTHEST, _FARTHEST))
                p_contact[:, place] = p
                if errors:
                    slope = p * (1 - p)
                    # The contacted rows fix the response, so an error of f stays in the organic part alone.
                    own = slope**2 * (effect.variance(columns) + aim + doubt**2)
                    se[:, place] = np.sqrt(own + (p_organic * (1 - p_organic) * spread) ** 2)
        return Response(p_organic, p_contact, se)

    def _trees(self, matrix: np.ndarray, offset: np.ndarray, channel: int, errors: bool) -> tuple[Any, Any]:
        """What trees add to a channel's effect in logits, and its standard error."""
        if self.residual is None:
            return 0.0, 0.0
        where = matrix, offset, np.full(len(matrix), channel)
        return self.residual.logits(*where), self.residual.standard_errors(*where) if errors else 0.0

    def _effect_of(self, channel: int, width: int, slot: int | None) -> LogisticFit:
        """Shared effect plus the deviations of channel and slot, as coefficients of the shared columns."""
        if self.moments is not None:
            return self.moments.effect_of(self.effect, width, len(self.channels), channel, slot)
        if len(self.channels) == 1:
            return self.effect
        parts = np.r_[0:width, width * (channel + 1) : width * (channel + 2)]
        added = np.vstack([np.eye(width), np.eye(width)])
        return LogisticFit(
            added.T @ self.effect.coefficients[parts],
            added.T @ self.effect.covariance[np.ix_(parts, parts)] @ added,
        )

    def to_parts(self) -> tuple[dict[str, np.ndarray], dict[str, str], dict[str, Any]]:
        """Arrays, LightGBM texts and plain data that hold the whole model (no pickle)."""
        arrays = {
            "effect": self.effect.coefficients,
            "effect_covariance": self.effect.covariance,
            "targeting": self.targeting.coefficients,
            "targeting_covariance": self.targeting.covariance,
            "modifiers": self.modifiers.astype(np.uint8),
        }
        texts: dict[str, str] = {}
        counts = {}
        for prefix, part in (("organic", self.organic), ("exposure", self.exposure.model)):
            own_arrays, own_texts = part.to_parts()
            counts[prefix] = int(own_texts.pop("count"))
            arrays |= {f"{prefix}_{name}": values for name, values in own_arrays.items()}
            texts |= {f"{prefix}_{name}": text for name, text in own_texts.items()}
        if self.residual is not None:
            texts |= self.residual.to_texts()
        meta = {
            "counts": counts,
            "residual_share": None if self.residual is None else self.residual.share,
            "slots": None if self.moments is None else self.moments.to_dict(),
            "offset_scale": self.offset_scale,
            "channels": self.channels,
            "names": self.names,
            "clipped_share": self.exposure.clipped_share,
            "ess": self.exposure.ess,
            "contacted_range": self.exposure.contacted_range,
            "logged_share": self.exposure.logged_share,
        }
        return arrays, texts, meta

    @classmethod
    def from_parts(
        cls,
        arrays: dict[str, np.ndarray],
        texts: dict[str, str],
        meta: dict[str, Any],
        control_weights: np.ndarray,
        balance: pd.DataFrame,
    ) -> StructuredUplift:
        """Rebuild from `to_parts` and the exposure's weights and balance table."""
        models = {}
        for prefix in ("organic", "exposure"):
            cut = len(prefix) + 1
            own_arrays = {name[cut:]: values for name, values in arrays.items() if name.startswith(f"{prefix}_")}
            own_texts = {name[cut:]: text for name, text in texts.items() if name.startswith(f"{prefix}_")}
            models[prefix] = BinaryModel.from_parts(own_arrays, {**own_texts, "count": str(meta["counts"][prefix])})
        residual = None
        if meta["residual_share"] is not None:
            residual = BoostedResidual.from_texts(texts, meta["residual_share"], len(meta["channels"]))
        low, high = meta["contacted_range"]
        exposure = Exposure(
            models["exposure"],
            control_weights,
            meta["clipped_share"],
            meta["ess"],
            (low, high),
            balance,
            logged_share=meta["logged_share"],
        )
        return cls(
            organic=models["organic"],
            exposure=exposure,
            effect=LogisticFit(arrays["effect"], arrays["effect_covariance"]),
            offset_scale=tuple(meta["offset_scale"]),
            channels=tuple(meta["channels"]),
            names=tuple(meta["names"]),
            targeting=LogisticFit(arrays["targeting"], arrays["targeting_covariance"]),
            modifiers=arrays["modifiers"].astype(bool),
            residual=residual,
            moments=None if meta["slots"] is None else SlotEffects.from_dict(meta["slots"]),
        )


def fit_structured_uplift(
    rows: TrainingRows,
    rng: np.random.Generator,
    *,
    exposure: Exposure | None = None,
    settings: LearnerSettings | None = None,
) -> StructuredUplift:
    """Fit the offset-structured uplift.

    Parameters
    ----------
    rows : TrainingRows
        Contacted rows and controls.
    rng : numpy.random.Generator
        Draws the customer folds and the seed of the boosting.
    exposure : Exposure, optional
        Propensities of the same rows from elsewhere, such as those of a plugged-in model; learned otherwise.
    settings : LearnerSettings, optional
        Clipping of the controls' weights and shape of the organic outcome's model.

    Raises
    ------
    DataError
        No contacted row, no control, an outcome that never (or always) happens without contact, or fewer than five
        customers.
    """
    contacted = rows.contacted
    _check(rows, contacted)
    folds = customer_folds(rows.clusters, _FOLDS, rng)
    seed = int(rng.integers(2**31))
    control = ~contacted
    given = settings or LearnerSettings()
    organic = fit_binary(rows.matrix[control], rows.outcome[control], folds[control], seed=seed, settings=given)
    if exposure is None:
        exposure = fit_rows_exposure(rows, folds, seed, clip=given.clip)
    offset = organic.cross_logits(rows.matrix[contacted], folds[contacted])
    targeting = _target(organic.out_of_fold, rows.outcome[control], exposure, rows.clusters[control])
    scale = (float(offset.mean()), float(max(offset.std(), 1e-6)))
    level, slope = targeting.coefficients
    aimed = offset + level + slope * (offset - scale[0]) / scale[1]
    read = fit_modification(rows, offset, aimed, scale, folds[contacted])
    moments, read = fit_slots(rows, read, aimed, folds[contacted])
    matrix, channel = rows.matrix[contacted], rows.channel[contacted] - 1
    left = LeftOver(matrix, offset, channel, len(rows.channels), rows.outcome[contacted], aimed + read.logits)
    residual = fit_residual(left, folds[contacted], rows.clusters[contacted], seed)
    known = np.zeros(len(rows.outcome))
    known[contacted] = read.logits + (0.0 if residual is None else residual.logits(matrix, offset, channel))
    everyone = fit_binary(rows.matrix, rows.outcome, folds, offset=known, seed=seed, settings=given)
    if residual is not None:
        known[contacted] = read.logits + residual.out_of_fold
    return StructuredUplift(
        organic=everyone,
        exposure=exposure,
        effect=read.effect,
        offset_scale=scale,
        channels=rows.channels,
        names=rows.names,
        targeting=targeting,
        modifiers=read.modifiers,
        residual=residual,
        folds=folds,
        moments=moments,
        expected=np.asarray(expit(everyone.out_of_fold + known)),
    )


def _check(rows: TrainingRows, contacted: np.ndarray) -> None:
    if not contacted.any():
        raise DataError("no row was contacted: there is nothing to learn an effect from; give contacted rows as well")
    if contacted.all():
        raise DataError("every row was contacted: without controls no effect can be learned; add rows not contacted")
    share = rows.outcome[~contacted].mean()
    if share in (0.0, 1.0):
        raise DataError(
            f"the outcome is {share:.0f} for every row without contact; lengthen horizon_days or use coarser offers"
        )


def _target(offset: np.ndarray, outcome: np.ndarray, exposure: Exposure, clusters: np.ndarray) -> LogisticFit:
    """Level and slope by which the organic logit is moved where the contacts went; zeros without overlap."""
    if exposure.ess < _MINIMUM_ESS or (outcome * exposure.control_weights).sum() <= 0:
        return LogisticFit(np.zeros(2), np.zeros((2, 2)))
    weights = exposure.control_weights / exposure.control_weights.mean() * exposure.ess / len(outcome)
    centre = np.average(offset, weights=weights)
    spread = max(float(np.sqrt(np.average((offset - centre) ** 2, weights=weights))), 1e-6)
    x = np.column_stack([np.ones(len(offset)), (offset - centre) / spread])
    return fit_logistic(x, outcome, penalty=np.array([1.0, 5.0]), offset=offset, weights=weights, clusters=clusters)
