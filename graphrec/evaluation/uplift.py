"""What a ranking by effect is worth, when the true uplifts are known.

Hides how the best `k` of each customer are picked, how ties are counted and what a value is measured against: a
random choice among the same candidates, and the choice of an oracle. Both matter: a learner that earns 95 % of the
ideal has done nothing where a random choice earns 94 %.

The curves over the whole population live in `graphrec.evaluation.qini`.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from graphrec.evaluation.inputs import (
    EvaluationError,
    check_count,
    group_codes,
    numbers,
    rank_rows,
)
from graphrec.evaluation.qini import qini_true

__all__ = ["RankedValue", "cdcg_at_k", "cp_at_k", "rank_value", "share_of_oracle", "value_of_best"]

Floats = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class RankedValue:
    """What each customer's best `k` are truly worth, beside a random and the ideal choice.

    Attributes
    ----------
    value, random, ideal : (customers,) float
        Discounted sum of the true uplifts of the `k` candidates that the score, chance and the oracle put first;
        customers in sorted order of their labels. Pair them by customer to compare two learners
        (`graphrec.evaluation.bootstrap_ratio`).
    """

    value: Floats
    random: Floats
    ideal: Floats

    @property
    def of_ideal(self) -> float:
        """Sum of the values as a share of the sum of the ideal values."""
        best = float(self.ideal.sum())
        if best <= 0:
            raise EvaluationError(
                f"the ideal choice is worth {best:.3g}, so a share of it has no meaning; no contact here does good"
            )
        return float(self.value.sum()) / best

    @property
    def of_oracle(self) -> float:
        """``(x - random) / (oracle - random)``: 1 the oracle, 0 chance, negative worse than chance."""
        chance, best = float(self.random.sum()), float(self.ideal.sum())
        if best - chance <= 1e-12 * max(abs(best), abs(chance)):
            raise EvaluationError(
                f"the oracle ({best:.6g}) does not beat chance ({chance:.6g}): within each customer all candidates "
                "have the same uplift, or k takes them all"
            )
        return (float(self.value.sum()) - chance) / (best - chance)


def rank_value(
    scores: ArrayLike, uplift: ArrayLike, customers: ArrayLike, k: int, *, discounted: bool = False
) -> RankedValue:
    r"""Value of the `k` best scored candidates of each customer, tied scores by expectation.

    .. math:: V_u = \sum_{i \le k} d_i \, \tau_{u(i)}, \qquad d_i = 1 \text{ or } 1 / \log_2(i + 1)

    Parameters
    ----------
    scores, uplift, customers : (n,)
        Score, true uplift and customer label of each candidate (customer, offer, channel). To judge an advice
        instead of a score, give 1 to the advised candidates and 0 to the others.
    k : int
        Candidates taken for each customer; a customer with fewer gives what there is.
    discounted : bool
        Weigh place `i` by :math:`1 / \log_2(i + 1)`.

    Examples
    --------
    >>> worth = rank_value([0.9, 0.1], [0.0, 0.2], ["ann", "ann"], k=1)
    >>> worth.value.tolist(), worth.random.tolist(), worth.ideal.tolist()
    ([0.0], [0.1], [0.2])
    """
    k = check_count("k", k)
    score = numbers("scores", scores)
    if not len(score):
        raise EvaluationError("scores has no rows, so there is nothing to rank")
    effect = numbers("uplift", uplift, len(score))
    code, count = group_codes("customers", customers, len(score))
    discount = 1.0 / np.log2(np.arange(2, k + 2)) if discounted else np.ones(k)

    found, best = (rank_rows(by, code, count).expected_gain(effect, discount) for by in (score, effect))
    return RankedValue(found, _random_value(effect, code, count, discount), best)


def share_of_oracle(scores: ArrayLike, uplift: ArrayLike, customers: ArrayLike, k: int = 1) -> float:
    """Share of the possible gain over chance: ``(x - random) / (oracle - random)``.

    `x` is the true uplift of each customer's best `k` candidates by score, `random` of `k` drawn at random from the
    same candidates, `oracle` of the truly best `k`. Parameters are those of `rank_value`.

    Examples
    --------
    >>> round(share_of_oracle([2.0, 1.0, 2.0, 1.0], [0.3, 0.1, 0.1, 0.2], ["a", "a", "b", "b"]), 4)
    0.3333
    """
    return rank_value(scores, uplift, customers, k).of_oracle


def cp_at_k(scores: ArrayLike, uplift: ArrayLike, customers: ArrayLike, k: int) -> float:
    """Causal precision at `k`: mean true uplift of each customer's top `k`, as a share of the ideal top `k`.

    Source: Sato et al., RecSys 2020 (CP@N), divided by its best possible value. Parameters are those of `rank_value`.

    Examples
    --------
    >>> cp_at_k([0.9, 0.1, 0.5], [0.1, 0.2, 0.1], [1, 1, 1], k=1)
    0.5
    """
    return rank_value(scores, uplift, customers, k).of_ideal


def cdcg_at_k(scores: ArrayLike, uplift: ArrayLike, customers: ArrayLike, k: int) -> float:
    """Causal discounted cumulative gain at `k`, as a share of the ideal.

    Source: Sato et al., RecSys 2020 (CDCG), cut at `k` and divided by its best possible value. Parameters are those
    of `rank_value`.

    Examples
    --------
    >>> cdcg_at_k([0.3, 0.2, 0.1], [0.3, 0.2, 0.1], [1, 1, 1], k=3)
    1.0
    """
    return rank_value(scores, uplift, customers, k, discounted=True).of_ideal


def value_of_best(scores: ArrayLike, uplift: ArrayLike, share: float = 0.1, weights: ArrayLike | None = None) -> float:
    """True uplift of the best `share` of all rows by score, as a share of what the truly best rows bring.

    Rows are ranked over the whole population, not by customer; a row on the boundary counts in part.

    Parameters
    ----------
    scores, uplift : (n,)
        Score and true uplift of each row.
    share : float
        Share of the rows that is contacted, in (0, 1].
    weights : (n,), optional
        Weight of each row.

    Examples
    --------
    >>> round(value_of_best([4, 3, 2, 1], [0.1, 0.4, 0.2, 0.1], share=0.25), 12)
    0.25
    """
    best = qini_true(uplift, uplift, weights).at(share)
    if best <= 0:
        raise EvaluationError(f"the best {share:.1%} are truly worth {best:.3g}, so a share of it has no meaning")
    return qini_true(scores, uplift, weights).at(share) / best


def _random_value(effect: Floats, code: NDArray[np.int64], count: int, discount: Floats) -> Floats:
    """Expected value of a random order: the mean uplift of the customer times the discounts of its places."""
    size = np.bincount(code, minlength=count)
    mean = np.bincount(code, weights=effect, minlength=count) / size
    running = np.concatenate(([0.0], np.cumsum(discount)))
    places: Floats = running[np.minimum(size, len(discount))]
    return mean * places
