"""The T-learner: one outcome model for no contact and one for each channel (Kuenzel et al. 2019).

Hides also the two rankings that companies use instead of an effect: by the response P(Y given contact), and by the
appetite P(Y given no contact). They are halves of a T-learner; what they rank by is reported as if it were an uplift
over nothing, and no effect is claimed for it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from graphrec.learning.heads.means import MeanModel, read_mean
from graphrec.learning.heads.nuisances import Nuisances
from graphrec.learning.regressions.parts import Parts, join_parts
from graphrec.learning.response import Response
from graphrec.learning.rows import TrainingRows

__all__ = ["TLearner", "fit_t_learner"]


@dataclass(frozen=True, eq=False)
class TLearner:
    """A mean for each arm.

    Attributes
    ----------
    control : MeanModel
    arms : tuple of MeanModel
    rank_by : {"uplift", "response", "appetite"}
        What a ranking sees as uplift: the difference, the mean given contact, or the mean given none.
    """

    control: MeanModel
    arms: tuple[MeanModel, ...]
    rank_by: str = "uplift"

    def predict(self, matrix: np.ndarray, *, errors: bool = True) -> Response:
        """Potential outcomes; for the response and appetite rankings "uplift" is that mean."""
        organic = self.control.mean(matrix)
        contact = np.column_stack([arm.mean(matrix) for arm in self.arms])
        unknown = np.full(contact.shape, np.nan)
        if self.rank_by == "response":
            return Response(np.zeros(len(matrix)), contact, unknown)
        if self.rank_by == "appetite":
            return Response(np.zeros(len(matrix)), np.repeat(organic[:, None], contact.shape[1], axis=1), unknown)
        if not errors:
            return Response(organic, contact, unknown)
        own = np.column_stack([arm.standard_errors(matrix) for arm in self.arms])
        return Response(organic, contact, np.hypot(own, self.control.standard_errors(matrix)[:, None]))

    def to_parts(self) -> Parts:
        """The storable form."""
        models = {"control": self.control, **{f"arm{i}": arm for i, arm in enumerate(self.arms)}}
        parts = {name: model.to_parts() for name, model in models.items()}
        return join_parts(parts, {"rank_by": self.rank_by, "arms": len(self.arms)})

    @classmethod
    def from_parts(cls, parts: Parts) -> TLearner:
        """Rebuild from `to_parts`."""
        arms = tuple(read_mean(parts.part(f"arm{i}")) for i in range(parts.meta["arms"]))
        return cls(read_mean(parts.part("control")), arms, parts.meta["rank_by"])


def fit_t_learner(rows: TrainingRows, shared: Nuisances, rank_by: str = "uplift") -> TLearner:
    """T-learner of the arm means that were fitted already.

    Notes
    -----
    Each arm is learned on its own rows: with few contacts, what is common to the arms is learned badly twice. Needs
    that contacts are as good as random given the columns. The standard error comes from three refits: in eight
    experiments of 1,000 rows with linear effects on money, intervals of 90 % held the effect of 80 % of the rows.
    """
    _check_arms(rows.channels, shared.arms)
    return TLearner(shared.control, shared.arms, rank_by)


def _check_arms(channels: Sequence[str], arms: Sequence[MeanModel]) -> None:
    if len(channels) != len(arms):
        raise ValueError(f"{len(arms)} arm means for {len(channels)} channels; fit the nuisances with arms=True")
