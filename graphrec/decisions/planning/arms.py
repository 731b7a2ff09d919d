r"""Who is held out and who explores: by customer, from a keyed hash, with every probability kept.

Hides the randomness of a plan. A customer's arm depends on the seed and the customer's identifier alone, so it is the
same whatever other customers, candidates or rules the plan has (a salted hash as in Kohavi, Tang & Xu 2020, ch. 4).

Before the plan is made, room is set aside for exploration: of every limit the explorers' share of it, rounded down, or
less where all their draws need less, and their draws are made rarer where they would need more. What is left for the
plan therefore never shrinks when a limit grows. It is the same for every draw, which is what makes the probability of
every action a known number. Held-out customers are part of the plan (their room stays
empty), so that held-out and contacted were chosen by the same rule and differ by chance alone.

Draws are independent, so they could all fall into one channel. Room is reserved for more than that: the chance that
draws exceed a reserve is below one in a hundred thousand for the plan (Chernoff's bound), and such draws are dropped.

Alternative considered: giving explorers what a finished plan leaves over. Then the plan of one customer depends on who
else explores, and no probability can be stated.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from graphrec.decisions.planning.clauses import Infeasible
from graphrec.decisions.planning.contactpolicy import ContactPolicy
from graphrec.decisions.planning.problem import Problem

__all__ = [
    "EXPLORATION",
    "HOLDOUT",
    "PLAN",
    "Keys",
    "Randomised",
    "Reserve",
    "draw_keys",
    "hash_uniform",
    "randomise",
    "set_aside",
]

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]
PLAN, HOLDOUT, EXPLORATION = "plan", "holdout", "exploration"
_OVERFLOW = 1e-5
"""Chance that some draw of the plan is dropped."""


@dataclass(frozen=True, eq=False)
class Reserve:
    """What exploration does: chances and room.

    Attributes
    ----------
    chance : (n,) float
        Probability that an explorer draws each candidate; the sum of a customer is at most 1.
    cells : (cells,) float
        Room set aside in each cell.
    money : float
        Money set aside.
    amount : (limits,) float
        What is left of every limit for the plan.
    """

    chance: Floats
    cells: Floats
    money: float
    amount: Floats


@dataclass(frozen=True)
class Keys:
    """Keys of the three hashes of a customer: their arm, their draw, their place in the queue."""

    arm: int
    pick: int
    queue: int


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


def draw_keys(policy: ContactPolicy, rng: int | np.random.Generator | None) -> Keys:
    """Keys from the seed; a policy without randomness leaves the generator alone."""
    if policy.holdout == 0 and policy.exploration == 0:
        return Keys(0, 0, 0)
    return Keys(*(int(key) for key in np.random.default_rng(rng).integers(0, 1 << 62, size=3)))


def set_aside(problem: Problem, policy: ContactPolicy) -> Reserve:
    """Chances of exploration, the room they need, and what is left of the limits.

    Raises
    ------
    Infeasible
        No limit leaves room for a single random contact.
    """
    limits = problem.limits
    nothing = Reserve(np.zeros(len(problem.value)), np.zeros(limits.cells), 0.0, limits.amount)
    if policy.exploration == 0 or not len(problem.value):
        return nothing
    even = 1.0 / np.diff(problem.start)[problem.customer]
    ceiling = limits.ceilings
    most = np.floor(policy.exploration * ceiling + 1e-9)
    fair = policy.exploration * limits.purse
    tail = np.log(_OVERFLOW / (limits.cells + 1))
    _refuse_no_room(problem, policy, np.asarray((ceiling[problem.cells] < 1).any(axis=1)), problem.cost > limits.purse)
    chance = np.where(problem.cost > fair, 0.0, even)
    draws = policy.exploration * _by_cell(problem, chance)
    thin = np.array([_thinned(mean, room, tail) for mean, room in zip(draws, most)])
    chance *= thin[problem.cells].min(axis=1)
    money = 0.0
    if np.isfinite(fair):
        share = _affordable(policy.exploration * chance, problem.cost, fair, tail)
        chance *= np.where(problem.cost > 0, share, 1.0)
        money = _needed(policy.exploration * even, problem.cost, fair, tail)
    # The need is that of all draws, thinned or not: it must not jump when a limit grows.
    every = policy.exploration * _by_cell(problem, even)
    cells = np.array([min(_reach(mean, tail), room) for mean, room in zip(every, most)])
    counted = np.where(np.isfinite(cells), cells, 0.0)
    taken = np.where(limits.growing, limits.matrix @ counted + limits.money * money, 0.0)
    return Reserve(chance, cells, money, limits.amount - taken)


def randomise(
    problem: Problem, rows: Integers, ids: NDArray[Any], policy: ContactPolicy, keys: Keys, reserve: Reserve
) -> Randomised:
    """Draw the arm of each customer and replace the contacts of explorers by random ones.

    Parameters
    ----------
    problem : Problem
        Admissible candidates.
    rows : (k,) int
        The planned rows, made with what `reserve` left.
    ids : (customers,)
        Identifier of each customer of the problem.
    policy : ContactPolicy
        Shares of the hold-out and of exploration.
    keys : Keys
    reserve : Reserve

    Notes
    -----
    An explorer draws candidate `j` with probability :math:`q_j`. With shares `h` held out and `e` exploring, a planned
    contact has propensity :math:`(1 - h - e) + e q_j`, any other :math:`e q_j`, and no contact
    :math:`h + e (1 - \\sum_j q_j)` for a customer with planned contacts.
    """
    if policy.holdout == 0 and policy.exploration == 0:
        everyone = np.zeros(problem.customers, dtype=bool)
        return Randomised(rows, np.full(len(rows), PLAN, dtype=object), np.ones(len(rows)), everyone)
    draw = hash_uniform(ids, keys.arm)
    held = draw < policy.holdout
    explores = ~held & (draw < policy.holdout + policy.exploration)
    planned = rows[~explores[problem.customer[rows]]]
    made = _explored(problem, ids, explores, keys, reserve)
    in_plan = np.zeros(len(problem.value), dtype=bool)
    in_plan[rows] = True
    follow = 1 - policy.holdout - policy.exploration
    contact = follow * in_plan + policy.exploration * reserve.chance
    drawn = np.bincount(problem.customer, reserve.chance, minlength=problem.customers)
    silence = policy.holdout + policy.exploration * (1 - drawn)
    arm = np.where(held[problem.customer[planned]], HOLDOUT, PLAN).astype(object)
    propensity = np.where(arm == HOLDOUT, silence[problem.customer[planned]], contact[planned])
    everything = np.concatenate((planned, made))
    order = np.argsort(everything, kind="stable")
    arms = np.concatenate((arm, np.full(len(made), EXPLORATION, dtype=object)))
    return Randomised(everything[order], arms[order], np.concatenate((propensity, contact[made]))[order], explores)


def _explored(
    problem: Problem, ids: NDArray[Any], explores: NDArray[np.bool_], keys: Keys, reserve: Reserve
) -> Integers:
    """One random candidate of each explorer, or none; draws beyond the reserve are dropped by lot."""
    from graphrec.decisions.planning.choice import fill_greedily

    who = np.flatnonzero(explores)
    if not len(who):
        return np.zeros(0, dtype=np.int64)
    pick, queue = hash_uniform(ids[who], keys.pick), hash_uniform(ids[who], keys.queue)
    ends = np.cumsum(reserve.chance)
    before = np.concatenate(([0.0], ends))[problem.start[who]]
    row = np.searchsorted(ends, before + pick, side="right")
    found = row < problem.start[who + 1]
    row, queue = row[found], queue[found]
    taken = np.zeros(len(problem.value), dtype=bool)
    fill_greedily(
        row[np.argsort(queue, kind="stable")].astype(np.int64), problem.customer, problem.cost, problem.cells,
        problem.local, problem.most.copy(), problem.room.copy(), reserve.cells.copy(),
        reserve.money * (1 + 1e-12) if np.isfinite(problem.limits.purse) else np.inf, taken,
    )  # fmt: skip
    return np.flatnonzero(taken)


def _affordable(chance: Floats, cost: Floats, room: float, tail: float) -> float:
    """Share of the draws that some money pays for."""
    return _largest(lambda part: _pays(part * chance, cost, room, tail))


def _needed(chance: Floats, cost: Floats, most: float, tail: float) -> float:
    """Money that pays for all draws, at most so much."""
    return most * _smallest(lambda part: _pays(chance, cost, part * most, tail))


def _pays(chance: Floats, cost: Floats, money: float, tail: float) -> bool:
    """Whether draws cost more than some money with a chance below the tail.

    Chernoff's bound with the costs as they are: the chance of spending more than `b` is at most
    ``exp(sum_j p_j (exp(s c_j) - 1) - s b)`` for every `s`.
    """
    paid = (chance > 0) & (cost > 0)
    if money >= float(cost[paid].sum()):
        return True
    biggest = float(cost[paid].max())
    slopes = np.geomspace(0.01, 30.0, 60) / biggest
    return any(float(chance[paid] @ np.expm1(s * cost[paid])) - s * money <= tail for s in slopes)


def _largest(holds: Callable[[float], bool]) -> float:
    """Largest number from 0 to 1 for which something holds that holds below it."""
    if holds(1.0):
        return 1.0
    low, high = 0.0, 1.0
    for _ in range(40):
        middle = (low + high) / 2
        low, high = (middle, high) if holds(middle) else (low, middle)
    return low


def _smallest(holds: Callable[[float], bool]) -> float:
    """Smallest number from 0 to 1 for which something holds that holds above it."""
    return 1.0 - _largest(lambda part: holds(1.0 - part))


def _by_cell(problem: Problem, weights: Floats) -> Floats:
    families = problem.cells.T
    counted = [np.bincount(family, weights, minlength=problem.limits.cells) for family in families]
    return np.asarray(np.sum(counted, axis=0))


def _tail(mean: float, room: float) -> float:
    """Logarithm of Chernoff's bound of the chance that independent draws of some mean sum to more than the room."""
    above = np.floor(room) + 1 if room == np.floor(room) else room
    return 0.0 if above <= mean else float(-mean + above * (1 + np.log(mean / above)))


