"""The market as a typed, timed graph, cut at a moment.

Hides which records become which edges and which attributes may describe a node. Every edge carries its `time`
(microseconds) and lies strictly before the cut; an attribute is used only where it was provably known before
(`graphrec.market.attributes.sort_attributes`), a dated one only where its date lies before the cut.

Contacts that name a campaign reach it through a node of their own: linking each contact to each of a campaign's
products would cost products x contacts edges (hundreds of millions on a retailer's data) instead of their sum.
Alternative considered: one untyped graph. It cannot tell a view from a purchase.
"""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from graphrec.learning.design import fit_design
from graphrec.learning.interactions import SIGNALS, Interactions, read_interactions
from graphrec.market.attributes import AttributeTable, sort_attributes
from graphrec.market.history import to_microseconds
from graphrec.market.offers import Offers
from graphrec.market.tables import Market

if TYPE_CHECKING:
    from torch_geometric.data import HeteroData

__all__ = [
    "ALWAYS",
    "EdgeType",
    "Edges",
    "as_microseconds",
    "category_codes",
    "node_features",
    "to_hetero",
    "typed_edges",
]

EdgeType = tuple[str, str, str]
ALWAYS = np.iinfo(np.int64).min
"""Time of an edge that holds at any moment, such as a product's category."""


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
        Node types customer, product, solicitation, category, channel (and campaign where contacts name campaigns),
        each with ``num_nodes``; customers and products with ``x`` (float32, standardised attributes). Edge types
        customer -view / cart / purchase-> product, solicitation -to-> customer, -about-> product (or campaign),
        -through-> channel, product -in-> category (and campaign), and the reverse of each (``rev_``), with
        ``edge_index`` (int64) and ``time`` (int64).
    """
    import torch

    with warnings.catch_warnings():
        # torch_geometric still compiles parts of itself by torch.jit.script on import.
        warnings.filterwarnings("ignore", category=DeprecationWarning)
        from torch_geometric.data import HeteroData

    moment = as_microseconds(as_of)
    data = HeteroData()
    for node_type, count in node_counts(market, offers, moment).items():
        data[node_type].num_nodes = count
    for node_type, (matrix, names) in node_features(market, moment).items():
        data[node_type].x = torch.from_numpy(matrix)
        data[node_type].feature_names = names
    for (source, relation, target), edges in typed_edges(market, offers, moment).items():
        index = torch.from_numpy(np.stack([edges.source, edges.target]))
        time = torch.from_numpy(edges.time)
        data[source, relation, target].edge_index = index
        data[source, relation, target].time = time
        data[target, f"rev_{relation}", source].edge_index = index.flip(0).contiguous()
        data[target, f"rev_{relation}", source].time = time.clone()
    return data


def node_counts(market: Market, offers: Offers, as_of: int) -> dict[str, int]:
    """Number of nodes of each type; solicitations count from the first to the last before ``as_of``."""
    sent = to_microseconds(market.solicitations["sent_at"])
    counts = {
        "customer": len(market.vocabulary.customers),
        "product": len(market.vocabulary.products),
        "solicitation": int(np.searchsorted(sent, as_of, side="left")),
        "category": int(category_codes(market).max(initial=-1)) + 1,
        "channel": len(market.vocabulary.channels),
    }
    return counts | ({"campaign": len(market.vocabulary.campaigns)} if offers.kind == "campaign" else {})


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
        found["product", "in", "campaign"] = _campaign_edges(market, sent, as_of)
    else:
        found["solicitation", "about", "product"] = link(market.codes("solicitations", "product_id"))
    category = category_codes(market)
    always = np.full(len(category), ALWAYS)
    found["product", "in", "category"] = _edges(np.arange(len(category)), category, always)
    return found


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
    category = market.products["category"]
    return np.asarray(pd.factorize(category.astype("str").where(category.notna()), sort=True)[0], dtype=np.int64)


def node_features(market: Market, as_of: int) -> dict[str, tuple[np.ndarray, tuple[str, ...]]]:
    """Attributes of customers and products known before a moment (microseconds), standardised.

    Returns
    -------
    dict of str to (numpy.ndarray of shape (n, f) float32, names)
        For ``"customer"`` and ``"product"``; f may be zero.
    """
    before = sort_attributes(market).before
    found = {}
    for node_type, frame in (("customer", market.customers), ("product", market.products)):
        table = AttributeTable.of(market, frame, before)
        codes, times = np.arange(len(frame)), np.full(len(frame), as_of)
        values = pd.DataFrame({name: table.at(name, codes, times) for name in table.dates}, index=codes)
        design = fit_design(values, list(table.dates))
        found[node_type] = (design.transform(values), design.names)
    return found


def as_microseconds(moment: object) -> int:
    """A moment as microseconds since 1970 (UTC); integers are taken as such."""
    return int(moment) if isinstance(moment, int | np.integer) else int(to_microseconds([moment])[0])
