"""The graph an encoder passes messages on: one node numbering and one sparse matrix for each relation.

Hides where customers, products and categories lie in one range of nodes (in this order), and how the edges of a batch
of purchases are hidden from the step that learns from them: a pair's own edges, of every relation, never explain it.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch

from graphrec.learning.hetero import category_codes, typed_edges
from graphrec.learning.interactions import SIGNALS, Interactions
from graphrec.learning.propagation import Relation, make_relation
from graphrec.market.offers import Offers
from graphrec.market.tables import Market

__all__ = ["EncoderGraph", "build_graph"]


@dataclass(frozen=True, eq=False)
class EncoderGraph:
    """Relations over all nodes as of a moment.

    Attributes
    ----------
    n_customers, n_products, n_nodes : int
        Customers are nodes 0.., products follow, categories come last.
    relations : dict of str to Relation
        Those with at least one edge.
    pairs : dict of str to numpy.ndarray
        Sorted keys ``customer * n_products + product`` of the edges of each relation between the two.
    present : torch.Tensor, shape (n_nodes, 1), float32
        One where a node has interactions (always for categories): it may have an identity.
    """

    n_customers: int
    n_products: int
    n_nodes: int
    relations: dict[str, Relation]
    pairs: dict[str, np.ndarray]
    present: torch.Tensor

    def matrices(self, hidden: np.ndarray | None = None) -> list[torch.Tensor]:
        """One sparse matrix for each relation, without the edges of the hidden pairs (keys)."""
        return [relation.matrix(self._places(name, hidden)) for name, relation in self.relations.items()]

    def _places(self, name: str, hidden: np.ndarray | None) -> np.ndarray | None:
        if hidden is None or name not in self.pairs:
            return None
        keys = self.pairs[name]
        places = np.minimum(np.searchsorted(keys, hidden), len(keys) - 1)
        found: np.ndarray = places[keys[places] == hidden]
        return found


def build_graph(
    market: Market, offers: Offers, past: Interactions, as_of: int, wanted: tuple[str, ...]
) -> EncoderGraph:
    """Graph of the wanted relations from the interactions before a moment (already cut)."""
    n, m = past.n_customers, past.n_products
    categories = category_codes(market)
    n_nodes = n + m + int(categories.max(initial=-1)) + 1
    pairs = {kind: _distinct(past.of_kind(kind), m) for kind in SIGNALS if kind in wanted}
    if "contact" in wanted:
        pairs["contact"] = _contacted(market, offers, past, as_of)
    pairs = {name: keys for name, keys in pairs.items() if len(keys)}
    relations = {name: make_relation(keys // m, n + keys % m, n_nodes) for name, keys in pairs.items()}
    known = np.flatnonzero(categories >= 0)
    if "category" in wanted and len(known):
        relations["category"] = make_relation(n + known, n + m + categories[known], n_nodes)
    present = np.zeros((n_nodes, 1), dtype=np.float32)
    present[n + m :] = 1.0
    for keys in pairs.values():
        present[keys // m] = 1.0
        present[n + keys % m] = 1.0
    return EncoderGraph(n, m, n_nodes, relations, pairs, torch.from_numpy(present))


def _distinct(events: Interactions, n_products: int) -> np.ndarray:
    return np.unique(events.customers.astype(np.int64) * n_products + events.products)


def _contacted(market: Market, offers: Offers, past: Interactions, as_of: int) -> np.ndarray:
    """Keys of customers and the products they were solicited about."""
    edges = typed_edges(market, offers, as_of, past)
    if ("solicitation", "about", "product") not in edges:
        return np.zeros(0, dtype=np.int64)
    about = edges["solicitation", "about", "product"]
    customers = market.codes("solicitations", "customer_id")[about.source].astype(np.int64)
    return np.unique(customers[customers >= 0] * past.n_products + about.target[customers >= 0])
