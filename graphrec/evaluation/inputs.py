"""The door of the evaluation: arrays checked once, groups and ties found by one sort.

Hides how columns are converted and compared in length, which values are refused, and how rows are ordered within
customers. Every figure of this package works on what comes out here and may trust it.

Ties are the reason for `RankedRows`: a figure computed on an arbitrary order of equal scores depends on the order
of the input. Blocks of equal scores are kept together, and each figure takes its expected value over the orders
within a block (McSherry & Najork, ECIR 2008).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

__all__ = [
    "EvaluationError",
    "RankedRows",
    "check_count",
    "check_level",
    "cluster_codes",
    "group_codes",
    "labels",
    "numbers",
    "rank_rows",
    "weights_of",
]

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]


class EvaluationError(ValueError):
    """The arrays cannot be judged; the message names the argument, what was found and what is allowed."""


def numbers(name: str, values: ArrayLike, n: int | None = None) -> Floats:
    """One-dimensional finite floats, of length `n` where it is given."""
    try:
        array = np.asarray(values, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise EvaluationError(f"{name} must be numbers ({error}); convert it before evaluating") from error
    _check_shape(name, array, n)
    bad = np.flatnonzero(~np.isfinite(array))
    if bad.size:
        raise EvaluationError(
            f"{name} has {bad.size} values that are not finite, the first ({array[bad[0]]}) at row {bad[0]}; "
            "remove these rows and report how many there were"
        )
    return array


def labels(name: str, values: ArrayLike, n: int | None = None) -> NDArray[Any]:
    """One-dimensional labels (numbers or strings) without missing values, of length `n` where it is given."""
    array = np.asarray(values)
    _check_shape(name, array, n)
    missing = pd.isna(array)
    if np.any(missing):
        raise EvaluationError(f"{name} has a missing value at row {int(np.argmax(missing))}; every row needs one")
    return array


def weights_of(weights: ArrayLike | None, n: int) -> Floats:
    """Row weights, all one when none are given; negative weights and a sum of zero are refused."""
    if weights is None:
        return np.ones(n)
    array = numbers("weights", weights, n)
    if np.any(array < 0):
        row = int(np.argmax(array < 0))
        raise EvaluationError(f"weights must not be negative; row {row} has {array[row]}")
    if n and array.sum() <= 0:
        raise EvaluationError("weights are all zero, so no row counts; give at least one positive weight")
    return array


def check_count(name: str, value: int, least: int = 1) -> int:
    """A whole number of at least `least`."""
    if isinstance(value, bool) or not isinstance(value, (int, np.integer)) or value < least:
        raise EvaluationError(f"{name} is {value!r}; it must be a whole number of at least {least}")
    return int(value)


def check_level(level: float) -> float:
    """A confidence level strictly between 0 and 1."""
    if not 0 < level < 1:
        raise EvaluationError(f"level is {level!r}; it must lie strictly between 0 and 1, for example 0.95")
    return float(level)


def group_codes(name: str, values: ArrayLike, n: int | None = None) -> tuple[Integers, int]:
    """Codes 0..g-1 of the groups in sorted order of their labels, and g."""
    array = labels(name, values, n)
    if array.dtype.kind in "iu" and array.size and int(array.min()) >= 0 and int(array.max()) < 4 * array.size:
        present = np.bincount(array.astype(np.int64)) > 0
        return (np.cumsum(present) - 1)[array], int(present.sum())
    try:
        found, codes = np.unique(array, return_inverse=True)
    except TypeError:  # labels of several types do not compare
        found, codes = np.unique(array.astype(str), return_inverse=True)
    return codes.astype(np.int64), len(found)


def cluster_codes(clusters: ArrayLike | None, n: int) -> tuple[Integers, int]:
    """Codes of the clusters and their number; every row is its own cluster when none are given."""
    if clusters is None:
        return np.arange(n, dtype=np.int64), n
    return group_codes("clusters", clusters, n)


def _check_shape(name: str, array: NDArray[Any], n: int | None) -> None:
    if array.ndim != 1:
        raise EvaluationError(f"{name} has shape {array.shape}; it must be one-dimensional, one value for each row")
    if n is not None and len(array) != n:
        raise EvaluationError(f"{name} has {len(array)} rows where the other columns have {n}; align them first")


@dataclass(frozen=True)
class RankedRows:
    """Rows ordered by customer and falling score, with their blocks of equal scores.

    Attributes
    ----------
    order : (n,) int
        Position in the input of each ordered row.
    customer : (n,) int
        Code of the customer of each ordered row.
    first : (g,) int
        Where each customer starts.
    block : (n,) int
        Number of the block of tied rows (same customer, same score) of each ordered row.
    block_first, block_end : (b,) int
        Position within the customer (0 = best) at which a block starts, and one past its end.
    """

    order: Integers
    customer: Integers
    first: Integers
    block: Integers
    block_first: Integers
    block_end: Integers

    @property
    def customers(self) -> int:
        """Number of customers."""
        return len(self.first)

    def sum_by_customer(self, ordered: Floats) -> Floats:
        """Sum over each customer of values given in ranked order."""
        return np.bincount(self.customer, weights=ordered, minlength=self.customers).astype(np.float64)

    def expected_gain(self, values: Floats, discount: Floats) -> Floats:
        """Expected discounted sum of each customer over all orders of the tied rows.

        Parameters
        ----------
        values : (n,) float
            Gain of each row, in input order.
        discount : (longest list,) float
            Weight of position 0, 1, ...; zero beyond the cut-off.

        Notes
        -----
        A block at positions a..b-1 contributes its mean gain times the sum of the discounts a..b-1.
        """
        running = np.concatenate(([0.0], np.cumsum(discount)))
        last = len(discount)
        total = running[np.minimum(self.block_end, last)] - running[np.minimum(self.block_first, last)]
        share = total / (self.block_end - self.block_first)
        return self.sum_by_customer(values[self.order] * share[self.block])


def rank_rows(scores: Floats, customer: Integers, customers: int) -> RankedRows:
    """Order rows by customer and falling score, and find the blocks of ties."""
    by_score = np.argsort(-scores)  # need not be stable: ties are joined in blocks
    order = by_score[_order_of_codes(customer[by_score], customers)]
    owner, value = customer[order], scores[order]
    starts = np.concatenate(([True], (owner[1:] != owner[:-1]) | (value[1:] != value[:-1])))[: len(order)]
    begin = np.flatnonzero(starts)
    end = np.concatenate((begin[1:], [len(order)]))[: len(begin)]
    first = np.searchsorted(owner, np.arange(customers))
    offset = first[owner[begin]] if len(begin) else begin
    return RankedRows(order, owner, first, np.cumsum(starts) - 1, begin - offset, end - offset)


def _order_of_codes(codes: Integers, count: int) -> Integers:
    """Stable order of codes 0..count-1: numpy sorts 16-bit integers by radix, five times faster than floats."""
    order = np.argsort((codes & 0xFFFF).astype(np.uint16), kind="stable")
    if count > 1 << 16:
        order = order[np.argsort(codes[order] >> 16, kind="stable")]
    return order
