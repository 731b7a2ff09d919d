"""The market as a typed, timed graph, cut at a moment.

Hides which records become which edges and which attributes may describe a node. Every edge carries its `time`
(microseconds) and lies strictly before the cut; an attribute is used only where it was provably known before
(`graphrec.market.attributes.sort_attributes`), a dated one only where its date lies before the cut.

Contacts and redemptions that name a campaign reach it through a node of their own: linking each contact to each of a
campaign's products would cost products x contacts edges (hundreds of millions on a retailer's data) instead of their
sum. Alternative considered: one untyped graph. It cannot tell a view from a purchase.
"""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from graphrec.learning.design import Design, fit_design
from graphrec.learning.interactions import SIGNALS, Interactions, read_interactions
from graphrec.market.attributes import AttributeTable, sort_attributes
from graphrec.market.history import to_microseconds
from graphrec.market.offers import Offers
from graphrec.market.tables import DataError, Market

if TYPE_CHECKING:
    from torch_geometric.data import HeteroData

__all__ = [
    "ALWAYS",
    "NODE_TYPES",
    "EdgeType",
    "Edges",
    "TypedGraph",
    "as_microseconds",
    "category_codes",
    "from_hetero",
    "node_features",
    "node_names",
    "to_hetero",
    "typed_edges",
    "typed_graph",
]

EdgeType = tuple[str, str, str]
ALWAYS = np.iinfo(np.int64).min
"""Time of an edge that holds at any moment, such as a product's category."""
NODE_TYPES = ("customer", "product", "category", "brand", "channel", "campaign")
"""Types of nodes that have a name; solicitations are numbered."""


@dataclass(frozen=True, eq=False)
class Edges:
    """Edges of one type.

    Attributes
    ----------
    source, target : numpy.ndarray, shape (e,), int64
        Codes of the nodes.
    time : numpy.ndarray, shape (e,), int64
        Microseconds since 1970, `ALWAYS` where the edge has no date.
    """

    source: np.ndarray
    target: np.ndarray
    time: np.ndarray


@dataclass(frozen=True, eq=False)
class TypedGraph:
    """A graph without attributes.

    Attributes
    ----------
    counts : mapping of str to int
        Nodes of each type.
    edges : mapping from (source, relation, target) to Edges
        Without the reverse ones.
    """

    counts: Mapping[str, int]
    edges: Mapping[EdgeType, Edges]


def typed_graph(market: Market, offers: Offers, as_of: int, interactions: Interactions | None = None) -> TypedGraph:
    """Graph of a market before a moment (microseconds); events may be handed over already read."""
    return TypedGraph(node_counts(market, offers, as_of), typed_edges(market, offers, as_of, interactions))


def to_hetero(market: Market, offers: Offers, as_of: object) -> HeteroData:
    """Graph of a market as of a moment, for PyTorch Geometric.

    Parameters
    ----------
    market : Market
        The history.
    offers : Offers
        Their kind decides what a contact is about: products, or campaigns.
    as_of : datetime-like, or int in microseconds
        Only records strictly before it become edges.

    Returns
    -------
    torch_geometric.data.HeteroData
        Node types customer, product, solicitation, category, channel (brand and campaign where there are any), each
        with ``num_nodes``; customers and products with ``x`` (float32, standardised attributes). Edge types customer
        -view / cart / purchase-> product, customer -redeem-> campaign, solicitation -to-> customer, -about-> product
        (or campaign), -through-> channel, product -in-> category and campaign, -of-> brand, and the reverse of each
        (``rev_``), with ``edge_index`` (int64) and ``time`` (int64).
    """
    import torch

    with warnings.catch_warnings():
        # torch_geometric still compiles parts of itself by torch.jit.script on import.
        warnings.filterwarnings("ignore", category=DeprecationWarning)
        from torch_geometric.data import HeteroData

    moment = as_microseconds(as_of)
    data, graph = HeteroData(), typed_graph(market, offers, moment)
    for node_type, count in graph.counts.items():
        data[node_type].num_nodes = count
    for node_type, (matrix, design) in node_features(market, moment).items():
        data[node_type].x = torch.from_numpy(matrix)
        data[node_type].feature_names = design.names
    for (source, relation, target), edges in graph.edges.items():
        index = torch.from_numpy(np.stack([edges.source, edges.target]))
        time = torch.from_numpy(edges.time)
        data[source, relation, target].edge_index = index
        data[source, relation, target].time = time
        data[target, f"rev_{relation}", source].edge_index = index.flip(0).contiguous()
        data[target, f"rev_{relation}", source].time = time.clone()
    return data


