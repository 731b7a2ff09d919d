"""Tests on the rows that are complete in the columns of each test.

Hides the deletion of rows, which is a weight of zero: nothing is copied, and the tests that miss the same rows share
one correlation matrix or table. Deleting every incomplete row at once was considered: twenty columns with a tenth
missing each would leave an eighth of the rows. Setting gaps to the mean biases every correlation towards zero.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from causal.search.skeleton import IndependenceTest

__all__ = ["CompleteRowsTest"]

FEWEST_ROWS = 10.0

Booleans = NDArray[np.bool_]
Floats = NDArray[np.float64]
Integers = NDArray[np.intp]


@dataclass(frozen=True)
class CompleteRowsTest:
    """A test that answers each question from the rows that have all its columns.

    Parameters
    ----------
    make : callable
        From row weights, shape (n,), and the share of the rows they stand for to a test.
    weights : ndarray of float, shape (n,)
        Row weights before any deletion.
    gaps : mapping of int to ndarray of bool, shape (n,)
        Where the values of a column are missing.
    columns : int
        Number of columns of the table.

    Notes
    -----
    Assumption: whether a value is missing does not depend on the columns of the test beyond those conditioned on.
    Fewer than ten complete rows say nothing: two columns hardly ever seen together count as independent, and a set
    with too few complete rows separates nothing.
    """

    make: Callable[[Floats, float], IndependenceTest]
    weights: Floats
    gaps: Mapping[int, Booleans]
    columns: int
    _masks: list[Booleans] = field(init=False, repr=False)
    _group: Integers = field(init=False, repr=False)
    _made: dict[bytes, IndependenceTest | None] = field(init=False, repr=False, default_factory=dict)

    def __post_init__(self) -> None:
        """Columns that miss the same rows, such as the answers to one questionnaire, share a mask."""
        found: dict[bytes, int] = {}
        group = np.full(self.columns, -1, dtype=np.intp)
        for column, mask in self.gaps.items():
            group[column] = found.setdefault(mask.tobytes(), len(found))
        masks = {int(group[column]): mask for column, mask in self.gaps.items()}
        object.__setattr__(self, "_masks", [masks[number] for number in range(len(found))])
        object.__setattr__(self, "_group", group)

    def p_values(self, first: Integers, second: Integers, given: Integers) -> Floats:
        """Return the p-value of N tests, as :meth:`causal.search.independence.BlockTest.p_values` does."""
        given = given.reshape(len(first), -1)
        groups = self._group[np.column_stack([first, second, given])]
        missing = np.stack([(groups == number).any(axis=1) for number in range(len(self._masks))], axis=1)
        kinds, kind = np.unique(missing, axis=0, return_inverse=True)
        result = np.full(len(first), 0.0 if given.shape[1] else 1.0)
        for number, holed in enumerate(kinds):
            test = self._test(holed)
            if test is not None:
                rows = np.flatnonzero(kind.ravel() == number)
                result[rows] = test.p_values(first[rows], second[rows], given[rows])
        return result

    def _test(self, holed: Booleans) -> IndependenceTest | None:
        key = holed.tobytes()
        if key not in self._made:
            weights = self.weights.copy()
            for number in np.flatnonzero(holed):
                weights[self._masks[number]] = 0.0
            share = float(weights.sum() / self.weights.sum())
            few = (weights > 0).sum() < FEWEST_ROWS
            self._made[key] = None if few else self.make(weights, share)
        return self._made[key]
