r"""From scores to a contact plan: the most net value that the rules allow, with a certificate.

The door of `graphrec.decisions.planning`. Hides the whole way from a table of candidates to a plan: sifting by rule
(`sifting`), limits of customers and of all (`personal`, `sharedlimits`), room for measurement (`arms`), prices and
choice (`assignment`). What remains visible is what a person signs: the contacts, what they are worth, how far that can
be from the best, what each rule costs and why the others are out.

Alternatives measured on 100,000 customers x 20 candidates: as one linear program PDLP took 39-90 s and the interior
point of HiGHS gave no answer in 170 s; greedy by net value lost 1.5 %. ``python -m benchmarks.allocation`` prints them
beside this.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from graphrec.decisions.planning.arms import HOLDOUT, draw_keys, randomise, set_aside
from graphrec.decisions.planning.assignment import assign
from graphrec.decisions.planning.candidates import Candidates, read_candidates
from graphrec.decisions.planning.clauses import Infeasible, PolicyError
from graphrec.decisions.planning.conflicts import refuse_conflict, refuse_unreachable
from graphrec.decisions.planning.contactplan import Chances, Plan
from graphrec.decisions.planning.contactpolicy import ContactPolicy
from graphrec.decisions.planning.desk import Tariff
from graphrec.decisions.planning.exclusions import Exclusions, explain_exclusions
from graphrec.decisions.planning.naming import check_kinds, check_names
from graphrec.decisions.planning.past import Past, read_past
from graphrec.decisions.planning.personal import Personal, bind_customers
from graphrec.decisions.planning.problem import Problem
from graphrec.decisions.planning.ruleprices import candidate_rows, customer_rows, rules_frame, shared_rows
from graphrec.decisions.planning.sharedlimits import bind_together, read_segments
from graphrec.decisions.planning.sifting import sift

if TYPE_CHECKING:
    from graphrec.decisions.planning.assignment import Assignment
    from graphrec.decisions.planning.sharedlimits import Shared
    from graphrec.market.tables import Market

__all__ = ["ContactPolicy", "Infeasible", "Plan", "PolicyError", "allocate"]

Integers = NDArray[np.int64]
_PRICED_CUSTOMERS = 50_000
"""Customers on whom the limits of customers are priced; of more, a sample."""


def allocate(
    scores: pd.DataFrame,
    policy: ContactPolicy | None = None,
    market: Market | None = None,
    *,
    at: Any = None,
    segments: Mapping[Any, Any] | None = None,
    rng: int | np.random.Generator | None = None,
) -> Plan:
    r"""Choose the contacts of the largest total net value that the policy allows.

    .. math::
        \max_{x \in X_1 \times \dots \times X_N} \sum_j v_j x_j \quad\text{s.t.}\quad A u(x) + m\, k(x) \le b

    where :math:`X_i` are the choices that the rules leave to customer `i`, `u` counts contacts by channel, slot,
    product and segment, and `k` is the money spent.

    Parameters
    ----------
    scores : pandas.DataFrame
        One row for each candidate: customer_id; product_id or offer_id; net_value (or value, uplift and cost, of
        which it is made); channel, cost, slot, grade and others where they exist. A customer is never contacted twice
        about the same offer.
    policy : ContactPolicy, optional
        The rules; by default one contact for each customer.
    market : Market, optional
        Needed for its consents, past contacts, feedback, attributes or stock where the policy asks for them.
    at : time-like, optional
        Moment of the plan, an ISO text or a datetime: windows end at it, quiet times are judged from it, consents after
        it do not count. Without a time zone it is in the market's. By default the end of the market's record.
    segments : mapping of customer to segment, optional
        Takes the place of the column that the policy names.
    rng : int, Generator or None
        Key of the hold-out and of exploration. Without these two shares the plan has no randomness.

    Returns
    -------
    Plan

    Raises
    ------
    PolicyError
        A column is missing or holds impossible values, there is no candidate, a rule lacks what it judges by or names
        what does not exist, or an argument is of the wrong type.
    Infeasible
        Rules that cannot hold together; `constraints` names the smallest set that was found.

    Notes
    -----
    The net values are taken as independent of each other: contacts do not compete for the same purchase and customers
    do not influence each other. Where they do, the value of the plan is too high.

    The order of the rows and the pandas index are irrelevant.

    Examples
    --------
    >>> import pandas as pd
    >>> scores = pd.DataFrame({"customer_id": ["ann", "ann", "bob"], "product_id": ["tea", "cup", "tea"],
    ...                        "channel": "email", "net_value": [3.0, 2.0, 1.0]})
    >>> plan = allocate(scores, ContactPolicy(channel_capacity={"email": 1}))
    >>> plan.contacts[["customer_id", "product_id", "arm", "propensity"]].values.tolist()
    [['ann', 'tea', 'plan', 1.0]]
    >>> plan.bound, plan.gap, plan.shadow_prices["channel_capacity[email]"] >= 1.0
    (3.0, 0.0, True)
    """
    check_kinds(policy, market, segments)
    policy = policy or ContactPolicy()
    candidates = read_candidates(scores, policy)
    check_names(policy, candidates, market)
    past = read_past(market, at)
    sifted = sift(candidates, policy, market, past)
    groups = read_segments(candidates, policy, market, segments)
    shared = bind_together(candidates, policy, market, groups)
    allowed = sifted.allowed
    customer, present = _without_gaps(candidates.customer[allowed])
    ids = candidates.customers[present]
    personal = bind_customers(candidates, allowed, customer, ids, policy, past)
    whole = _problem(candidates, allowed, customer, personal, shared)
    refuse_unreachable(whole, sifted.blame(whole.limits, shared.cells))
    keys, reserve = draw_keys(policy, rng), set_aside(whole, policy)
    problem = replace(whole, limits=replace(whole.limits, amount=reserve.amount))
    found = assign(problem)
    if not found.feasible:
        refuse_conflict(problem)
    drawn = randomise(problem, found.rows, ids, policy, keys, reserve)
    sent = drawn.rows[drawn.arm != HOLDOUT]
    told = explain_exclusions(candidates, sifted, problem, personal, found, drawn, allowed)
    contacts = candidates.frame.iloc[allowed[drawn.rows]].reset_index(drop=True)
    contacts = contacts.assign(propensity=drawn.propensity, arm=pd.Series(drawn.arm, dtype="str"))
    planned = problem.worth(found.rows)
    prices = dict(zip(whole.limits.names, np.where(whole.limits.falling, -1.0, 1.0) * found.prices.rows))
    follow = 1 - policy.holdout - policy.exploration
    chance = policy.exploration * reserve.chance
    chance[found.rows] += follow
    return Plan(
        contacts=contacts,
        value=problem.worth(sent),
        planned_value=planned,
        bound=found.bound,
        gap=(found.bound - planned) / found.bound if found.bound > 0 else 0.0,
        shadow_prices={name: float(price) + 0.0 for name, price in prices.items()},
        binding=_binding(problem, prices, told),
        left_out=told.left_out,
        policy=policy,
        rules=_rules(candidates, policy, past, whole, problem, personal, found, sifted, shared, allowed, sent),
        nothing=told.nothing,
        chances=Chances(candidates.frame, allowed, chance),
        tariff=Tariff.of(whole.limits, found.prices, shared.places, groups, candidates, keys, past),
    )


def _without_gaps(customer: Integers) -> tuple[Integers, Integers]:
    """Codes 0, 1, ... of sorted codes, and the codes that are present."""
    if not len(customer):
        return customer, customer
    new = np.concatenate(([True], customer[1:] != customer[:-1]))
    return (np.cumsum(new) - 1).astype(np.int64), customer[new]


def _problem(
    candidates: Candidates, allowed: Integers, customer: Integers, personal: Personal, shared: Shared
) -> Problem:
    return Problem(
        customer=customer,
        value=candidates.net_value[allowed],
        cost=candidates.cost[allowed],
        cells=shared.cells[allowed],
        most=personal.most,
        local=personal.local,
        room=personal.room,
        limits=shared.limits,
    )


def _binding(problem: Problem, prices: Mapping[str, float], told: Exclusions) -> tuple[str, ...]:
    """Limits with a price, and the customers' limits where they keep a candidate out."""
    smallest = 1e-9 * float(np.max(problem.value, initial=0.0))
    priced = [name for name, price in prices.items() if abs(price) > smallest]
    return (*told.customer_limits, *priced)