def _thinned(mean: float, room: float, tail: float) -> float:
    """Largest share of the draws that exceeds the room with a chance below the tail."""
    if not np.isfinite(room) or mean <= 0 or _tail(mean, room) <= tail:
        return 1.0
    return 0.0 if room <= 0 else _largest(lambda part: part <= 0 or _tail(mean * part, room) <= tail)


def _reach(mean: float, tail: float) -> float:
    """Smallest whole room that draws of some mean exceed with a chance below the tail."""
    if mean <= 0:
        return 0.0
    room = np.floor(mean)
    while _tail(mean, room) > tail:
        room += max(1.0, np.floor(np.sqrt(mean) / 4))
    return float(room)


def _refuse_no_room(
    problem: Problem, policy: ContactPolicy, closed: NDArray[np.bool_], dear: NDArray[np.bool_]
) -> None:
    if not np.all(closed | dear):
        return
    full = problem.limits.growing & (problem.limits.amount < 1) & (problem.limits.money == 0)
    names = sorted({problem.limits.names[row].split("[")[0] for row in np.flatnonzero(full)}) if closed.any() else []
    names += ["budget"] if dear.any() else []
    raise Infeasible(
        f"exploration={policy.exploration} asks for random contacts, but {' and '.join(names)} leave no room for a "
        "single one; raise the limit or set exploration=0",
        ("exploration", *names),
    )
