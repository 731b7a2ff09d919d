"""Knowledge as matrices over column numbers, for the inner loops of discovery.

Hides how names, tiers and reasons become booleans. The validated :class:`Knowledge` stays the only place where
rules are stated.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from causal.knowledge import Knowledge

__all__ = ["Rules", "compile_rules"]

Booleans = NDArray[np.bool_]
Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Rules:
    """What may cause what among d columns.

    Parameters
    ----------
    forbidden, required : ndarray of bool, shape (d, d)
        ``[a, b]`` speaks of ``a -> b``.
    tiers : ndarray of float, shape (d,)
        NaN where a column has no tier.
    may_precede : ndarray of bool, shape (d, d)
        ``[a, b]``: a chain of permitted edges leads from a to b, so a may be an ancestor of b.
    prior : ndarray of float, shape (d, d)
        Soft confidence that ``a -> b``, 0.5 where nothing was said.
    """

    forbidden: Booleans
    required: Booleans
    tiers: Floats
    may_precede: Booleans
    prior: Floats

    @cached_property
    def may_separate(self) -> Booleans:
        """Which column c may separate a from b, as ``[a, b, c]`` of shape (d, d, d).

        Only ancestors of the two are needed to separate them, and no variable of a later tier than both is one
        (the *later* of the two tiers counts; taking the earlier one loses the parents of the later column).
        """
        later = np.fmax(self.tiers[:, None], self.tiers[None, :])
        later[np.isnan(self.tiers)[:, None] | np.isnan(self.tiers)[None, :]] = np.inf
        precedes = self.may_precede.T
        allowed: Booleans = precedes[:, None, :] | precedes[None, :, :]
        allowed &= ~(self.tiers[None, None, :] > later[:, :, None])
        itself = np.eye(len(self.tiers), dtype=bool)
        return allowed & ~itself[:, None, :] & ~itself[None, :, :]


def compile_rules(knowledge: Knowledge, names: Sequence[str]) -> Rules:
    """Write knowledge as matrices over the columns, in their order."""
    index = {name: i for i, name in enumerate(names)}
    tiers = np.array([float(knowledge.tiers[name]) if name in knowledge.tiers else np.nan for name in names])
    forbidden: Booleans = tiers[:, None] > tiers[None, :]
    required = np.zeros_like(forbidden)
    prior = np.full(forbidden.shape, 0.5)
    for a, b in knowledge.forbidden:
        forbidden[index[a], index[b]] = True
    for a, b in knowledge.required:
        required[index[a], index[b]] = True
        forbidden[index[b], index[a]] = True
    for (a, b), p in knowledge.confidence.items():
        prior[index[a], index[b]] = p
    return Rules(forbidden, required, tiers, _reachable(~forbidden), prior)


def _reachable(step: Booleans) -> Booleans:
    reach = step | np.eye(len(step), dtype=bool)
    for _ in range(max(1, int(np.ceil(np.log2(max(len(step), 2)))))):
        reach = (reach.astype(np.float32) @ reach.astype(np.float32)) > 0
    return reach
