"""An estimated effect as an object: the figure, its uncertainty, its support and what it assumes.

Hides how an effect prints itself and becomes plain values. It is apart from the estimators so that the
ladder, the refuters and the report share one type; a dictionary was considered, but lets a figure travel
alone.
"""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass
from typing import Any

__all__ = ["AS_OBSERVED", "ONE_UNIT", "POPULATIONS", "Effect"]

AS_OBSERVED = "as observed"
ONE_UNIT = "one more unit"  # the contrast of an amount: (ONE_UNIT, AS_OBSERVED)

POPULATIONS = {
    "ate": "all rows (ATE)",
    "att": "the treated (ATT)",
    "ato": "the overlap population (ATO)",
    "naive": "no adjustment",
    "slope": "all rows, those whose treatment is harder to foresee counting more",
    "local": "those whose treatment the instrument moves (local effect)",
    "move": "all rows under the move",
}


@dataclass(frozen=True)
class Effect:
    """An effect of one treatment level against another, with everything needed to judge it.

    Parameters
    ----------
    value : float
        Mean change of the outcome in the target population, in units of the outcome.
    se : float
        Cluster-robust standard error.
    interval : (float, float)
        Confidence interval at ``level``, from Student's t on the number of clusters.
    n : int
        Rows of the two arms.
    ess : float
        Effective number of those rows after weighting (Kish), summed over the two arms; at most n.
    overlap : float
        Share of the target population with comparable rows in both arms (above the clip), in [0, 1]. For an
        amount: share of its variance that the covariates leave.
    target : str
        ``"ate"``, ``"att"``, ``"ato"``; ``"slope"`` per unit of an amount; ``"local"`` by an instrument;
        ``"move"`` of a modified treatment policy; ``"naive"`` for the unadjusted difference of means.
    adjustment_set : tuple of str
        Columns adjusted for.
    naive : Effect or None
        The unadjusted difference of the same rows.
    clipped_share : float
        Share of the target population with a propensity that was raised to the clip.
    assumptions : tuple of str
        What must be true for the figure to be an effect, in plain English.
    treatment, outcome : str
        Column names.
    contrast : (hashable, hashable)
        The level and its reference.
    level : float
        Confidence level of the interval.
    treated : int
        Rows of the level.
    clusters : int
        Independent units among the rows.
    excluded : int
        Rows left out because a logged propensity of 0 says that they were not eligible.
    meaning : str
        What the figure is, in one sentence.
    group : hashable or None
        The group of rows it is about; None for all.
    """

    value: float
    se: float
    interval: tuple[float, float]
    n: int
    ess: float
    overlap: float
    target: str
    adjustment_set: tuple[str, ...]
    naive: Effect | None
    clipped_share: float
    assumptions: tuple[str, ...]
    treatment: str
    outcome: str
    contrast: tuple[Hashable, Hashable]
    level: float
    treated: int
    clusters: int
    excluded: int = 0
    meaning: str = ""
    group: Hashable | None = None

    def __str__(self) -> str:
        lines = [f"Effect of {self._comparison()} on {self.outcome}, {POPULATIONS[self.target]}"]
        if self.group is not None:
            lines[0] += f", group {self.group}"
        lines.append(f"  {_figure(self)}, se {self.se:.3g}")
        if self.naive is not None:
            lines.append(f"  unadjusted {_figure(self.naive)}")
        lines.append(
            f"  {self.n:,} rows ({self.treated:,} treated) worth {self.ess:,.0f}; "
            f"overlap {self.overlap:.1%}, clipped {self.clipped_share:.1%}"
        )
        lines.append(f"  adjusted for {', '.join(self.adjustment_set) or 'nothing'}")
        return "\n".join(lines)

    def _comparison(self) -> str:
        level, reference = self.contrast
        if reference == AS_OBSERVED:
            return f"{level} of {self.treatment}"
        return f"{self.treatment} = {level} against {reference}"

    def to_dict(self) -> dict[str, Any]:
        """Return plain values (JSON-ready); ``naive`` becomes a dictionary of the same form."""
        content = dict(self.__dict__)
        content["naive"] = None if self.naive is None else self.naive.to_dict()
        for name in ("interval", "adjustment_set", "assumptions", "contrast"):
            content[name] = list(content[name])
        return content


def _figure(effect: Effect) -> str:
    low, high = effect.interval
    return f"{effect.value:+.4g}, {effect.level:.0%} interval [{low:+.4g}, {high:+.4g}]"
