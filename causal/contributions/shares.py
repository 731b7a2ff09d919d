"""The three ways to a Shapley value: a matrix, a weighted sum over coalitions, a mean over random orders.

Hides the bookkeeping of draws: how many are taken, in which blocks, and how their standard error is known. Enumeration
repeats the whole sum on eight independent Latin hypercubes and reads the error off their spread; random orders come in
pairs of an order and its reverse (Mitchell et al. 2022) in the same world, and the pairs are the sample.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from causal.contributions.coalitions import Coalitions, Walls
from causal.contributions.linearshares import linear_routes
from causal.contributions.valuation import Draws, Valuation, Values, draw_worlds
from causal.scm import StructuralModel
from causal.structural.equations import LINKS, Equation
from causal.structural.lines import link_mean

__all__ = ["Shares", "closed_form", "is_linear", "link_of", "sampled", "summed"]

Floats = NDArray[np.float64]
Parents = Mapping[str, Sequence[str]]
REPLICATES = 8
FIRST_WORLDS = 64
FIRST_ORDERS = 256
MOST_DRAWS = 8_192
BLOCK = 1 << 14  # values of one node kept at once: the kept nodes of a block stay in the cache
ORDERED_ROWS = 64


@dataclass(frozen=True)
class Shares:
    """Contributions of the causes, with what they cost and how sure they are."""

    values: Floats
    standard_error: Floats
    base: float
    routes: dict[tuple[str, str], Floats]
    coalitions: int
    draws: int


def is_linear(model: StructuralModel, outcome: str, causes: Sequence[str], link: bool) -> bool:
    """Say whether the outcome (on the scale of its link) is linear in its causes, and they in theirs."""
    for node in (*causes, outcome):
        equation = model.equations.get(node)
        if equation is None:
            if model.kinds[node] == "category":
                return False
            continue
        if not isinstance(equation, Equation) or equation.trees is not None:
            return False
        if equation.kind != "number" and not (link and node == outcome):
            return False
        if any(code.levels is not None or code.flag for code in equation.encoding.codes):
            return False
    return True


def link_of(model: StructuralModel, outcome: str) -> Callable[[Floats], Floats]:
    """Return the function from the scale of the link to the mean."""
    link = LINKS[model.kinds[outcome]]
    return lambda score: link_mean(link, score)


def closed_form(model: StructuralModel, outcome: str, causes: Sequence[str], values: Values, link: bool) -> Shares:
    """Return the shares of linear equations as one matrix product."""
    slopes, mean = {}, {}
    base = 0.0
    for node in (*causes, outcome):
        equation = model.equations.get(node)
        if equation is None:
            mean[node] = float(np.mean(model.exogenous[node].to_numpy(dtype=np.float64)))
            continue
        for code, slope in zip(equation.encoding.codes, equation.slopes[:, 0]):
            slopes[code.column, node] = float(slope)
        at = float(equation.intercept[0]) + sum(slopes[p, node] * mean[p] for p in equation.parents)
        mean[node] = at + (float(equation.noise.mean()) if node != outcome else 0.0)
        base = at
    found = linear_routes(causes, outcome, slopes)
    deviations = np.column_stack([values[cause] - mean[cause] for cause in causes])
    routes = {arrow: deviations @ vector for arrow, vector in found.routes.items()}
    shares = deviations @ found.matrix.T
    return Shares(shares, np.zeros_like(shares), base, routes, 0, 0)


def summed(
    model: StructuralModel,
    outcome: str,
    coalitions: Coalitions,
    values: Values,
    link: bool,
    tolerance: float,
    routes: bool,
    rng: np.random.Generator,
) -> Shares:
    """Return the weighted sum over all irreducible coalitions, drawing worlds until they are enough."""
    draws = FIRST_WORLDS
    while True:
        replicates = [draw_worlds(model, coalitions.features, draws // REPLICATES, rng) for _ in range(REPLICATES)]
        worlds = Draws(
            {node: np.concatenate([each.noise[node] for each in replicates]) for node in coalitions.features}
        )
        found, spread = _summed_once(model, outcome, coalitions, values, link, routes, worlds)
        error = np.sqrt(np.mean(found.standard_error**2))
        if error <= tolerance * spread or draws >= MOST_DRAWS:
            return found
        wanted = draws * (error / (tolerance * spread)) ** 2 if spread > 0 else MOST_DRAWS
        draws = int(min(MOST_DRAWS, max(2 * draws, REPLICATES * np.ceil(1.2 * wanted / REPLICATES))))


def _summed_once(
    model: StructuralModel,
    outcome: str,
    coalitions: Coalitions,
    values: Values,
    link: bool,
    routes: bool,
    worlds: Draws,
) -> tuple[Shares, float]:
    arrows = _arrows(model, outcome, coalitions.features) if routes else []
    parts, by_arrow, base, full = [], [], 0.0, []
    for rows in _blocks(len(values[coalitions.features[0]]), max(1, BLOCK // len(worlds))):
        block = {node: column[rows] for node, column in values.items()}
        valuation = Valuation(model, outcome, block, worlds, link)
        means = np.stack(
            [_replicate_means(valuation.value(s), len(block[coalitions.features[0]])) for s in coalitions.members]
        )
        base = float(means[0].mean())
        parts.append(np.einsum("kc,crn->rnk", coalitions.weights, means))
        full.append(valuation.value(frozenset(coalitions.features))[:, 0])
        by_arrow.append([_through(valuation, coalitions, arrow, means.mean(axis=1)) for arrow in arrows])
    shares = np.concatenate(parts, axis=1)
    found = {arrow: np.concatenate([each[i] for each in by_arrow]) for i, arrow in enumerate(arrows)}
    error = shares.std(axis=0, ddof=1) / np.sqrt(REPLICATES)
    spread = float(valuation.value(frozenset()).std())
    return Shares(shares.mean(axis=0), error, base, found, len(coalitions.members), len(worlds)), spread


def _replicate_means(value: Floats, n: int) -> Floats:
    """Mean over the worlds of each replicate, shape (replicates, n)."""
    if value.shape[1] == 1:
        return np.broadcast_to(value[:, 0], (REPLICATES, n))
    return np.broadcast_to(value.reshape(value.shape[0], REPLICATES, -1).mean(axis=2).T, (REPLICATES, n))


def _arrows(model: StructuralModel, outcome: str, causes: Sequence[str]) -> list[tuple[str, str]]:
    return [
        (parent, node) for node in (*causes, outcome) if node in model.equations
        for parent in model.equations[node].parents
    ]  # fmt: skip


def _through(valuation: Valuation, coalitions: Coalitions, arrow: tuple[str, str], means: Floats) -> Floats:
    """Shapley-weighted change when one arrow alone carries the row's value of its cause."""
    n = means.shape[1]
    row = coalitions.features.index(arrow[0])
    total = np.zeros(n)
    for column, members in enumerate(coalitions.members):
        weight = coalitions.joining[row, column]
        if weight and arrow[0] not in members and arrow[1] not in members:
            total += weight * (valuation.value(members, replaced=arrow).mean(axis=1) - means[column])
    return total


