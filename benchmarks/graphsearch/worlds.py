"""Random tables of many kinds, to learn and to judge how probable an edge is.

Hides the families: graphs with equal or with unequal numbers of neighbours, few or many nodes, weak or strong effects,
numbers with several shapes of noise, numbers beside categories, and tables of categories. ``LEARN`` and ``JUDGE`` share
no size, density, strength of effects or shape of noise, so that a rule learned on the one is judged on others.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import networkx as nx
import numpy as np
import pandas as pd
from numpy.typing import NDArray

from benchmarks.graphsearch.networks import Case, draw_knowledge
from causal.knowledge import Knowledge

__all__ = ["JUDGE", "LEARN", "Family", "draw_world"]

Matrix = NDArray[Any]
KNOWS = 0.3


@dataclass(frozen=True)
class Family:
    """What worlds are drawn from; every field lists equally likely choices."""

    nodes: tuple[int, ...]
    rows: tuple[int, ...]
    degrees: tuple[float, ...]
    effects: tuple[tuple[float, float], ...]
    noises: tuple[str, ...]
    skewed: tuple[str, ...]
    concentrations: tuple[float, ...]


LEARN = Family(
    nodes=(8, 12, 18, 24), rows=(200, 500, 1_000, 2_000, 5_000), degrees=(1.0, 2.0, 3.0),
    effects=((0.05, 0.6), (0.2, 0.8), (0.5, 1.5)), noises=("normal",), skewed=("laplace",),
    concentrations=(0.5, 1.0, 2.0),
)  # fmt: skip
JUDGE = Family(
    nodes=(10, 15, 25), rows=(350, 700, 1_500, 3_000), degrees=(1.5, 2.5, 3.5),
    effects=((0.1, 0.5), (0.3, 1.0)), noises=("normal", "uniform", "t"), skewed=("exponential", "t"),
    concentrations=(0.7, 1.4),
)  # fmt: skip


def draw_world(kind: str, family: Family, rng: np.random.Generator) -> Case:
    """Draw a table with its graph: ``normal`` or ``skewed`` numbers, ``mixed`` columns or ``discrete`` ones.

    Three in ten come with knowledge.
    """
    nodes, rows = int(rng.choice(family.nodes)), int(rng.choice(family.rows))
    degree = float(rng.choice(family.degrees))
    present = _even(nodes, degree, rng) if rng.random() < 0.5 else _uneven(nodes, degree, rng)
    if kind == "discrete":
        columns = _categories(present, rows, float(rng.choice(family.concentrations)), rng)
    else:
        low, high = family.effects[rng.integers(len(family.effects))]
        weights = present * rng.uniform(low, high, present.shape) * rng.choice([-1.0, 1.0], present.shape)
        noises = family.skewed if kind == "skewed" else family.noises
        shocks = _shocks(str(rng.choice(noises)), rows, nodes, rng)
        columns = _numbers(weights, shocks, cut=0.5 if kind == "mixed" else 0.0, rng=rng)
    place = rng.permutation(nodes)
    names = [f"x{place[i]}" for i in range(nodes)]
    frame = pd.DataFrame({names[i]: columns[i] for i in np.argsort(place)})
    edges = {(names[a], names[b]) for a, b in np.argwhere(present)}
    known = draw_knowledge(tuple(frame.columns), edges, rng) if rng.random() < KNOWS else Knowledge()
    return Case(frame, edges, known)


def _even(nodes: int, degree: float, rng: np.random.Generator) -> Matrix:
    return np.triu(rng.random((nodes, nodes)) < degree / (nodes - 1), 1)


def _uneven(nodes: int, degree: float, rng: np.random.Generator) -> Matrix:
    """Few columns with many neighbours (Barabási & Albert 1999), as causes or as effects."""
    graph = nx.barabasi_albert_graph(nodes, max(1, round(degree / 2)), seed=int(rng.integers(2**31)))
    order = rng.permutation(nodes) if rng.random() < 0.5 else np.arange(nodes)
    present = np.zeros((nodes, nodes), dtype=bool)
    for a, b in graph.edges:
        present[min(order[a], order[b]), max(order[a], order[b])] = True
    return present


def _shocks(noise: str, rows: int, nodes: int, rng: np.random.Generator) -> Matrix:
    """Noise of variance 1."""
    if noise == "normal":
        return rng.normal(size=(rows, nodes))
    if noise == "laplace":
        return np.asarray(rng.laplace(size=(rows, nodes)) / np.sqrt(2.0))
    if noise == "exponential":
        return np.asarray(rng.exponential(size=(rows, nodes)) - 1.0)
    if noise == "uniform":
        return rng.uniform(-np.sqrt(3.0), np.sqrt(3.0), (rows, nodes))
    return np.asarray(rng.standard_t(6, size=(rows, nodes)) / np.sqrt(1.5))


def _numbers(weights: Matrix, shocks: Matrix, cut: float, rng: np.random.Generator) -> list[object]:
    """Linear effects; a share of the columns is cut into two or three categories on its way down."""
    rows, nodes = shocks.shape
    values = np.empty((rows, nodes))
    columns: list[object] = []
    for i in range(nodes):
        values[:, i] = values[:, :i] @ weights[:i, i] + shocks[:, i]
        column: object = values[:, i].copy()
        if rng.random() < cut:
            places = np.sort(rng.uniform(0.15, 0.85, rng.integers(1, 3)))
            codes = np.digitize(values[:, i], np.quantile(values[:, i], places))
            values[:, i] = (codes - codes.mean()) / max(codes.std(), 1e-9)
            column = pd.Categorical(np.char.add("level ", codes.astype(str)))
        columns.append(column)
    return columns


def _categories(present: Matrix, rows: int, concentration: float, rng: np.random.Generator) -> list[object]:
    """Columns of two to four categories, each with a random table given its parents."""
    nodes = len(present)
    levels = rng.integers(2, 5, nodes)
    codes = np.zeros((rows, nodes), dtype=int)
    for i in range(nodes):
        stratum = np.zeros(rows, dtype=int)
        for parent in np.flatnonzero(present[:, i]):
            stratum = stratum * levels[parent] + codes[:, parent]
        shares = rng.dirichlet(np.full(levels[i], concentration), size=int(stratum.max()) + 1)
        drawn = (rng.random((rows, 1)) > np.cumsum(shares[stratum], axis=1)).sum(axis=1)
        codes[:, i] = np.minimum(drawn, levels[i] - 1)
    return [pd.Categorical(np.char.add("level ", codes[:, i].astype(str))) for i in range(nodes)]
