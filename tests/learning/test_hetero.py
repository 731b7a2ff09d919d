from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import torch

from graphrec.learning.hetero import ALWAYS, to_hetero, typed_edges
from graphrec.market.history import to_microseconds
from graphrec.market.offers import make_offers
from graphrec.market.tables import Market

CUT = pd.Timestamp("2024-05-01", tz="UTC")


def test_the_graph_is_a_valid_heterodata_with_reverse_edges(tasted) -> None:
    market = tasted(0, views=True).market
    data = to_hetero(market, make_offers(market), CUT)
    assert data.validate()
    assert set(data.node_types) == {"customer", "product", "solicitation", "category", "channel"}
    forward = [e for e in data.edge_types if not e[1].startswith("rev_")]
    assert set(forward) == {
        ("customer", "view", "product"),
        ("customer", "cart", "product"),
        ("customer", "purchase", "product"),
        ("solicitation", "to", "customer"),
        ("solicitation", "about", "product"),
        ("solicitation", "through", "channel"),
        ("product", "in", "category"),
    }
    for source, relation, target in forward:
        back = data[target, f"rev_{relation}", source]
        assert torch.equal(back.edge_index.flip(0), data[source, relation, target].edge_index)
        assert torch.equal(back.time, data[source, relation, target].time)
    assert data["solicitation", "to", "customer"].edge_index.shape[1] == data["solicitation"].num_nodes


def test_edges_are_the_records_strictly_before_the_cut(tasted) -> None:
    market = tasted(0, views=True).market
    moment = int(to_microseconds([market.events["event_time"].iloc[500]])[0])
    data = to_hetero(market, make_offers(market), moment)
    times = to_microseconds(market.events["event_time"])
    for kind in ("purchase", "view"):
        rows = ((market.events["event_type"] == kind) & (times < moment)).to_numpy()
        edges = data["customer", kind, "product"]
        expected = np.stack(
            [market.codes("events", "customer_id")[rows], market.codes("events", "product_id")[rows], times[rows]]
        )
        found = np.vstack([edges.edge_index.numpy(), edges.time.numpy()])
        assert sorted(map(tuple, found.T)) == sorted(map(tuple, expected.T))
    for edge_type in data.edge_types:
        assert (data[edge_type].time < moment).all()
    assert (data["product", "in", "category"].time == ALWAYS).all()


@pytest.mark.parametrize("how", ["deleted", "shuffled"])
def test_the_future_leaves_no_trace_in_the_graph(tasted, changed_future, how: str) -> None:
    made = tasted(0, views=True)
    after = changed_future(made, CUT, how)
    first, second = (to_hetero(m, make_offers(m), CUT) for m in (made.market, after))
    assert first.edge_types == second.edge_types
    for edge_type in first.edge_types:
        assert torch.equal(first[edge_type].edge_index, second[edge_type].edge_index)
        assert torch.equal(first[edge_type].time, second[edge_type].time)
    for node_type in ("customer", "product"):
        assert torch.equal(first[node_type].x, second[node_type].x)
    assert {n: first[n].num_nodes for n in first.node_types} == {n: second[n].num_nodes for n in second.node_types}


def test_only_attributes_known_before_describe_a_node(tasted) -> None:
    made = tasted(0)
    market = made.market
    data = to_hetero(market, make_offers(market), CUT)
    assert data["customer"].feature_names == ("age", "wealth")  # "secret" has no role
    assert data["customer"].x.mean(dim=0).numpy() == pytest.approx([0, 0], abs=1e-4)
    assert data["customer"].x.std(dim=0).numpy() == pytest.approx([1, 1], abs=0.01)
    frames = dict(made.frames)
    dates = pd.Series(CUT - pd.Timedelta(days=1), index=frames["customers"].index)
    dates[::2] = CUT
    frames["customers"] = frames["customers"].assign(known_at=dates)
    roles = {"secret": {"class": "Wealth", "date": "known_at"}}
    dated = Market.from_frames(**frames, roles=roles)
    found = to_hetero(dated, make_offers(dated), CUT)["customer"]
    assert found.feature_names == ("secret", "secret missing")
    assert found.x[::2, 1].min() == 1.0
    assert found.x[1::2, 1].max() == 0.0


def test_contacts_about_campaigns_pass_through_a_campaign_node(tasted) -> None:
    frames = dict(tasted(0).frames)
    frames["campaigns"] = pd.DataFrame(
        {
            "campaign_id": ["a"] * 20 + ["b"] * 20,
            "product_id": [f"p{i}" for i in [*range(20), *range(10, 30)]],
            "starts_at": [CUT - pd.Timedelta(days=30)] * 20 + [CUT] * 20,
        }
    )
    contacts = frames["solicitations"].drop(columns="product_id")
    frames["solicitations"] = contacts.assign(campaign_id=np.where(contacts["sent_at"] < CUT, "a", "b"))
    market = Market.from_frames(**frames)
    data = to_hetero(market, make_offers(market), CUT)
    assert data.validate()
    assert data["product", "in", "campaign"].edge_index.shape == (2, 20)  # campaign b starts at the cut: unknown
    assert data["solicitation", "about", "campaign"].edge_index[1].unique().tolist() == [0]
    assert ("solicitation", "about", "product") not in data.edge_types


def test_edges_without_a_partner_are_left_out(tasted) -> None:
    frames = dict(tasted(0).frames)
    contacts = frames["solicitations"]
    frames["solicitations"] = contacts.assign(product_id=contacts["product_id"].where(contacts.index % 2 == 0))
    market = Market.from_frames(**frames)
    edges = typed_edges(market, make_offers(market), np.iinfo(np.int64).max)
    assert len(edges["solicitation", "about", "product"].time) == (len(contacts) + 1) // 2
    assert len(edges["solicitation", "to", "customer"].time) == len(contacts)