def from_hetero(data: HeteroData) -> TypedGraph:
    """Read a graph of PyTorch Geometric.

    Parameters
    ----------
    data : torch_geometric.data.HeteroData
        ``edge_index`` for each edge type, ``time`` (microseconds) where edges have dates; edge types whose name begins
        with ``rev_`` are the others turned round and are passed over.

    Raises
    ------
    DataError
        The graph is not consistent; the message is that of PyTorch Geometric.
    """
    try:
        data.validate(raise_on_error=True)
    except ValueError as error:
        raise DataError(f"the HeteroData is not consistent: {error}; mend edge_index or num_nodes") from error
    edges = {}
    for edge_type in data.edge_types:
        store = data[edge_type]
        if edge_type[1].startswith("rev_"):
            continue
        source, target = store.edge_index.cpu().numpy().astype(np.int64)
        dated = "time" in store
        time = store.time.cpu().numpy().astype(np.int64) if dated else np.full(len(source), ALWAYS)
        edges[edge_type] = Edges(source, target, time)
    return TypedGraph({node_type: int(data[node_type].num_nodes) for node_type in data.node_types}, edges)


def node_counts(market: Market, offers: Offers, as_of: int) -> dict[str, int]:
    """Number of nodes of each type; solicitations count from the first to the last before ``as_of``."""
    sent = to_microseconds(market.solicitations["sent_at"])
    counts = {
        "customer": len(market.vocabulary.customers),
        "product": len(market.vocabulary.products),
        "solicitation": int(np.searchsorted(sent, as_of, side="left")),
        "category": len(_words(market, "category")[1]),
        "channel": len(market.vocabulary.channels),
    }
    rare = {"brand": len(_words(market, "brand")[1]), "campaign": len(market.vocabulary.campaigns)}
    return counts | {name: n for name, n in rare.items() if n or (name, offers.kind) == ("campaign", "campaign")}


def node_names(market: Market) -> dict[str, np.ndarray]:
    """Names of the nodes of each type of `NODE_TYPES`, in the order of their codes."""
    known = market.vocabulary
    return {
        "customer": known.customers.ids,
        "product": known.products.ids,
        "category": _words(market, "category")[1],
        "brand": _words(market, "brand")[1],
        "channel": known.channels.ids,
        "campaign": known.campaigns.ids,
    }


def typed_edges(
    market: Market, offers: Offers, as_of: int, interactions: Interactions | None = None
) -> Mapping[EdgeType, Edges]:
    """Edges of each type strictly before a moment (microseconds), without the reverse ones."""
    past = (interactions or read_interactions(market)).before(as_of)
    found: dict[EdgeType, Edges] = {}
    for code, kind in enumerate(SIGNALS):
        rows = past.kinds == code
        found["customer", kind, "product"] = _edges(past.customers[rows], past.products[rows], past.times[rows])
    sent = to_microseconds(market.solicitations["sent_at"])
    contacts = np.arange(np.searchsorted(sent, as_of, side="left"))

    def link(codes: np.ndarray) -> Edges:
        return _edges(contacts, codes[contacts], sent[contacts])

    found["solicitation", "to", "customer"] = link(market.codes("solicitations", "customer_id"))
    found["solicitation", "through", "channel"] = link(market.codes("solicitations", "channel"))
    if offers.kind == "campaign":
        found["solicitation", "about", "campaign"] = link(market.codes("solicitations", "campaign_id"))
    else:
        found["solicitation", "about", "product"] = link(market.codes("solicitations", "product_id"))
    if offers.kind == "campaign" or len(market.vocabulary.campaigns):
        found["product", "in", "campaign"] = _campaign_edges(market, sent, as_of)
        found["customer", "redeem", "campaign"] = _redeemed_edges(market, as_of)
    found["product", "in", "category"] = _word_edges(category_codes(market))
    if len(_words(market, "brand")[1]):
        found["product", "of", "brand"] = _word_edges(_words(market, "brand")[0])
    return found