def _rules(
    candidates: Candidates,
    policy: ContactPolicy,
    past: Past,
    whole: Problem,
    problem: Problem,
    personal: Personal,
    found: Assignment,
    sifted: Any,
    shared: Shared,
    allowed: Integers,
    sent: Integers,
) -> pd.DataFrame:
    """The price of every rule."""
    goes_out = problem.used(sent) if policy.holdout > 0 or policy.exploration > 0 else None
    rows = shared_rows(whole.limits, whole.limits.amount, found.prices.rows, problem.used(found.rows), goes_out)
    rows += _customer_rules(candidates, policy, past, problem, found, allowed)
    cells, money = whole.limits.cell_prices(found.prices.rows)
    reduced = candidates.net_value - cells[shared.cells].sum(axis=1) - money * candidates.cost
    held = np.bincount(problem.customer[found.rows], minlength=problem.customers)
    worst = np.full(problem.customers, np.inf)
    np.minimum.at(worst, problem.customer[found.rows], found.prices.reduced(problem)[found.rows])
    floor = np.zeros(len(candidates.customers))
    full = (held >= personal.most) & np.isfinite(worst)
    floor[candidates.customer[allowed][problem.start[:-1]]] = np.where(full, worst, 0.0)
    rows += candidate_rows(sifted.code, sifted.reasons, candidates.customer, reduced, floor)
    return rules_frame(rows)


