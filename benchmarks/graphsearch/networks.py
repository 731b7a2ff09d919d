"""Tables whose causal graph is known: published discrete networks and random linear ones.

Hides how a network is read and sampled, what knowledge about it is handed out, and what the best possible answer is:
the graph of everything that stays undecided when the separations and the knowledge are all one has (the MPDAG of Meek
1995). Comparing with the generating graph itself was considered: it punishes a search for edges no search can direct.
"""

from __future__ import annotations

import gzip
from dataclasses import dataclass
from pathlib import Path

import networkx as nx
import numpy as np
import pandas as pd

from causal.knowledge import Knowledge
from causal.search.meek import compile_rules
from causal.search.orientation import Pattern, orient
from causal.search.skeleton import Skeleton

__all__ = [
    "DATA",
    "Case",
    "Network",
    "draw_discrete",
    "draw_knowledge",
    "draw_linear",
    "draw_mixed",
    "read_network",
    "spoil",
    "true_pattern",
]

DATA = Path(__file__).parents[3] / "shared" / "data"
WEIGHTS = (0.5, 1.5)
CUTS = (0.33, 0.67)


@dataclass(frozen=True)
class Network:
    """A discrete Bayesian network: the states of each variable and its table given its parents.

    A table has one axis for each parent, in order, and the variable's own as the last.
    """

    states: dict[str, list[str]]
    parents: dict[str, list[str]]
    tables: dict[str, np.ndarray]

    @property
    def edges(self) -> set[tuple[str, str]]:
        """Pairs (cause, effect)."""
        return {(parent, child) for child, found in self.parents.items() for parent in found}


@dataclass(frozen=True, eq=False)
class Case:
    """A table, the graph that made it and what a search may know of it."""

    frame: pd.DataFrame
    edges: set[tuple[str, str]]
    knowledge: Knowledge

    def truth(self) -> Pattern:
        """Return the best possible answer under the knowledge."""
        return true_pattern(tuple(self.frame.columns), self.edges, self.knowledge)


def read_network(path: Path) -> Network:
    """Read a .bif file, gzipped or not, with pgmpy."""
    from pgmpy.readwrite import BIFReader

    text = gzip.decompress(path.read_bytes()).decode() if path.suffix == ".gz" else path.read_text()
    model = BIFReader(string=text).get_model()
    states, parents, tables = {}, {}, {}
    for name in model.nodes():
        table = model.get_cpds(name)
        states[name] = list(table.state_names[name])
        parents[name] = list(table.variables[1:])
    for name in states:
        table = model.get_cpds(name)
        # pgmpy lists the variable first; every state name must mean the same number in all tables.
        for axis, variable in enumerate(table.variables):
            assert list(table.state_names[variable]) == states[variable], f"{name}: states of axis {axis} differ"
        tables[name] = np.moveaxis(np.asarray(table.values, dtype=np.float64), 0, -1)
    return Network(states, parents, tables)


def draw_discrete(network: Network, rows: int, rng: np.random.Generator) -> pd.DataFrame:
    """Sample rows, causes before effects."""
    drawn: dict[str, np.ndarray] = {}
    graph = nx.DiGraph(list(network.edges))
    graph.add_nodes_from(network.states)
    for name in nx.lexicographical_topological_sort(graph):
        table, parents = network.tables[name], network.parents[name]
        shares = table[tuple(drawn[parent] for parent in parents)] if parents else np.tile(table, (rows, 1))
        place = (rng.random((rows, 1)) > np.cumsum(shares, axis=1)).sum(axis=1)
        drawn[name] = np.minimum(place, len(network.states[name]) - 1)
    return pd.DataFrame({n: pd.Categorical.from_codes(drawn[n], states) for n, states in network.states.items()})


def draw_linear(
    nodes: int, rows: int, degree: float, rng: np.random.Generator, noise: str = "normal"
) -> tuple[pd.DataFrame, set[tuple[str, str]]]:
    """Sample a random graph of a mean number of neighbours, weights of .5 to 1.5 either way, noise of variance 1."""
    present = np.triu(rng.random((nodes, nodes)) < degree / (nodes - 1), 1)
    weights = present * rng.uniform(*WEIGHTS, (nodes, nodes)) * rng.choice([-1.0, 1.0], (nodes, nodes))
    shocks = rng.normal(size=(rows, nodes)) if noise == "normal" else rng.laplace(size=(rows, nodes)) / np.sqrt(2.0)
    values = shocks @ np.linalg.inv(np.eye(nodes) - weights)
    place = rng.permutation(nodes)
    names = np.array([f"x{number}" for number in range(nodes)])
    frame = pd.DataFrame({names[place[i]]: values[:, i] for i in np.argsort(place)})
    return frame, {(str(names[place[a]]), str(names[place[b]])) for a, b in np.argwhere(present)}