def _word_edges(codes: np.ndarray) -> Edges:
    return _edges(np.arange(len(codes)), codes, np.full(len(codes), ALWAYS))


def _redeemed_edges(market: Market, as_of: int) -> Edges:
    """Customers and the campaigns whose coupons they used; a coupon alone stands for the campaigns that list it."""
    events = market.events
    times = to_microseconds(events["event_time"])
    rows = np.flatnonzero((events["event_type"] == "redeem").to_numpy() & (times < as_of))
    customers, campaigns = market.codes("events", "customer_id")[rows], market.codes("events", "campaign_id")[rows]
    nameless = rows[campaigns < 0]
    listed = pd.DataFrame(
        {"coupon": market.campaigns["coupon_id"].to_numpy(), "campaign": market.codes("campaigns", "campaign_id")}
    )
    asked = pd.DataFrame({"coupon": events["coupon_id"].to_numpy()[nameless], "row": nameless})
    found = asked.dropna().merge(listed.dropna().drop_duplicates(), on="coupon")
    by_coupon = found["row"].to_numpy(np.int64)
    return _edges(
        np.concatenate([customers, market.codes("events", "customer_id")[by_coupon]]),
        np.concatenate([campaigns, found["campaign"].to_numpy(np.int64)]),
        np.concatenate([times[rows], times[by_coupon]]),
    )


def _edges(source: np.ndarray, target: np.ndarray, time: np.ndarray) -> Edges:
    known = (source >= 0) & (target >= 0)
    return Edges(source[known].astype(np.int64), target[known].astype(np.int64), time[known].astype(np.int64))


def _campaign_edges(market: Market, sent: np.ndarray, as_of: int) -> Edges:
    """Products of each campaign, known from its start, or without one from its first contact."""
    campaigns = market.codes("campaigns", "campaign_id")
    codes = market.codes("solicitations", "campaign_id")
    first = np.full(len(market.vocabulary.campaigns) + 1, np.iinfo(np.int64).max)
    np.minimum.at(first, codes, np.where(codes >= 0, sent, first[-1]))
    known_at = first[campaigns]
    starts = (
        market.campaigns["starts_at"] if "starts_at" in market.campaigns else pd.Series(dtype="datetime64[us, UTC]")
    )
    if len(starts):
        dated = starts.notna().to_numpy()
        known_at = np.where(dated, to_microseconds(starts), known_at)
    rows = known_at < as_of
    return _edges(market.codes("campaigns", "product_id")[rows], campaigns[rows], known_at[rows])


def category_codes(market: Market) -> np.ndarray:
    """Category code of each product, in alphabetical order; -1 where it has none."""
    return _words(market, "category")[0]


def _words(market: Market, column: str) -> tuple[np.ndarray, np.ndarray]:
    """Code of each product's word in alphabetical order (-1 without one), and the words."""
    words = market.products[column]
    codes, names = pd.factorize(words.astype("str").where(words.notna()), sort=True)
    return np.asarray(codes, dtype=np.int64), np.asarray(names, dtype=object)


def node_features(
    market: Market, as_of: int, designs: Mapping[str, Design] | None = None
) -> dict[str, tuple[np.ndarray, Design]]:
    """Attributes of customers and products known before a moment (microseconds), standardised.

    Parameters
    ----------
    market, as_of
        The history and the moment.
    designs : mapping of str to Design, optional
        How attributes were turned into numbers before; learned from this market by default. A number that is missing
        or not finite counts as the median, and has an indicator of its own where some were missing then.

    Returns
    -------
    dict of str to (numpy.ndarray of shape (n, f) float32, Design)
        For ``"customer"`` and ``"product"``; f may be zero.
    """
    before = sort_attributes(market).before
    found = {}
    for node_type, frame in (("customer", market.customers), ("product", market.products)):
        table = AttributeTable.of(market, frame, before)
        codes, times = np.arange(len(frame)), np.full(len(frame), as_of)
        values = pd.DataFrame({name: table.at(name, codes, times) for name in table.dates}, index=codes)
        design = fit_design(values, list(table.dates)) if designs is None else designs[node_type]
        found[node_type] = (design.transform(values), design)
    return found


def as_microseconds(moment: object) -> int:
    """A moment as microseconds since 1970 (UTC); integers are taken as such."""
    return int(moment) if isinstance(moment, int | np.integer) else int(to_microseconds([moment])[0])
