from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from graphrec.decisions.repertoire import choose_offers, possible_pairs, tried_offers
from graphrec.market.offers import make_offers
from graphrec.market.panel import Panel
from graphrec.market.tables import Market

TIME = pd.Timestamp("2024-02-01", tz="UTC")


def make(sent: list[tuple[str, str]], bought: list[str]) -> Market:
    """``sent``: (product, channel) of each contact; ``bought``: product of each purchase."""
    contacts = pd.DataFrame(sent, columns=["product_id", "channel"])
    contacts = contacts.assign(solicitation_id=range(len(sent)), customer_id="ann", sent_at=TIME)
    events = pd.DataFrame({"product_id": bought})
    return Market.from_frames(
        customers=pd.DataFrame({"customer_id": ["ann"]}),
        products=pd.DataFrame({"product_id": ["a", "b", "c", "d"]}),
        solicitations=contacts if sent else None,
        events=events.assign(event_time=TIME, event_type="purchase", customer_id="ann"),
    )


def test_a_small_catalogue_is_scored_whole():
    market = make([("a", "mail")], ["b"])
    assert choose_offers(market, make_offers(market, "product"), 4).tolist() == [0, 1, 2, 3]


def test_of_a_large_one_the_contacted_come_first_then_the_popular():
    market = make([("d", "mail"), ("d", "mail"), ("b", "mail")], ["a", "a", "c", "b"])
    offers = make_offers(market, "product")
    assert choose_offers(market, offers, 1).tolist() == [3]
    assert choose_offers(market, offers, 2).tolist() == [1, 3]
    assert choose_offers(market, offers, 3).tolist() == [0, 1, 3]


def test_where_each_offer_has_its_channel_no_other_pair_is_possible():
    market = make([("a", "mail"), ("b", "call")] * 30, ["a"])
    found = possible_pairs(market, make_offers(market, "product"), ["call", "mail"])
    assert found.tolist() == [[False, True], [True, False], [False, False], [False, False]]


@pytest.mark.parametrize(
    "sent",
    [
        [("a", "mail"), ("b", "call")] * 3,  # too few to be a rule
        [("a", "mail"), ("b", "call"), ("a", "call")] * 30,  # no rule
        [("a", "mail"), ("b", "mail")] * 30,
        [],
    ],
    ids=["few", "mixed", "one channel", "no contact"],
)
def test_elsewhere_every_pair_is_possible(sent):
    market = make(sent, ["a"])
    assert possible_pairs(market, make_offers(market, "product"), ["call", "mail"]).all()


def test_channels_that_were_not_learned_are_ignored():
    market = make([("a", "mail"), ("b", "call"), ("b", "fax")] * 30, ["a"])
    found = possible_pairs(market, make_offers(market, "product"), ["call", "mail"])
    assert np.array_equal(found[:2], [[False, True], [True, False]])


def test_an_offer_is_tried_once_somebody_was_contacted_about_it():
    market = make([("b", "mail")], ["a"])
    offers = make_offers(market, "product")
    frame = pd.DataFrame({"offer": [0, 1, 3], "treatment": pd.Categorical(["none", "mail", "none"])})
    panel = Panel(frame, (), (), (), {}, offers=offers)
    assert tried_offers(offers, panel).tolist() == [False, True, False, False]
    assert tried_offers(make_offers(market, "product"), panel).tolist() == [False, True, False, False]