def sampled(
    model: StructuralModel,
    outcome: str,
    causes: Sequence[str],
    parents: Parents,
    values: Values,
    link: bool,
    tolerance: float,
    rng: np.random.Generator,
) -> Shares:
    """Return means over random orders, drawing orders until they are enough."""
    n = len(values[causes[0]])
    total, squares, base, pairs = np.zeros((n, len(causes))), np.zeros((n, len(causes))), 0.0, 0
    seen: set[frozenset[str]] = set()
    orders = FIRST_ORDERS
    while True:
        half = [rng.permutation(len(causes)) for _ in range(orders // 2)]
        worlds = draw_worlds(model, causes, len(half), rng)
        plan = _plan(half, causes, outcome, parents)
        seen.update(plan)
        at_base = Valuation(model, outcome, {}, worlds, link).value(frozenset())
        for rows in _blocks(n, ORDERED_ROWS):
            block = {node: column[rows] for node, column in values.items()}
            found = _walk(Valuation(model, outcome, block, worlds, link), plan, half, len(causes))
            total[rows] += found.sum(axis=1)
            squares[rows] += (found**2).sum(axis=1)
        base += float(np.broadcast_to(at_base, (1, len(half))).sum())
        pairs += len(half)
        mean = total / pairs
        error = np.sqrt(np.maximum(squares / pairs - mean**2, 0.0) / max(pairs - 1, 1))
        wanted = tolerance * float(at_base.std())
        rms = float(np.sqrt(np.mean(error**2)))
        if rms <= wanted or 2 * pairs >= MOST_DRAWS:
            return Shares(mean, error, base / pairs, {}, len(seen), 2 * pairs)
        missing = 2 * pairs * ((rms / wanted) ** 2 - 1) if wanted > 0 else MOST_DRAWS
        orders = 2 * int(np.ceil(min(max(missing * 1.1, 32), MOST_DRAWS - 2 * pairs) / 2))


Plan = dict[frozenset[str], list[tuple[int, int, int]]]


def _plan(half: Sequence[NDArray[np.int64]], causes: Sequence[str], outcome: str, parents: Parents) -> Plan:
    """For each irreducible coalition: the (pair, direction, step) at which it stands."""
    found: dict[int, list[tuple[int, int, int]]] = {}
    walls = Walls.of(causes, outcome, parents)
    parts: dict[int, int] = {}
    for pair, order in enumerate(half):
        for direction, walk in enumerate((order, order[::-1])):
            coalition = 0
            for step in range(len(causes) + 1):
                if coalition not in parts:
                    parts[coalition] = walls.irreducible(coalition)
                found.setdefault(parts[coalition], []).append((pair, direction, step))
                coalition |= 1 << int(walk[step]) if step < len(causes) else 0
    return {walls.names_of(part): places for part, places in found.items()}


def _walk(valuation: Valuation, plan: Plan, half: Sequence[NDArray[np.int64]], d: int) -> Floats:
    """Mean marginal contributions of each pair of orders, shape (n, pairs, d)."""
    n = len(next(iter(valuation.rows.values())))
    values = np.empty((n, len(half), 2, d + 1))
    for coalition, places in plan.items():
        pair, direction, step = np.array(places).T
        worlds, position = np.unique(pair, return_inverse=True)
        value = np.broadcast_to(valuation.value(coalition, worlds), (n, len(worlds)))
        values[:, pair, direction, step] = value[:, position]
    change = np.diff(values, axis=3)
    found = np.zeros((n, len(half), d))
    order = np.stack(half)
    for direction, walk in enumerate((order, order[:, ::-1])):
        np.put_along_axis(
            found,
            np.broadcast_to(walk, (n, *walk.shape)),
            np.take_along_axis(found, np.broadcast_to(walk, (n, *walk.shape)), 2) + change[:, :, direction] / 2,
            2,
        )
    return found


def _blocks(n: int, size: int) -> Iterator[slice]:
    for start in range(0, n, size):
        yield slice(start, min(n, start + size))