def draw_mixed(
    nodes: int, rows: int, degree: float, rng: np.random.Generator
) -> tuple[pd.DataFrame, set[tuple[str, str]]]:
    """Sample a random graph in which every second column, on its way down, is cut into three ordered categories."""
    present = np.triu(rng.random((nodes, nodes)) < degree / (nodes - 1), 1)
    weights = present * rng.uniform(*WEIGHTS, (nodes, nodes)) * rng.choice([-1.0, 1.0], (nodes, nodes))
    place = rng.permutation(nodes)
    drawn: dict[str, object] = {}
    scores = np.empty((rows, nodes))
    for i in range(nodes):
        value = scores[:, :i] @ weights[:i, i] + rng.normal(size=rows)
        scores[:, i] = (value - value.mean()) / value.std()
        drawn[f"x{place[i]}"] = scores[:, i]
        if place[i] % 2:
            codes = np.digitize(scores[:, i], np.quantile(scores[:, i], CUTS))
            scores[:, i] = codes - 1.0
            drawn[f"x{place[i]}"] = pd.Categorical.from_codes(codes, ["low", "middle", "high"])
    frame = pd.DataFrame({f"x{number}": drawn[f"x{number}"] for number in range(nodes)})
    return frame, {(f"x{place[a]}", f"x{place[b]}") for a, b in np.argwhere(present)}


def draw_knowledge(
    names: tuple[str, ...], edges: set[tuple[str, str]], rng: np.random.Generator, tiers: int = 5, share: float = 0.1
) -> Knowledge:
    """Cut a random true order into tiers of equal size, and forbid a share of the pairs that are no edges."""
    graph = nx.DiGraph(list(edges))
    graph.add_nodes_from(names)
    rank = dict(zip(names, rng.permutation(len(names)).tolist()))
    order = list(nx.lexicographical_topological_sort(graph, key=rank.__getitem__))
    level = {name: place * tiers // len(order) for place, name in enumerate(order)}
    absent = [(a, b) for a in names for b in names if a != b and (a, b) not in edges]
    chosen = rng.choice(len(absent), size=int(share * len(absent)), replace=False)
    return Knowledge(tiers=level, forbidden={absent[i] for i in chosen})


def spoil(
    names: tuple[str, ...], edges: set[tuple[str, str]], rng: np.random.Generator, rules: int, wrong: float
) -> Knowledge:
    """Return forbidden pairs of which a share are true edges, the others pairs that are no edges."""
    true = sorted(edges)
    absent = [(a, b) for a in names for b in names if a != b and (a, b) not in edges]
    bad = rng.choice(len(true), size=min(len(true), round(wrong * rules)), replace=False)
    good = rng.choice(len(absent), size=rules - len(bad), replace=False)
    return Knowledge(forbidden={true[i] for i in bad} | {absent[i] for i in good})


def true_pattern(names: tuple[str, ...], edges: set[tuple[str, str]], knowledge: Knowledge) -> Pattern:
    """Return what perfect separations and the knowledge decide: colliders, knowledge, Meek's rules."""
    place = {name: number for number, name in enumerate(names)}
    adjacent = np.zeros((len(names), len(names)), dtype=bool)
    parents: dict[int, list[int]] = {number: [] for number in range(len(names))}
    graph = nx.DiGraph(list(edges))
    graph.add_nodes_from(names)
    depth = {place[name]: rank for rank, name in enumerate(nx.topological_sort(graph))}
    for a, b in edges:
        adjacent[place[a], place[b]] = adjacent[place[b], place[a]] = True
        parents[place[b]].append(place[a])
    skeleton = Skeleton(adjacent, {}, {})
    for a, b in np.argwhere(np.triu(~adjacent, 1)).tolist():
        # In a DAG the parents of the later of two separate them.
        later = a if depth[a] > depth[b] else b
        skeleton.separators[(a, b)] = tuple(sorted(parents[later]))
        skeleton.strength[(a, b)] = 1.0
    return orient(skeleton, compile_rules(knowledge, names))
