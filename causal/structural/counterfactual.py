"""What the very same rows would have been: a type of its own, so that only what can be answered can be asked.

Hides nothing but the permission. A counterfactual is abduction, action, prediction (Pearl 2009, sec. 7.1), and the
abduction needs a noise that a row's values reveal; :meth:`causal.StructuralModel.invert` gives this type only where
they do. A method that raises was considered: a reader of the type could not see that it may.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pandas as pd

from causal.encoding import FrameError

if TYPE_CHECKING:
    from causal.scm import StructuralModel

__all__ = ["InvertibleModel", "NoiseNotRecoverable"]


class NoiseNotRecoverable(ValueError):
    """A counterfactual was asked of nodes whose noise their values do not reveal."""


@dataclass(frozen=True)
class InvertibleModel:
    """A structural model below whose moved columns every noise can be read off a row.

    Only this type has counterfactuals: they are about the very same rows, so they need their very noise.

    Parameters
    ----------
    model : StructuralModel
    columns : tuple of str
        What may be moved.
    """

    model: StructuralModel
    columns: tuple[str, ...]

    def counterfactual(self, frame: pd.DataFrame, moves: Mapping[str, Any]) -> pd.DataFrame:
        """Return what the very same rows would have been, had the columns been moved.

        Parameters
        ----------
        frame : DataFrame, n rows
        moves : mapping of str to value or array of shape (n,)

        Raises
        ------
        FrameError
            When a moved column is not among :attr:`columns`.
        """
        stray = [column for column in moves if column not in self.columns]
        if stray:
            raise FrameError(f"{stray[:3]} were not inverted for; ask the model to invert them too")
        return self.model.do(frame, moves)
