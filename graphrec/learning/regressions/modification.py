"""Which columns the effect of a contact varies with, and how strongly that is shrunk.

Hides the columns of the effect's linear part and their ridges: one for appetite (the effect fades where somebody buys
anyway), one for the other columns, one for what sets each channel apart and one for the columns of each channel, each
as large as the data say (`graphrec.learning.regressions.shrinkage`). Named columns (who somebody is, what is offered,
contact history) come first; all columns are tried beside them on customers left out, because a market may hide its
persuadables in past behaviour, and must be clearly better, because they are many and correlated.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from graphrec.learning.regressions.logistic import LogisticFit, fit_logistic, left_out_losses
from graphrec.learning.regressions.shrinkage import choose_ridge

if TYPE_CHECKING:
    from graphrec.learning.rows import TrainingRows

__all__ = ["Modification", "clearly_less", "effect_columns", "fit_modification"]

_LEVEL_RIDGE = 0.1
"""The mean effect is hardly shrunk."""
_UNDERSMOOTHING = 10.0
_LOOSEST = 10.0
"""Standard errors are those of an effect shrunk so much less: shrinkage passes off bias as certainty.

On planted effects, nominal 90 % intervals of the shrunk effect covered 70 to 86 %, those of the looser one 86 to 99 %.
"""


def effect_columns(matrix: np.ndarray, offset: np.ndarray, scale: tuple[float, float]) -> np.ndarray:
    """(1, f, f^2, modifiers), standardised and clipped so that a far-out row cannot get an absurd effect."""
    f = np.clip((offset - scale[0]) / scale[1], -3.0, 3.0)
    return np.column_stack([np.ones(len(matrix)), f, f**2 - 1.0, np.clip(matrix, -3.0, 3.0)])


def _with_channel(base: np.ndarray, channel: np.ndarray, count: int) -> np.ndarray:
    """Shared columns followed by one copy for each channel, zero except in the row's own."""
    if count == 1:
        return base
    n, p = base.shape
    z = np.zeros((n, p * (count + 1)))
    z[:, :p] = base
    for c in range(count):
        own = channel == c
        z[own, p * (c + 1) : p * (c + 2)] = base[own]
    return z


def _groups(width: int, columns: int) -> np.ndarray:
    """Group of each coefficient: 0 the mean effect, 1 appetite, 2 other columns, 3 channels, 4 columns by channel."""
    groups = np.full(columns, 4)
    groups[:width] = 2
    groups[0] = 0
    groups[1:3] = 1
    groups[width::width] = 3
    return groups


@dataclass(frozen=True, eq=False)
class Modification:
    """A fitted linear effect with what was chosen on the way.

    Attributes
    ----------
    effect : LogisticFit
        Coefficients of the shared effect, followed by each channel's deviation where there are several channels. The
        covariance is that of a less shrunken fit.
    penalty : tuple of float
        Ridge of the shared effect, and its factor for the deviations.
    modifiers : numpy.ndarray, shape (p,), bool
        Matrix columns by whose value the effect differs.
    logits : numpy.ndarray, shape (number of contacted rows,)
        Effect of the contacted rows.
    columns : numpy.ndarray, shape (number of contacted rows, number of coefficients)
        What the coefficients multiply.
    ridge : numpy.ndarray, shape (number of coefficients,)
        Ridge of each coefficient.
    """

    effect: LogisticFit
    modifiers: np.ndarray
    logits: np.ndarray
    columns: np.ndarray
    ridge: np.ndarray


def fit_modification(
    rows: TrainingRows, offset: np.ndarray, aimed: np.ndarray, scale: tuple[float, float], folds: np.ndarray
) -> Modification:
    """Effect coefficients with the modifiers that predict left-out customers best, each group with its own ridge.

    All columns are tried as modifiers beside the named ones. They are many and correlated: they must be better by the
    standard error of the difference.
    """
    contacted = rows.contacted
    outcome, clusters, channel = rows.outcome[contacted], rows.clusters[contacted], rows.channel[contacted] - 1
    matrix = rows.matrix[contacted]
    best: tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray] | None = None
    for modifiers in _modifier_sets(rows.modifiers):
        base = effect_columns(matrix[:, modifiers], offset, scale)
        z = _with_channel(base, channel, len(rows.channels))
        ridge = choose_ridge(z, outcome, _groups(base.shape[1], z.shape[1]), fixed=_LEVEL_RIDGE, offset=aimed)
        losses = left_out_losses(z, outcome, aimed, folds, [ridge])[:, 0]
        if best is None or clearly_less(losses, best[0], clusters):
            best = losses, modifiers, ridge, z
    assert best is not None
    _, modifiers, ridge, z = best
    effect = fit_logistic(z, outcome, penalty=ridge, offset=aimed, clusters=clusters)
    looser_ridge = np.minimum(ridge / _UNDERSMOOTHING, _LOOSEST)
    looser = fit_logistic(z, outcome, penalty=looser_ridge, offset=aimed, clusters=clusters)
    effect = LogisticFit(effect.coefficients, looser.covariance)
    return Modification(effect, modifiers, effect.predict(z), z, ridge)


def _modifier_sets(named: np.ndarray) -> list[np.ndarray]:
    return [named] if named.all() else [named, np.ones_like(named)]


def clearly_less(losses: np.ndarray, others: np.ndarray, clusters: np.ndarray, errors: float = 1.0) -> bool:
    """Whether the summed loss is lower by more than so many standard errors over customers; all have shape (n,)."""
    _, position = np.unique(clusters, return_inverse=True)
    gain = np.bincount(position, weights=others - losses)
    return bool(gain.sum() > errors * np.sqrt(np.square(gain - gain.mean()).sum()))
