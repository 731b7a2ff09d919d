from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

import graphrec
from graphrec.decisions.questions import check_request, choose_channels, customer_codes, decision_time
from graphrec.market.tables import DataError, Market

NIGHT = pd.Timestamp("2024-02-01 22:00", tz="UTC")


@pytest.fixture(scope="module")
def market():
    return Market.from_frames(
        customers=pd.DataFrame({"customer_id": ["ann", "bob", "eve"]}),
        products=pd.DataFrame({"product_id": ["tea"]}),
        solicitations=None,
        events=pd.DataFrame({"event_time": [NIGHT], "event_type": ["visit"], "customer_id": ["ann"]}),
    )


@pytest.mark.parametrize("n", [0, -1, 2.5, "3", None])
def test_a_number_of_rows_is_a_whole_number(n):
    with pytest.raises(DataError, match="whole number of rows"):
        check_request(n, "uplift", None)


def test_good_requests_pass():
    check_request(np.int64(3), "net_value", ["ann", "bob"])
    check_request(1, "uplift", range(5))
    check_request(1, "uplift", pd.Series([1, 2]))


def test_an_unknown_order_is_refused():
    with pytest.raises(DataError, match="by is 'appetite'; choose 'uplift', 'uplift_low' or 'net_value'"):
        check_request(1, "appetite", None)


@pytest.mark.parametrize("customers", ["ann", [], np.array([])])
def test_customers_are_a_list_of_at_least_one(customers):
    with pytest.raises(DataError, match="a list of one or more"):
        check_request(1, "uplift", customers)


def test_a_customer_named_twice_is_refused_without_the_name():
    with pytest.raises(DataError, match="1 of 3 customers are named before") as caught:
        check_request(1, "uplift", ["ann", "bob", "ann"])
    assert "ann" not in str(caught.value)


def test_channels_are_learned_ones_each_once():
    known = ("call", "mail")
    assert choose_channels(known, None) == known
    assert choose_channels(known, ["mail"]) == choose_channels(known, "mail") == ("mail",)
    assert choose_channels(known, ["mail", "call"]) == ("mail", "call")
    with pytest.raises(DataError, match="channel 'fax' was not learned; choose one or more of call, mail"):
        choose_channels(known, ["mail", "fax"])
    for wrong in ([], ["mail", "mail"]):
        with pytest.raises(DataError, match="each once"):
            choose_channels(known, wrong)


def test_customers_become_codes_in_their_order(market):
    assert customer_codes(market, ["eve", "ann"]).tolist() == [2, 0]
    assert customer_codes(market, pd.Series(["bob"], index=[9])).tolist() == [1]
    assert customer_codes(market, None).tolist() == [0, 1, 2]


def test_an_unknown_customer_is_counted_and_not_named(market):
    with pytest.raises(DataError, match=r"1 of 2 customers are not in .* pass the market") as caught:
        customer_codes(market, ["ann", "mallory"])
    assert "mallory" not in str(caught.value) and "ann" not in str(caught.value)


def test_the_moment_is_the_end_of_the_records_or_the_one_given(market):
    midnight = pd.Timestamp("2024-02-02", tz="UTC")
    assert decision_time(market, None) == midnight.value // 1000
    paris = pd.Timestamp("2024-02-02 01:00", tz="Europe/Paris")
    for same in ("2024-02-02", midnight, paris, midnight.to_pydatetime(), np.datetime64("2024-02-02")):
        assert decision_time(market, same) == midnight.value // 1000


@pytest.mark.parametrize(
    "as_of", ["yesterday evening", "01/10/2024", ["2024-02-02", "2024-02-03"], pd.NaT, "NaT", float("nan")]
)
def test_no_moment_is_refused(market, as_of):
    with pytest.raises(DataError, match="give one moment"):
        decision_time(market, as_of)


def test_wrong_types_are_refused_with_the_remedy(unit_model):
    for config, remedy in (({"level": 0.9}, r"RecommenderConfig\(\*\*config\)"), ("t", "config is a str")):
        with pytest.raises(DataError, match=remedy):
            graphrec.Recommender(config)
    with pytest.raises(ValueError, match="level is 'a'; use a number"):
        graphrec.RecommenderConfig(level="a")
    with pytest.raises(DataError, match="graph is a str; give a CausalGraph"):
        graphrec.Recommender().fit(unit_model.panel, graph="mail -> bought")
    with pytest.raises(DataError, match="rng is -1; give a whole number"):
        graphrec.Recommender().fit(unit_model.panel, rng=-1)
    with pytest.raises(DataError, match="n is True; ask for a whole number"):
        unit_model.recommend(n=True)
