"""Problems with the plain limits: contacts of a customer, capacities of channels, a budget."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pytest
from scipy.sparse import csr_array

from graphrec.decisions.planning.problem import Limits, Problem

Build = Callable[..., Problem]


def build(
    customer: Any, offer: Any, channel: Any, value: Any, cost: Any, limit: int | None, capacity: Sequence[float],
    budget: float,
) -> Problem:  # fmt: skip
    """A problem of which every candidate has one offer and one channel."""
    customer, offer, channel = (np.asarray(codes, dtype=np.int64) for codes in (customer, offer, channel))
    size = np.bincount(customer)
    capped = np.flatnonzero(np.isfinite(capacity))
    place = np.full(len(capacity), len(capped))
    place[capped] = np.arange(len(capped))
    has_budget = bool(np.isfinite(budget))
    rows = len(capped) + has_budget
    limits = Limits(
        names=(*(f"channel_capacity[{code}]" for code in capped), *(["budget"] if has_budget else [])),
        matrix=csr_array((np.ones(len(capped)), (np.arange(len(capped)),) * 2), shape=(rows, len(capped) + 1)),
        money=np.array([0.0] * len(capped) + [1.0] * has_budget),
        amount=np.array([*np.asarray(capacity, dtype=float)[capped], *([budget] if has_budget else [])]),
    )
    local, room = np.zeros((len(customer), 0), dtype=np.int64), np.zeros(0, dtype=np.int64)
    if limit != 1:
        _, group = np.unique(customer * (offer.max() + 1) + offer, return_inverse=True)
        local, room = group[:, None].astype(np.int64), np.ones(group.max() + 1, dtype=np.int64)
    most = size if limit is None else np.minimum(size, limit)
    cells = place[channel][:, None].astype(np.int32)
    return Problem(customer, np.asarray(value, float), np.asarray(cost, float), cells, most, local, room, limits)


@pytest.fixture(scope="session")
def make() -> Build:
    return build


@pytest.fixture(scope="session")
def draw() -> Build:
    """Random problems with two channels."""

    def drawn(seed, customers=12, candidates=5, limit=1, capacity=(3, 2), budget=4.0, levels=None):
        rng = np.random.default_rng(seed)
        n = customers * candidates
        value = rng.lognormal(0, 1, n)
        return build(
            customer=np.repeat(np.arange(customers), candidates),
            offer=np.sort(rng.integers(0, 3, (customers, candidates)), axis=1).ravel(),
            channel=rng.integers(0, len(capacity), n),
            value=value if levels is None else np.ceil(value * levels) / levels,
            cost=rng.choice([0.0, 0.5, 1.0], n),
            limit=limit,
            capacity=np.array(capacity, dtype=float),
            budget=budget,
        )

    return drawn
