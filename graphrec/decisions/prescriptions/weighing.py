"""What a move changes by two looks at the same rows: a smooth surface of the outcome, and structural equations.

Hides how both are asked. The surface decides and promises, for it gives every change a standard deviation that holds;
the equations say what is usual for a row and what a move works through, and stand beside the promise as a second
opinion.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from causal.estimators.surface import Surface
from causal.scm import StructuralModel

__all__ = ["Weighed", "Weighing"]

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Weighed:
    """Outcome of candidates before and after their moves, and how sure the change is; all of shape (n,)."""

    before: Floats
    change: Floats
    doubt: Floats


@dataclass(frozen=True, eq=False)
class Weighing:
    """A `Responder` for columns other than the contact.

    Attributes
    ----------
    model : StructuralModel
        Equations along the graph.
    surface : Surface
        Of the outcome over levers and what they depend on.
    outcome : str
    """

    model: StructuralModel
    surface: Surface
    outcome: str

    @property
    def order(self) -> tuple[str, ...]:
        """Columns needed."""
        return self.model.order

    @property
    def kinds(self) -> Mapping[str, Any]:
        """Kind of each node."""
        return self.model.kinds

    @property
    def levels(self) -> Mapping[str, tuple[str, ...]]:
        """Levels of the categories."""
        return self.model.levels

    @property
    def equations(self) -> Mapping[str, Any]:
        """Equations that say what is usual for a row."""
        return self.model.equations

    @property
    def exogenous(self) -> pd.DataFrame:
        """Values of the nodes without parents."""
        return self.model.exogenous

    def descendants(self, columns: Any) -> tuple[str, ...]:
        """What a move changes."""
        return self.model.descendants(columns)

    def do(self, frame: pd.DataFrame, moves: Mapping[str, Any]) -> pd.DataFrame:
        """Every node after the moves, by the equations alone."""
        return self.model.do(frame, moves)

    def weigh(
        self, frame: pd.DataFrame, moves: Mapping[str, NDArray[Any]], rows: Ints, held: Mapping[str, NDArray[Any]]
    ) -> Weighed:
        """Change of the outcome when rows (which may repeat) of a frame are moved.

        Parameters
        ----------
        frame : pandas.DataFrame, m rows
        moves : mapping of str to numpy.ndarray, shape (n,)
            New values.
        rows : numpy.ndarray of int, shape (n,)
            Row of the frame that each candidate is about.
        held : mapping of str to numpy.ndarray, shape (m,)
            Columns set to a value with and without the move.
        """
        start, used, end = self.units(frame.assign(**held), moves, rows)
        change, doubt = self.surface.change(start, end, tuple(moves), used)
        return Weighed(self.surface.mean(start)[used], change, doubt)

    def units(self, frame: pd.DataFrame, moves: Mapping[str, NDArray[Any]], rows: Ints) -> tuple[Floats, Ints, Floats]:
        """Units of the surface: of the rows as they are, which of them each candidate is, and after the moves."""
        bends = self.surface.bends
        distinct, used = np.unique(rows, return_inverse=True)
        start = bends.units(frame[list(dict.fromkeys(bends.owners))].iloc[distinct])
        return start, used.astype(np.int64), bends.moved_units(start[used], moves)