def _customer_rules(
    candidates: Candidates, policy: ContactPolicy, past: Past, problem: Problem, found: Assignment, allowed: Integers
) -> list[dict[str, Any]]:
    """Prices of the customers' limits, on a sample where there are many."""
    variants = dict(_wider(policy))
    if not variants or not problem.customers:
        return []
    step = -(-problem.customers // _PRICED_CUSTOMERS)
    chosen = problem.customer % step == 0
    customer, present = _without_gaps(problem.customer[chosen])
    ids = candidates.customers[candidates.customer[allowed][problem.start[:-1]]][present]

    def variant(other: ContactPolicy) -> Problem:
        own = bind_customers(candidates, allowed[chosen], customer, ids, other, past)
        return Problem(
            customer, problem.value[chosen], problem.cost[chosen], problem.cells[chosen], own.most, own.local, own.room,
            problem.limits,
        )  # fmt: skip

    wider = {name: variant(other) for name, other in variants.items()}
    return customer_rows(variant(policy), wider, found.prices, problem.customers / len(present))


def _wider(policy: ContactPolicy) -> list[tuple[str, ContactPolicy]]:
    """The policy with one limit of the customers raised by 1, for each of them."""
    found = []
    if policy.max_contacts_per_customer is not None:
        more = policy.max_contacts_per_customer + 1
        found.append(("max_contacts_per_customer", replace(policy, max_contacts_per_customer=more)))
    for place, window in enumerate(policy.windows):
        wide = replace(window, max_contacts=window.max_contacts + 1)
        others = tuple(w for w in policy.windows if w.channel != window.channel)
        same = tuple(w for n, w in enumerate(policy.windows) if w.channel == window.channel and n != place)
        kept = [w for w in same if (w.days > wide.days) == (w.max_contacts > wide.max_contacts)]
        found.append((window.name, replace(policy, windows=(*others, *kept, wide))))
    for place, rule in enumerate(policy.exclusive):
        wide_rule = replace(rule, at_most=rule.at_most + 1)
        rules = (*policy.exclusive[:place], wide_rule, *policy.exclusive[place + 1 :])
        found.append((f"exclusive[{place}]", replace(policy, exclusive=rules)))
    return found
