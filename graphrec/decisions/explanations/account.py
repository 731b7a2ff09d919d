"""What every method of explanation returns: one value for each feature and row, with what it answers.

Hides nothing but the sums: from rows to segments to the model. Methods differ in the question they answer, so the
question is part of the object and is printed beside the values.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from graphrec.market.tables import DataError

__all__ = ["Curve", "Explanation"]

Floats = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Curve:
    """How a prediction varies with one feature.

    Attributes
    ----------
    grid : numpy.ndarray, shape (g,)
        Values of the feature: numbers, or words.
    mean : numpy.ndarray, shape (g,)
        Mean prediction (PDP), or accumulated local effect centred on 0 (ALE).
    lines : numpy.ndarray, shape (n, g) or (0, g)
        One line for each row (ICE); none for ALE.
    rows_at : numpy.ndarray, shape (g,)
        Background rows near each value: where there are few, the curve is a guess of the model.
    """

    grid: NDArray[Any]
    mean: Floats
    lines: Floats
    rows_at: NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Explanation:
    """Values of features for rows of a table, or for a model as a whole.

    Attributes
    ----------
    method : str
        Name of the method.
    question : str
        What the values answer, in words.
    features : tuple of str
        Columns, or groups of columns.
    values : numpy.ndarray, shape (n, d)
        One row for each explained row; a single one where the method speaks of the model only.
    level : {"row", "model"}
        Which of the two.
    scale : str
        Unit of the values.
    base : float
        Prediction without any feature; nan where the method has none.
    prediction : numpy.ndarray, shape (n,)
        Prediction of each row; empty where the method speaks of the model only.
    standard_error : numpy.ndarray, shape (n, d)
        From the draws of the method; nan where it gives none, 0 where it draws nothing.
    index : pandas.Index
        Labels of the rows.
    seconds : float
        CPU seconds that the explanation took, without importing libraries.
    stability : float
        Mean rank correlation of the values when the method is repeated with other draws; nan where it was not asked.
    curves : mapping of str to Curve
        Of "pdp", "ice" and "ale".
    notes : tuple of str
        What a reader has to know.
    """

    method: str
    question: str
    features: tuple[str, ...]
    values: Floats
    level: str = "row"
    scale: str = "prediction"
    base: float = float("nan")
    prediction: Floats = field(default_factory=lambda: np.empty(0))
    standard_error: Floats = field(default_factory=lambda: np.empty((0, 0)))
    index: pd.Index = field(default_factory=lambda: pd.RangeIndex(1), repr=False)
    seconds: float = float("nan")
    stability: float = float("nan")
    curves: Mapping[str, Curve] = field(default_factory=dict, repr=False)
    notes: tuple[str, ...] = ()

    @property
    def additive(self) -> bool:
        """Whether base and values of each row add up to its prediction (to a millionth)."""
        if self.level != "row" or not np.isfinite(self.base) or not len(self.prediction):
            return False
        return bool(np.allclose(self.base + self.values.sum(axis=1), self.prediction, rtol=1e-6, atol=1e-6))

    def to_frame(self) -> pd.DataFrame:
        """Values as a table, one column for each feature."""
        return pd.DataFrame(self.values, columns=list(self.features), index=self.index)

    def importance(self) -> pd.Series:
        """Mean absolute value of each feature, largest first: the explanation of the model as a whole."""
        return self.to_frame().abs().mean().sort_values(ascending=False, kind="stable")

    def by_segment(self, segments: Sequence[Any]) -> pd.DataFrame:
        """Mean value of each feature in each segment: the explanation of groups of customers.

        Parameters
        ----------
        segments : sequence, length n
            Segment of each row.

        Raises
        ------
        DataError
            The method speaks of the model only, or the lengths differ.
        """
        if self.level != "row":
            raise DataError(f"{self.method} speaks of the model as a whole; segments need a method that explains rows")
        if len(segments) != len(self.values):
            raise DataError(f"there are {len(segments)} segments for {len(self.values)} explained rows; give one each")
        groups = np.asarray(segments)
        return self.to_frame().groupby(groups).mean().rename_axis("segment")

    def largest(self, row: int = 0, n: int = 5) -> list[tuple[str, float]]:
        """The n features with the largest absolute values of a row (by position)."""
        order = np.argsort(-np.abs(self.values[row]), kind="stable")[:n]
        return [(self.features[place], float(self.values[row, place])) for place in order]

    def to_dict(self) -> dict[str, Any]:
        """Plain data for JSON."""
        return {
            "method": self.method,
            "question": self.question,
            "level": self.level,
            "scale": self.scale,
            "base": None if np.isnan(self.base) else self.base,
            "features": list(self.features),
            "values": self.values.tolist(),
            "prediction": self.prediction.tolist(),
            "notes": list(self.notes),
        }
