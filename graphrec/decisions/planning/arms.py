"""Who is held out and who explores: by customer, from a keyed hash, with every probability kept.

Hides the randomness of a plan. A customer's arm depends on the seed and the customer's identifier alone, so it is the
same whatever other customers, candidates or rules the plan has (a salted hash as in Kohavi, Tang & Xu 2020, ch. 4.).
The plan is made for everybody first and randomised after: held-out and contacted customers were chosen by the same
rule and differ by chance alone, and no limit is ever exceeded.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from graphrec.decisions.planning.contactpolicy import ContactPolicy, Infeasible
from graphrec.decisions.planning.prices import Problem

__all__ = ["EXPLORATION", "HOLDOUT", "PLAN", "Randomised", "hash_uniform", "randomise"]

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]
PLAN, HOLDOUT, EXPLORATION = "plan", "holdout", "exploration"


@dataclass(frozen=True, eq=False)
class Randomised:
    """Rows of a problem after randomisation.

    Attributes
    ----------
    rows : (k,) int
        Rows contacted, withheld or explored.
    arm : (k,) str
        ``plan``, ``holdout`` (chosen by the plan, withheld) or ``exploration``.
    propensity : (k,) float
        Probability, before the arms were drawn, of what was done: of this contact, or in the hold-out of no contact.
    explores : (customers,) bool
        Customers of the exploration arm.
    """

    rows: Integers
    arm: NDArray[Any]
    propensity: Floats
    explores: NDArray[np.bool_]


def hash_uniform(ids: NDArray[Any], key: int) -> Floats:
    """Uniform numbers in [0, 1), one for each identifier, by a keyed SipHash.

    Examples
    --------
    >>> import numpy as np
    >>> both = hash_uniform(np.array(["ann", "bob"]), key=7)
    >>> bool(both[1] == hash_uniform(np.array(["bob"]), key=7)[0])
    True
    """
    texts = np.asarray(ids).astype(str).astype(object)
    hashed = pd.util.hash_array(texts, hash_key=f"{key:016x}", categorize=False)
    return (hashed >> np.uint64(11)).astype(np.float64) / float(1 << 53)


def randomise(
    problem: Problem,
    rows: Integers,
    ids: NDArray[Any],
    policy: ContactPolicy,
    rng: int | np.random.Generator | None,
) -> Randomised:
    """Draw the arm of each customer and replace the contacts of explorers by random ones.

    Parameters
    ----------
    problem : Problem
        Admissible candidates.
    rows : (k,) int
        The planned rows.
    ids : (customers,)
        Identifier of each customer of the problem.
    policy : ContactPolicy
        Shares of the hold-out and of exploration.
    rng : int, Generator or None
        Source of the key.

    Notes
    -----
    An explorer draws one of its :math:`K_i` admissible candidates uniformly. Draws beyond the room that a channel or
    the budget has left are dropped at random, so candidate `j` is made with probability :math:`q_j = f / K_i`, `f` the
    share of draws kept. With shares `h` held out and `e` exploring, a planned contact has propensity
    :math:`(1 - h - e) + e q_j`, any other :math:`e q_j`, no contact :math:`h + e (1 - \\sum_j q_j)` for a customer with
    planned contacts.
    """
    everyone = np.zeros(problem.customers, dtype=bool)
    if policy.holdout == 0 and policy.exploration == 0:
        return Randomised(rows, np.full(len(rows), PLAN, dtype=object), np.ones(len(rows)), everyone)
    keys = np.random.default_rng(rng).integers(0, 1 << 62, size=3)
    draw, pick, queue = (hash_uniform(ids, int(key)) for key in keys)
    held = draw < policy.holdout
    explores = ~held & (draw < policy.holdout + policy.exploration)
    planned = rows[~explores[problem.customer[rows]]]
    made, chance = _explore(problem, planned, explores, pick, queue, policy)
    arm = np.where(held[problem.customer[planned]], HOLDOUT, PLAN).astype(object)
    in_plan = np.zeros(len(problem.value), dtype=bool)
    in_plan[rows] = True
    follow = 1 - policy.holdout - policy.exploration
    contact = follow * in_plan + policy.exploration * chance
    silence = 1 - follow - policy.exploration * np.bincount(problem.customer, chance, minlength=problem.customers)
    propensity = np.where(arm == HOLDOUT, silence[problem.customer[planned]], contact[planned])
    everything = np.concatenate((planned, made))
    order = np.argsort(everything, kind="stable")
    arms = np.concatenate((arm, np.full(len(made), EXPLORATION, dtype=object)))
    return Randomised(everything[order], arms[order], np.concatenate((propensity, contact[made]))[order], explores)


def _explore(
    problem: Problem,
    planned: Integers,
    explores: NDArray[np.bool_],
    pick: Floats,
    queue: Floats,
    policy: ContactPolicy,
) -> tuple[Integers, Floats]:
    """Random contacts of the explorers that fit, and the probability `q` of every candidate."""
    size = np.bincount(problem.customer, minlength=problem.customers)
    share = 1.0 / size[problem.customer]
    if policy.exploration == 0 or not len(problem.value):
        return planned[:0], np.zeros(len(problem.value))
    _refuse_no_room(problem, policy)
    start = np.cumsum(size) - size
    drawn = (start + np.floor(pick * size).astype(np.int64))[explores]
    drawn = drawn[np.argsort(queue[explores], kind="stable")]
    used, spent = problem.usage(planned)
    room = problem.capacity - used
    turn = np.zeros(len(drawn), dtype=np.int64)
    for channel in range(len(room)):
        here = problem.channel[drawn] == channel
        turn[here] = np.arange(int(here.sum()))
    kept = drawn[turn < room[problem.channel[drawn]]]
    wanted = np.bincount(problem.channel[drawn], minlength=len(room))
    granted = np.bincount(problem.channel[kept], minlength=len(room))
    by_channel = np.divide(granted, wanted, out=np.ones(len(room)), where=wanted > 0)
    paid = kept[np.cumsum(problem.cost[kept]) <= problem.budget - spent]
    by_budget = len(paid) / len(kept) if len(kept) else 1.0
    return np.sort(paid), share * by_channel[problem.channel] * by_budget


def _refuse_no_room(problem: Problem, policy: ContactPolicy) -> None:
    closed = problem.capacity[problem.channel] < 1
    dear = problem.cost > problem.budget
    if np.all(closed | dear):
        names = [n for n, hit in (("channel_capacity", closed.any()), ("budget", dear.any())) if hit]
        raise Infeasible(
            f"exploration={policy.exploration} asks for random contacts, but {' and '.join(names)} leave no room for a "
            "single one; raise the limit or set exploration=0",
            ("exploration", *names),
        )
