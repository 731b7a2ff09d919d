from __future__ import annotations

import warnings

import numpy as np
import pandas as pd
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from graphrec.learning.encoders.relations import RELATIONS, EncoderGraph, build_graph, connect
from graphrec.learning.hetero import ALWAYS, Edges, TypedGraph, from_hetero, to_hetero
from graphrec.learning.interactions import read_interactions
from graphrec.market.offers import make_offers
from graphrec.market.tables import DataError, Market

CUT = pd.Timestamp("2024-05-01", tz="UTC")
MOMENT = int(CUT.value // 1000)
DAY = 86_400_000_000


def _rich(tasted) -> Market:
    """A market with everything a relation can come from; the campaign ``b`` and its coupon lie after the cut."""
    frames = dict(tasted(0, views=True).frames)
    frames["products"] = frames["products"].assign(brand=[("x", "y", None)[i % 3] for i in range(30)])
    frames["campaigns"] = pd.DataFrame(
        {
            "campaign_id": ["a"] * 20 + ["b"] * 20,
            "product_id": [f"p{i}" for i in [*range(20), *range(10, 30)]],
            "coupon_id": ["k1"] * 20 + ["k2"] * 20,
            "starts_at": [CUT - pd.Timedelta(days=30)] * 20 + [CUT] * 20,
        }
    )
    contacts = frames["solicitations"].drop(columns="product_id")
    frames["solicitations"] = contacts.assign(campaign_id=np.where(contacts["sent_at"] < CUT, "a", "b"))
    redeemed = pd.DataFrame(
        {
            "event_time": CUT - pd.to_timedelta([9, 8, 7, -1], unit="D"),
            "event_type": "redeem",
            "customer_id": ["c0", "c1", "c2", "c3"],
            "campaign_id": ["a", None, None, "b"],
            "coupon_id": [None, "k1", "unknown", None],
        }
    )
    frames["events"] = pd.concat([frames["events"], redeemed], ignore_index=True)
    return Market.from_frames(**frames, roles={"age": "Age"})


def _build(market: Market, wanted: tuple[str, ...] = tuple(RELATIONS), half_life: float | None = None) -> EncoderGraph:
    past = read_interactions(market).before(MOMENT)
    return build_graph(market, make_offers(market), past, MOMENT, wanted, half_life)


def _edges(graph: EncoderGraph, name: str) -> set[tuple[int, int]]:
    dense = graph.relations[name].matrix().to_dense().numpy()
    left, right = np.nonzero(np.triu(dense))
    return set(zip(left.tolist(), right.tolist()))


def test_every_relation_links_what_its_name_says_and_nothing_from_after_the_cut(tasted) -> None:
    market = _rich(tasted)
    graph = _build(market)
    assert set(graph.relations) == set(RELATIONS) - {"cart"}  # nobody put anything into a cart
    campaign, brand, channel = graph.first["campaign"], graph.first["brand"], graph.first["channel"]
    assert _edges(graph, "redeem") == {(0, campaign), (1, campaign)}
    assert _edges(graph, "campaign") == {(150 + p, campaign) for p in range(20)}
    assert _edges(graph, "brand") == {(150 + p, brand + p % 3) for p in range(30) if p % 3 < 2}
    sent = market.solicitations[market.solicitations["sent_at"] < CUT]
    who = market.vocabulary.customers.encode(sent["customer_id"])
    assert _edges(graph, "contact") == {(int(c), campaign) for c in who}
    how = market.vocabulary.channels.encode(sent["channel"])
    assert _edges(graph, "channel") == {(int(c), channel + int(h)) for c, h in zip(who, how)}
    assert graph.n_nodes == campaign + 2


def test_the_graph_of_a_heterodata_is_the_graph_of_its_market(tasted) -> None:
    market = _rich(tasted)
    data = to_hetero(market, make_offers(market), CUT)
    found, expected = connect(from_hetero(data), tuple(RELATIONS), MOMENT, 30.0), _build(market, half_life=30.0)
    assert found.first == expected.first
    assert list(found.relations) == list(expected.relations)
    for name, relation in expected.relations.items():
        assert torch.equal(found.relations[name].values, relation.values), name
        assert torch.equal(found.relations[name].indices, relation.indices), name


def test_a_heterodata_that_is_not_consistent_is_refused(tasted) -> None:
    market = tasted(0).market
    data = to_hetero(market, make_offers(market), CUT)
    data["customer", "purchase", "product"].edge_index[1, 0] = 10_000
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        with pytest.raises(DataError, match="not consistent"):
            from_hetero(data)


def test_a_layer_is_the_light_convolution_of_torch_geometric(tasted) -> None:
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", category=DeprecationWarning)
        from torch_geometric.nn import LGConv
    market = tasted(0, views=True).market
    graph = _build(market, ("purchase",))
    data = to_hetero(market, make_offers(market), CUT)
    pairs = data["customer", "purchase", "product"].edge_index.unique(dim=1) + torch.tensor([[0], [graph.n_customers]])
    both = torch.cat([pairs, pairs.flip(0)], dim=1)
    vectors = torch.randn(graph.n_nodes, 6, generator=torch.Generator().manual_seed(0))
    found = graph.relations["purchase"].matrix() @ vectors
    assert found.numpy() == pytest.approx(LGConv()(vectors, both).numpy(), abs=1e-5)


@settings(deadline=None, max_examples=30)
@given(st.integers(0, 10_000), st.floats(0.5, 1000.0))
def test_edges_fade_by_the_age_of_their_newest_record_and_rows_stay_normalised(seed: int, half_life: float) -> None:
    rng = np.random.default_rng(seed)
    source, target = rng.integers(0, 6, 25), rng.integers(0, 5, 25)
    days = rng.integers(0, 3000, 25)
    edges = Edges(source, target, MOMENT - days * DAY)
    graph = connect(
        TypedGraph({"customer": 6, "product": 5}, {("customer", "purchase", "product"): edges}),
        ("purchase",),
        MOMENT,
        half_life,
    )
    weights = np.zeros((6, 5))
    for i in range(6):
        for j in range(5):
            rows = (source == i) & (target == j)
            weights[i, j] = 2.0 ** -min(days[rows].min() / half_life, 60.0) if rows.any() else 0.0
    scale = np.sqrt(np.outer(weights.sum(axis=1), weights.sum(axis=0)))
    expected = weights / np.where(weights > 0, scale, 1.0)
    found = graph.relations["purchase"].matrix().to_dense().numpy()[:6, 6:11]
    assert found == pytest.approx(expected, rel=1e-4, abs=1e-12)
    # Only ratios matter: a year later with nothing new the graph is the same, up to what has faded for good.
    if days.max() / half_life < 20 and half_life > 40:
        later = connect(
            TypedGraph({"customer": 6, "product": 5}, {("customer", "purchase", "product"): edges}),
            ("purchase",),
            MOMENT + 365 * DAY,
            half_life,
        )
        assert later.relations["purchase"].values.numpy() == pytest.approx(
            graph.relations["purchase"].values.numpy(), rel=1e-4
        )


def test_edges_without_a_date_do_not_fade(tasted) -> None:
    market = tasted(0).market
    plain, faded = (_build(market, ("purchase", "category"), half) for half in (None, 1.0))
    assert torch.equal(plain.relations["category"].values, faded.relations["category"].values)
    assert not torch.allclose(plain.relations["purchase"].values, faded.relations["purchase"].values)


def test_empty_relations_are_left_out_and_isolated_nodes_keep_a_finite_place() -> None:
    nobody = np.zeros(0, dtype=np.int64)
    one = Edges(np.array([0]), np.array([1]), np.array([ALWAYS]))
    graph = connect(
        TypedGraph(
            {"customer": 2, "product": 3, "category": 0},
            {
                ("customer", "purchase", "product"): one,
                ("customer", "view", "product"): Edges(nobody, nobody, nobody),
            },
        ),
        ("purchase", "view", "category", "redeem"),
        MOMENT,
    )
    assert list(graph.relations) == ["purchase"]
    assert graph.present.ravel().tolist() == [1.0, 0.0, 0.0, 1.0, 0.0]
    dense = graph.relations["purchase"].matrix().to_dense()
    assert torch.isfinite(dense).all()
    assert dense.sum() == 2.0
