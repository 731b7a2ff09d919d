"""What may be tuned about the learners of effects: how weights are cut, how smooth the outcome models are.

Hides nothing but the defaults and their ranges. Three numbers were kept of the many that a learner has, because they
name the three ways in which it goes wrong: one row that speaks for thousands (clip), coefficients that follow noise
(ridge), trees that do (leaves). The propensity model keeps its own: it is judged by balance, not by the outcome.
"""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["LearnerSettings"]


@dataclass(frozen=True)
class LearnerSettings:
    """Settings of a learner.

    Attributes
    ----------
    clip : float
        Quantile of each arm at which weights by the inverse propensity are cut, 0.5 to 1; 1 cuts none. A lower one
        gives steadier and more biased effects.
    ridge : float
        Penalty of the outcome models' coefficients, above zero.
    leaves : int
        Leaves of each tree of the outcome models; with 1 there are no trees.

    Examples
    --------
    >>> LearnerSettings(clip=0.2)
    Traceback (most recent call last):
    ...
    ValueError: clip is 0.2; it is a quantile, give a number from 0.5 to 1
    """

    clip: float = 0.995
    ridge: float = 5.0
    leaves: int = 8

    def __post_init__(self) -> None:
        if not 0.5 <= self.clip <= 1.0:
            raise ValueError(f"clip is {self.clip}; it is a quantile, give a number from 0.5 to 1")
        if not 0.0 < self.ridge < float("inf"):
            raise ValueError(f"ridge is {self.ridge}; it must be above 0")
        if self.leaves != int(self.leaves) or not 1 <= self.leaves <= 256:
            raise ValueError(f"leaves is {self.leaves}; give a whole number from 1 (no trees) to 256")
